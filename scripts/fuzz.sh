#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Feeds plugind with inputs that nobody sends, by libFuzzer: docs/fuzzing.md says what is tested and how.
#
#   scripts/fuzz.sh [netlink|json] [--inputs N]            default: both, a short run
#   scripts/fuzz.sh netlink|json --reproduce FILE          runs one input
#   scripts/fuzz.sh record                                 records the kernel's answers anew (root)
#
# Ends at the first input that fails: its base64 is printed, and it is kept in .build/fuzz/found. Changes nothing on the
# host. Needs the Swift toolchain, pkg-config and libmnl-dev, for JSON also libnftables-dev and libsqlite3-dev. The JSON
# fuzzer is a build of its own, with every branch watched: a few minutes from a fresh clone. After that a short run of
# both takes less than a minute on two cores.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib/prepare.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/prepare.sh"

scratch=$repository/.build/fuzz
sources=$repository/Tests/Fuzz
found=$scratch/found
inputs=
reproduce=
runs=0
rates=

main() {
    local target=all
    while (($#)); do
        case "$1" in
        netlink | json | record) target=$1 ;;
        --inputs) inputs=${2:?--inputs needs a number}; shift ;;
        --reproduce) reproduce=$(realpath -- "${2:?--reproduce needs a file}"); shift ;;
        *) fail "unknown argument: $1 (netlink, json, record, --inputs N, --reproduce FILE)" ;;
        esac
        shift
    done
    [[ -z $inputs || $inputs =~ ^[1-9][0-9]*$ ]] || fail "not a number of inputs: $inputs"
    [[ -z $reproduce || $target == netlink || $target == json ]] || fail "--reproduce needs netlink or json"

    find_swift
    command -v clang >/dev/null || fail "clang is not in PATH; it is beside swift in the toolchain"
    need_library libmnl libmnl-dev
    if [[ $target == json || $target == all ]]; then
        need_library libnftables libnftables-dev
        need_library sqlite3 libsqlite3-dev
    fi
    work=$(mktemp --directory)
    trap 'rm -rf "$work"' EXIT
    [[ $target == record ]] && { record; return; }
    [[ $target == json ]] || fuzz_netlink
    [[ $target == netlink ]] || fuzz_json
    [[ -n $reproduce ]] || say "== Fuzz run with $runs inputs passed after $SECONDS seconds ($rates)"
}

# need_library NAME PACKAGE
need_library() {
    pkg-config --exists "$1" || fail "$2 is not installed"
}

fuzz_netlink() {
    say "== netlink: what the kernel answers, under the address and undefined-behaviour sanitizers"
    compile netlink_fuzz -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
        "$sources"/netlink/{netlink_fuzz,operations,mutator}.c
    # Freed memory is watched for as long as an input takes, and not for that of thousands.
    export ASAN_OPTIONS=quarantine_size_mb=4
    fuzz netlink "${inputs:-200000}" "$work/netlink_fuzz" -max_len=6144 "$sources/netlink/seeds"
}

fuzz_json() {
    local cpus
    say "== json: what the engine asks"
    PLUGIND_FUZZ=1 swift_run build --package-path "$repository" --scratch-path "$scratch" --configuration release \
        --sanitize fuzzer --product FuzzJSON
    mkdir "$work/sessions"
    FUZZ_SEEDS=$work/sessions "$scratch/release/FuzzJSON"
    # The daemon's threads take turns, and do so twice as fast on one processor.
    cpus=$(awk '/^Cpus_allowed_list/ { print $2 }' /proc/self/status)
    fuzz json "${inputs:-20000}" taskset --cpu-list "${cpus##*[-,]}" "$scratch/release/FuzzJSON" -max_len=1536 \
        -dict="$sources/json/json.dict" "$work/sessions"
}

# fuzz NAME INPUTS COMMAND…: the command's last argument is where the inputs are that it begins with.
fuzz() {
    local name=$1 count=$2 begin=$SECONDS command=("${@:3}") file line
    local seeds=${command[-1]} log=$work/$name.log
    unset 'command[-1]'
    command+=(-timeout=30 -rss_limit_mb=2048 "-artifact_prefix=$found/$name-")
    make_found
    mkdir "$work/$name-corpus"
    if [[ -n $reproduce ]]; then
        "${command[@]}" "$reproduce"
        return
    fi

    touch "$work/begin"
    if ! "${command[@]}" -runs="$count" -print_final_stats=1 "$work/$name-corpus" "$seeds" >"$log" 2>&1; then
        # Without the hundreds of lines that tell of progress.
        grep --invert-match --extended-regexp '^#[0-9]+\s+(NEW|REDUCE|RELOAD|pulse)' "$log" | tail -n 80 >&2 || true
        for file in "$found/$name"-*; do
            [[ $file -nt $work/begin ]] || continue
            line="base64 -d <<<$(base64 --wrap=0 "$file") >input; scripts/fuzz.sh $name --reproduce input"
            say "reproduce with: $line" >&2
        done
        fail "$name: an input failed"
    fi
    line=$(grep --extended-regexp '^#[0-9]+\s+DONE' "$log")
    say "$line"
    grep --extended-regexp '^answered' "$log" || true
    [[ $line =~ ^#([0-9]+).*cov:\ ([0-9]+).*corp:\ ([0-9]+) ]] || fail "$name: libFuzzer did not say what it did"
    runs=$((runs + BASH_REMATCH[1]))
    # Its own rate counts from before it has read what it begins with.
    local seconds=$((SECONDS > begin ? SECONDS - begin : 1))
    rates+="${rates:+; }$name ${BASH_REMATCH[1]} inputs, $((BASH_REMATCH[1] / seconds))/s, ${BASH_REMATCH[2]} branches"
    rates+=" covered, ${BASH_REMATCH[3]} inputs in the corpus"
}

# Makes the directory for inputs that fail. It is below the one in which the JSON fuzzer is built, so it must belong to
# whoever builds.
make_found() {
    if [[ $builder == root ]]; then
        mkdir -p "$found"
    else
        runuser --user "$builder" -- mkdir -p "$found"
    fi
}

# compile NAME FLAG-OR-FILE…: a C program of the daemon's netlink calls and these files.
compile() {
    # With lld, because the gold linker warns of the sanitizers' symbols.
    # shellcheck disable=SC2046
    clang -g -O1 -std=gnu11 -Wall -Wextra -Werror -fuse-ld=lld -I "$repository/Sources/CNetlink/include" "${@:2}" \
        "$repository"/Sources/CNetlink/*.c $(pkg-config --cflags --libs libmnl) -o "$work/$1"
}

record() {
    need_root record
    compile record_seeds -Wl,--wrap=mnl_socket_recvfrom "$sources"/netlink/{record_seeds,operations}.c
    unshare --net "$work/record_seeds" "$sources/netlink/seeds"
    say "recorded into $sources/netlink/seeds"
}

main "$@"
