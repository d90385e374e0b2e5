# shellcheck shell=bash disable=SC2034,SC2154
# SPDX-License-Identifier: Apache-2.0
#
# To be sourced after scripts/lib/prepare.sh, by what makes packages: the binary, and times that are the same each time.

need_tools() {
    local tool missing=()
    for tool in "$@"; do command -v "$tool" >/dev/null || missing+=("$tool"); done
    ((${#missing[@]} == 0)) || fail "not found: ${missing[*]} (apt-get install binutils dpkg-dev python3)"
}

build_binary() {
    need_swift
    build_release >&2
}

# The binary without symbols and debug information, which nothing of it needs in order to run. Sections that are loaded
# stay: without one of them strip leaves RELRO out.
stage_binary() {
    mkdir -p "$(dirname "$1")"
    strip --strip-all --remove-section=.comment -o "$1" "$binary"
    chmod 0755 "$1"
}

# The time of everything in a package: of the last commit, so that the same sources give the same bytes.
set_source_date() {
    export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$repository" log -1 --format=%ct)}
    export LC_ALL=C TZ=UTC
    umask 022
}

same_times() {
    find "$1" -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +
}
