#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Every test there is: format, unit tests, kernel tests in network namespaces, replayed sessions, Docker engines.
#
#   sudo scripts/test.sh
#
# Installs the Debian packages it needs. Goes on after a failure, ends with a summary and the closing lines of the test
# runners, and with status 1 if anything failed. Touches no network but that of namespaces it makes. Takes about twenty
# minutes on two cores from a fresh clone, most of it building.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib/prepare.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/prepare.sh"

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
results=()
failed=0

main() {
    need_root "$@"
    need_packages "${build_packages[@]}" iptables nftables mmdebstrap python3 python3-pytest
    need_docker
    need_swift
    cd "$repository"

    step format swift_run format lint --strict --recursive Sources Tests Package.swift
    step "debug build" swift_run build --build-tests
    step "unit tests" swift_run test --skip-build
    step "kernel tests" scripts/netns-test.sh
    step "release build" build_release
    # Debian's Python, which is the one that has pytest; no byte code into the source tree.
    step "replay and engines" env PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m pytest Tests/Engine

    say "" "== summary"
    printf '%s\n' "${results[@]}"
    say ""
    closing "unit tests" "Test run with"
    closing "kernel tests" "Test run with" " passed, .* failed"
    closing "replay and engines" "^=.*(passed|failed|error).* in "
    exit "$failed"
}

# Runs a command, shows and keeps its output, notes how it ended and how long it took.
step() {
    local name=$1 begin=$SECONDS word=passed
    shift
    say "" "== $name"
    "$@" 2>&1 | tee "$logs/$name" || { word=FAILED; failed=1; }
    local took=$((SECONDS - begin))
    results+=("$(printf '%-20s %s   %d min %02d s' "$name" "$word" $((took / 60)) $((took % 60)))")
}

# Repeats the lines with which the runner of a step closed.
closing() {
    local name=$1 pattern
    shift
    for pattern in "$@"; do grep --extended-regexp -- "$pattern" "$logs/$name" | tail -n 1 || true; done
}

main "$@"
