#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What addresses cost: how many a second are given durably to 1, 8 and 64 callers over plugind's socket and taken back;
# how long one takes in a pool that is full, next to one that is empty; their memory; the start with 100 000 of them.
#
#   sudo scripts/bench-ipam.sh [--quick] [--state-dir DIRECTORY] [--without-package]
#
# Takes some minutes, --quick about three, and more to build the benchmark package (Benchmarks/), which measures all
# but the first; --without-package leaves that out. Uses the release binary in a network namespace of its own. A
# directory for the state is made in DIRECTORY (default: /var/tmp), which has to be on a disk, and is removed again.
# Prints the kernel, the CPUs, the disk, tables with the goals beside, and at last one line of JSON. Installs nothing.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib/prepare.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/prepare.sh"
binary=${PLUGIND_BINARY:-$binary}

main() {
    case " $* " in *" --help "* | *" -h "*) sed -n '4,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" && exit ;; esac
    need_root "$@"
    [[ -x $binary ]] || fail "$binary is not there: swift build -c release --static-swift-stdlib --product plugind"
    local tool package missing=()
    while read -r tool package; do
        command -v "$tool" >/dev/null || missing+=("$package")
    done <<'TOOLS'
/usr/bin/python3 python3
cc gcc
unshare util-linux
TOOLS
    ((${#missing[@]} == 0)) || fail "please install: $(printf '%s\n' "${missing[@]}" | sort -u | paste -sd ' ')"

    place=$(mktemp -d)
    trap 'rm -rf "$place"' EXIT
    cc -O2 -Wall -Wextra -o "$place/ipam_load" "$repository"/scripts/lib/{ipam_load,calls}.c
    : >"$place/package"
    [[ " $* " == *" --without-package "* ]] || measure_package "$@"
    PLUGIND_BINARY=$binary PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$repository/scripts/lib/bench_ipam.py" \
        --load "$place/ipam_load" --package "$place/package" "$@"
}

# Builds and runs the benchmark package, as whoever called sudo.
measure_package() {
    local filter=()
    [[ " $* " == *" --quick "* ]] && filter=(--filter 'Allocate:/(16|64):(0|99)' --filter 'Memory.*' --filter 'Start.*')
    need_swift
    say "Building and running Benchmarks/ …" >&2
    swift_run package --package-path "$repository/Benchmarks" --disable-sandbox benchmark \
        --target IPAMBenchmarks --format jmh --path stdout --no-progress "${filter[@]}" \
        >"$place/package" 2>"$place/package.log" ||
        fail "the benchmark package failed:"$'\n'"$(tail -n 20 "$place/package" "$place/package.log")"
}

main "$@"
