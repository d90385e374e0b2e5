#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The tests: format, unit tests, kernel tests in network namespaces, replayed sessions, faults, fuzzing, Docker engines.
#
#   sudo scripts/test.sh
#
# Installs the Debian packages it needs. Goes on after a failure, ends with a summary and the closing lines of the test
# runners, and with status 1 if anything failed: of the engine tests, if it failed twice. Touches no network but that of
# namespaces it makes. Takes about 40 minutes on two cores from a fresh clone, almost half of it building.
#
# PLUGIND_TEST_ALL=1 plays everything with both engines, where otherwise one plays what differs little between them, and
# each one half of what is played in two ways, and a quarter of the engine's restarts; every recording in every way; all
# of the fault sweep, of which otherwise one half is played, by the seed; both fuzzers; and the model check with as many
# calls as it makes by itself.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib/prepare.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/prepare.sh"

logs=$(mktemp -d)
# Where there is no job, kill fails, and with it would the script.
trap 'kill $(jobs -p) 2>/dev/null || true; rm -rf "$logs"' EXIT
results=()
failed=0
# So many failures of a part may be chance; more are not.
most_repeats=3
pytest_steps=("plugind's faults" "engine installed" "engine sid" "plugind alone")
# Suites that compute for seconds.
long_tests='^ModelTests\.|\.RandomisedTests/|\.AddressSetTests/|\.DamageTests/|\.JournalTests/'

main() {
    need_root "$@"
    need_packages "${build_packages[@]}" binutils dpkg-dev e2fsprogs gcc iptables mmdebstrap nftables openssl python3 \
        python3-pytest
    need_docker
    need_swift
    cd "$repository"
    # All parts draw the same.
    export PLUGIND_TEST_SEED=${PLUGIND_TEST_SEED:-$RANDOM}

    step format swift_run format lint --strict --recursive Sources Tests Package.swift \
        Benchmarks/Package.swift Benchmarks/ForgetfulIPAM Benchmarks/IPAMBenchmarks Benchmarks/RequestBenchmarks
    step "debug build" swift_run build --build-tests
    # One at a time: all at once each would wait for hundreds of others, and whatever has a deadline would miss it.
    step "unit tests" swift_run test --skip-build --no-parallel --skip "$long_tests"
    # By themselves: they keep both cores busy.
    [[ -n ${PLUGIND_TEST_ALL:-} ]] || export PLUGIND_MODEL_OPERATIONS=${PLUGIND_MODEL_OPERATIONS:-80000}
    step "model tests" swift_run test --skip-build --filter "$long_tests"
    step "kernel tests" scripts/netns-test.sh
    steps_together "plugind's faults"
    step "release build" build_release
    # The other fuzzer is a build of its own.
    if [[ -n ${PLUGIND_TEST_ALL:-} ]]; then step "fuzzing" scripts/fuzz.sh; else step "fuzzing" scripts/fuzz.sh netlink; fi
    # Engines mostly wait, so the two share the time, with each other and with the tests that need none.
    steps_together "engine installed" "engine sid" "plugind alone"

    say "" "== summary"
    printf '%s\n' "${results[@]}"
    printf '%-20s          %d min %02d s\n' all $((SECONDS / 60)) $((SECONDS % 60))
    touch "$logs/repeated"
    cat "$logs/repeated"
    say ""
    shown "model tests" "^model check, [^:]*: seed .* operations"
    local name tally="^ *[0-9]+ .*(points|deaths|failures|networks|starts)"
    for name in "${pytest_steps[@]}"; do
        shown "$name" " measured, median |^pings|^traffic matrix|^modes|$tally|^fault points"
    done
    say ""
    closing "unit tests" "Test run with"
    closing "model tests" "Test run with"
    closing "kernel tests" "Test run with" " passed, .* failed"
    closing "fuzzing" "^== Fuzz run with"
    for name in "${pytest_steps[@]}"; do
        # Of both tries, where there were two.
        grep --extended-regexp "^=.*(passed|failed|error).* in " "$logs/$name" || true
    done
    exit "$failed"
}

# Debian's Python, which is the one that has pytest; no byte code into the source tree.
run_pytest() {
    env PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m pytest Tests/Engine --part "$1" \
        -o cache_dir="$logs/pytest-$1" --durations 10 "${@:2}"
}

# Runs what failed in a part once more, when the other parts have ended: a real engine on a busy machine has bad moments
# of its own. Never more than a few, and the summary names each of them.
again() {
    local name=$1 failures
    failures=$(grep --count '^FAILED .*::' "$logs/$name" || true)
    ((failures > 0 && failures <= most_repeats)) || return 1
    ! grep --quiet '^ERROR ' "$logs/$name" || return 1
    grep '^FAILED .*::' "$logs/$name" | sed "s/^FAILED /$name, failed at first: /" >>"$logs/repeated"
    say "" "== $name, what failed, once more"
    run_pytest "${name##* }" --last-failed 2>&1 | tee "$logs/again"
}

# Runs parts of the end-to-end tests side by side, and shows the output of each when it has ended.
steps_together() {
    local name begin=$SECONDS took
    say "" "== $*, side by side"
    for name in "$@"; do
        {
            run_pytest "${name##* }" && echo passed || echo FAILED
            echo $((SECONDS - begin)) >"$logs/$name.seconds"
        } >"$logs/$name" 2>&1 &
    done
    wait
    for name in "$@"; do
        say "" "== $name"
        cat "$logs/$name"
        if [[ $(tail -n 1 "$logs/$name") != passed ]]; then
            if again "$name"; then
                cat "$logs/again" >>"$logs/$name"
                echo "passed at the second try" >>"$logs/$name"
            else
                failed=1
            fi
        fi
        took=$(cat "$logs/$name.seconds")
        results+=("$(printf '%-20s %s   %d min %02d s' "$name" "$(tail -n 1 "$logs/$name")" \
            $((took / 60)) $((took % 60)))")
    done
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

# Repeats what a step measured or counted.
shown() {
    grep --extended-regexp -- "$2" "$logs/$1" | sed "s/^/$1: /" || true
}

# Repeats the lines with which the runner of a step closed.
closing() {
    local name=$1 pattern
    shift
    for pattern in "$@"; do grep --extended-regexp -- "$pattern" "$logs/$name" | tail -n 1 || true; done
}

main "$@"
