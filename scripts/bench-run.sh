#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# How long `docker run --rm` takes on a plugind network, next to a built-in bridge network.
#
#   sudo scripts/bench-run.sh [PAIRS] [ROOT]     20 pairs; the engine of this machine, or that of the directory ROOT
#
# One run on each network after the other, so that whatever slows the machine down slows both. Uses the release binary
# and an engine in a network namespace of its own. Prints medians, their ratio, and the range of the middle half.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib/prepare.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/prepare.sh"

pairs=${1:-20}
root=${2:-}
place=$(mktemp -d)
private_engine=$repository/scripts/lib/private-engine.sh
binary=${PLUGIND_BINARY:-$binary}

main() {
    need_root "$@"
    [[ -x $binary ]] || fail "$binary is not there: swift build -c release --static-swift-stdlib --product plugind"
    trap '"$private_engine" stop "$place/engine"; rm -rf "$place"' EXIT
    "$private_engine" start "$place/engine" ${root:+"$root"}
    "$private_engine" enter "$place/engine" "$binary" serve --state-dir /run/engine/state \
        </dev/null >"$place/plugind.log" 2>&1 &
    "$repository/scripts/lib/busybox-image.sh" | engine_docker import - busybox >/dev/null
    engine_docker network create --driver plugind --ipam-driver plugind plugind >/dev/null
    engine_docker network create --driver bridge bridged >/dev/null

    local network round
    for network in plugind bridged; do run_once "$network" >/dev/null; done
    for ((round = 0; round < pairs; round++)); do
        for network in plugind bridged; do run_once "$network" >>"$place/$network"; done
    done

    say "docker run --rm, $pairs pairs, Docker $(engine_docker version --format '{{.Server.Version}}'), milliseconds"
    printf '%-10s %8s   %s\n' network median "middle half"
    for network in plugind bridged; do
        printf '%-10s %8s   %s to %s\n' "$network" "$(quantile "$network" 50)" \
            "$(quantile "$network" 25)" "$(quantile "$network" 75)"
    done
    awk -v a="$(quantile plugind 50)" -v b="$(quantile bridged 50)" \
        'BEGIN { printf "ratio      %8.3f\n", a / b }'
}

engine_docker() { docker --host "unix://$place/engine/docker.sock" "$@"; }

# Prints the milliseconds that one run took.
run_once() {
    local begin=$EPOCHREALTIME end
    engine_docker run --rm --network "$1" busybox true >/dev/null
    end=$EPOCHREALTIME
    echo "$(((${end/./} - ${begin/./}) / 1000))"
}

# The value below which that many per cent of a network's runs are.
quantile() {
    sort --numeric-sort "$place/$1" |
        awk -v percent="$2" '{ v[NR] = $1 } END { i = int((NR - 1) * percent / 100 + 1.5); print v[i] }'
}

main "$@"
