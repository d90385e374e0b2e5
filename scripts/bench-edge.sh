#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What publishing costs, next to the built-in bridge driver in the same run: how long it takes to publish one more port
# when there are 1, 100, 1000 and 10 000, how long a client then needs to connect, and how much gets through.
#
#   sudo scripts/bench-edge.sh [--quick] [--engine sid]    some minutes, --quick under two; the engine of this machine,
#                                                          or that of Debian sid which the tests made
#
# Uses the release binary, an engine in a network namespace of its own, and a second namespace as the client outside.
# Prints tables, and at last one line of JSON. Installs nothing: it says what is missing.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib/prepare.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/prepare.sh"
binary=${PLUGIND_BINARY:-$binary}

main() {
    case "${1:-}" in --help | -h) sed -n '4,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" && exit ;; esac
    need_root "$@"
    [[ -x $binary ]] || fail "$binary is not there: swift build -c release --static-swift-stdlib --product plugind"
    local tool package missing=()
    while read -r tool package; do
        command -v "$tool" >/dev/null || missing+=("$package")
    done <<'TOOLS'
/usr/bin/python3 python3
busybox busybox-static
docker docker.io
dockerd docker.io
ip iproute2
iperf3 iperf3
nft nftables
prlimit util-linux
TOOLS
    ((${#missing[@]} == 0)) || fail "please install: $(printf '%s\n' "${missing[@]}" | sort -u | paste -sd ' ')"
    PLUGIND_BINARY=$binary PYTHONDONTWRITEBYTECODE=1 exec /usr/bin/python3 "$repository/scripts/lib/bench_edge.py" "$@"
}

main "$@"
