#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The benchmark: what plugind costs, next to what the kernel charges, and next to the bridge driver inside Docker.
#
#   sudo scripts/bench.sh [PART…] [--quick] [--json FILE] [--plots DIR] [OPTION…]
#
#   floor      an endpoint's life as requests to the kernel and nothing else
#   lives      lives over plugind's socket, without an engine: 1 to 100 callers, 1 and 50 networks, both ways to attach;
#              the floor is measured in turn with it
#   methods    each method, one call after the other: at the caller and inside plugind
#   engine     a real engine, plugind and the built-in bridge driver in turn: `docker run --rm`, 50 containers at once,
#              10 networks of 20, networks made and removed; with the engine of this machine and that of Debian sid
#   run        of engine, only `docker run --rm`
#   ipam       addresses: scripts/bench-ipam.sh
#   ports      1 to 10 000 published ports: scripts/bench-edge.sh
#   dataplane  what gets through: scripts/bench-edge.sh
#   scale      memory and start with 100, 1000 and 10 000 endpoints
#
# All parts but `run` without one. Takes about an hour, --quick a quarter of it. --engine-root DIR is where Debian sid
# with Docker is or is made (default: /var/cache/plugind-test/sid); --engine installed|sid takes one engine alone;
# --draw FILE only draws what another run wrote with --json. More options: --help.
#
# Uses the release binary (or PLUGIND_BINARY), network namespaces and engines of its own, and a directory in --state-dir
# (default: /var/tmp), which has to be on a disk. Installs the Debian packages that it needs. Prints kernel, HZ, CPUs
# and disk, and tables with the goals beside.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib/prepare.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/prepare.sh"
binary=${PLUGIND_BINARY:-$binary}
library=$repository/scripts/lib

main() {
    local arguments=() wants_help="" wants_plots="" draws=""
    while (($#)); do
        case "$1" in
        --engine-root)
            [[ -n ${2:-} ]] || fail "--engine-root needs a directory"
            need_engine_root "$2"
            shift
            ;;
        --help | -h) wants_help=1 ;;
        *)
            [[ $1 == --plots* ]] && wants_plots=1
            [[ $1 == --draw* ]] && draws=1
            arguments+=("$1")
            ;;
        esac
        shift
    done
    if [[ -n $wants_help ]]; then
        sed -n '4,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
        bench --help
        exit
    fi

    [[ -n $draws ]] || need_root "${arguments[@]}"
    [[ -z $wants_plots ]] || need_packages python3-matplotlib
    if [[ -n $draws ]]; then
        bench "${arguments[@]}"
        exit
    fi
    [[ -x $binary ]] || fail "$binary is not there: swift build -c release --static-swift-stdlib --product plugind"
    need_packages binutils gcc iproute2 libc6-dev libmnl-dev python3 util-linux
    prepare_parts "${arguments[@]}"

    place=$(mktemp -d)
    trap 'rm -rf "$place"' EXIT
    build floor
    build life_load
    bench --floor "$place/floor" --life-load "$place/life_load" "${arguments[@]}"
}

# What the engine tests, which the root directory is shared with, look for; they would make another one in its place.
need_engine_root() {
    local path
    for path in usr/sbin/dockerd usr/bin/docker-compose; do
        [[ ! -e $1 || -e $1/$path ]] || fail "$1 is there, and has no $path"
    done
    PLUGIND_TEST_SID=$(realpath --canonicalize-missing "$1")
    export PLUGIND_TEST_SID
}

# The packages of those parts that are meant, which are all if none is named.
prepare_parts() {
    local part parts=() word
    for word in "$@"; do
        for part in floor lives methods engine run ipam ports dataplane scale; do
            [[ $word != "$part" ]] || parts+=("$word")
        done
    done
    ((${#parts[@]})) || parts=(engine ports)
    for part in "${parts[@]}"; do
        case "$part" in
        engine | run)
            need_docker
            [[ " $* " == *" installed "* || -e ${PLUGIND_TEST_SID:-/var/cache/plugind-test/sid} ]] ||
                need_packages mmdebstrap debian-archive-keyring
            ;;
        ports | dataplane)
            need_docker
            need_packages iperf3 nftables
            ;;
        esac
    done
}

# A program of scripts/lib, with what plugind asks the kernel by. That is written for clang, whose words others skip.
build() {
    cc -O2 -std=gnu11 -Wall -Wextra -Wno-attributes -Wno-unknown-pragmas -D_Nullable= -D_Nonnull= \
        -I "$repository/Sources/CNetlink/include" -o "$place/$1" \
        "$library/$1.c" "$library"/{life,sandbox,calls}.c "$repository"/Sources/CNetlink/*.c -lmnl -lpthread
}

bench() {
    PLUGIND_BINARY=$binary PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 "$library/bench.py" "$@"
}

main "$@"
