#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds the packages twice, from two copies of the sources in two directories, and compares what comes out:
#
#   packaging/reproducible.sh
#
# Two release builds: about ten minutes on two cores. Ends with status 1, and says what differs, unless the Debian
# package and every file of the managed plugin have the same bytes. What is known to differ: docs/packages.md.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../scripts/lib/prepare.sh
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib/prepare.sh"

main() {
    local copy
    work=$(mktemp --directory --tmpdir="${TMPDIR:-/var/tmp}" plugind-reproducible.XXXXXX)
    trap 'rm -rf "$work"' EXIT
    SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$repository" log -1 --format=%ct)}
    export SOURCE_DATE_EPOCH
    # Names of different lengths, so that a path that gets into a file shows.
    for copy in first second-and-longer; do build "$work/$copy" "$work/out/$copy"; done

    if diff --recursive --brief "$work/out/first" "$work/out/second-and-longer"; then
        say "the same bytes twice:"
        (cd "$work/out/first" && sha256sum ./*.deb managed-plugin/rootfs/usr/bin/plugind)
    else
        say "bytes of the program that differ: $(differing_bytes usr/bin/plugind)"
        fail "the two builds differ"
    fi
}

differing_bytes() {
    cmp --verbose "$work/out/first/managed-plugin/rootfs/$1" "$work/out/second-and-longer/managed-plugin/rootfs/$1" |
        wc --lines
}

# The sources as they are here, without what was built, but with the dependencies if they were fetched before.
build() {
    local source=$1 out=$2
    mkdir -p "$source/.build" "$out"
    tar -C "$repository" --exclude ./.git --exclude ./.build -c . | tar -C "$source" -x
    for fetched in checkouts repositories artifacts workspace-state.json; do
        [[ ! -e $repository/.build/$fetched ]] || cp -a "$repository/.build/$fetched" "$source/.build/"
    done
    say "building in $source …"
    "$source/packaging/build-deb.sh" "$out" >/dev/null
    "$source/packaging/managed-plugin/build.sh" --binary "$source/.build/release/plugind" "$out/managed-plugin" >/dev/null
    rm -rf "$source"
}

main "$@"
