#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs the tests that need a kernel: the C calls under the address and undefined-behaviour sanitizers
# (Tests/CNetlinkTests), then the Swift calls over them (Tests/NetlinkTests). Each runs in fresh namespaces, never in the
# machine's own network, and must leave them as they were; each single test is held to that by the tests themselves:
#
#   machine's namespace        fresh namespace (unshare --net)              another namespace
#   +-----------------+        +-------------------------------------+      +------------------+
#   | nothing happens |        | lo (up)                             |      | ends of pairs    |
#   | here            |        | bridges, with addresses and routes  |      | that are made or |
#   |                 |        |   ports: veth pairs ----------------+------+ moved there      |
#   +-----------------+        | chain DOCKER-USER, as engines make  |      +------------------+
#                              +-------------------------------------+
#
# Needs clang (the Swift toolchain has it), pkg-config, libmnl-dev, libnftables-dev, iproute2, nftables and util-linux,
# and either root or user namespaces. With iptables, the packet filter's rules are also read as an engine reads them.
#
# Usage: scripts/netns-test.sh [c|swift]        default: both

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib/prepare.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/prepare.sh"

main() {
    # Some systems give root a path without the directories of system programs.
    PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
    need_swift
    local tool
    for tool in clang findmnt ip lsns nft pkg-config unshare; do
        command -v "$tool" >/dev/null || fail "$tool is not installed"
    done
    pkg-config --exists libmnl || fail "libmnl-dev is not installed"
    work=$(mktemp --directory)
    trap 'rm -rf "$work"' EXIT

    case "${1:-}" in
    c) test_c ;;
    swift) test_swift ;;
    "") test_c; test_swift ;;
    *) fail "no such part: $1 (c or swift)" ;;
    esac
    say "== kernel tests passed"
}

test_c() {
    say "== C calls, under the address and undefined-behaviour sanitizers"
    # With lld, because the gold linker warns of the sanitizer's symbols.
    # shellcheck disable=SC2046
    clang -g -O1 -std=gnu11 -Wall -Wextra -Werror \
        -fsanitize=address,undefined -fno-sanitize-recover=all -fuse-ld=lld \
        -I "$repository/Sources/CNetlink/include" "$repository"/Sources/CNetlink/*.c \
        "$repository"/Tests/CNetlinkTests/*.c \
        $(pkg-config --cflags --libs libmnl) -o "$work/cnetlink_test"
    in_fresh_namespaces "$work/cnetlink_test"
}

test_swift() {
    local binaries
    say "== Swift calls"
    swift_run build --package-path "$repository" --build-tests
    binaries=$(swift_run build --package-path "$repository" --show-bin-path)
    # Not by `swift test`, which would write into a tree that may be somebody else's than root's.
    in_fresh_namespaces env NETNS_TESTS=1 \
        "$binaries/plugindPackageTests.xctest" --testing-library swift-testing --filter NetlinkTests 2>&1 |
        tee "$work/swift.log"
    # A filter that matches nothing is a success for the test runner.
    grep --extended-regexp --quiet 'Test run with [1-9][0-9]* tests? .*passed' "$work/swift.log" ||
        fail "no Swift test ran"
}

# Runs a command with a network, processes and mounts of its own: so other namespaces of the machine are not seen.
in_fresh_namespaces() {
    local unshare=(unshare --net --pid --fork --kill-child --mount-proc)
    [[ $EUID -eq 0 ]] || unshare+=(--user --map-root-user)
    "${unshare[@]}" "${BASH_SOURCE[0]}" --inside "$@"
}

# Runs a command, and fails if it leaves something behind.
inside() {
    local code=0 before after
    # Foundation's Process talks to itself over the loopback.
    ip link set lo up
    before=$(snapshot)
    "$@" || code=$?
    after=$(snapshot)
    if ! diff <(echo "$before") <(echo "$after"); then
        say "netns-test: links, addresses, routes, packet filter rules or namespaces are left behind" >&2
        code=1
    fi
    return "$code"
}

# What a test must leave as it was: the network, and namespaces that a process or a mount keeps.
snapshot() {
    ip -o link
    ip -o address
    ip -4 route show table all
    ip -6 route show table all
    nft list ruleset
    lsns --noheadings --type net --output NS
    # Fails where there is none.
    findmnt --noheadings --type nsfs --output TARGET || true
}

if [[ ${1:-} == --inside ]]; then
    shift
    inside "$@"
else
    main "$@"
fi
