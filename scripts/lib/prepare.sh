# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
#
# To be sourced: Debian packages, the Swift toolchain, the release binary.

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
binary=$repository/.build/release/plugind
build_packages=(ca-certificates g++ git libmnl-dev libnftables-dev libsqlite3-dev pkg-config)

# Prints each argument on a line of its own.
say() { printf '%s\n' "$@"; }

fail() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

need_root() {
    [[ $EUID -eq 0 ]] || fail "needs root: sudo $0 $*"
    # Some systems give root a path without the directories of system programs.
    PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
}

# Installs those of the packages that are missing.
need_packages() {
    local package missing=()
    for package in "$@"; do
        [[ $(dpkg-query --show --showformat '${Status}' "$package" 2>/dev/null) == "install ok installed" ]] ||
            missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    command -v apt-get >/dev/null || fail "this is no Debian or Ubuntu; please install: ${missing[*]}"
    say "Installing ${missing[*]} …"
    apt_get update
    apt_get install --yes --no-install-recommends "${missing[@]}"
}

apt_get() {
    local log
    log=$(DEBIAN_FRONTEND=noninteractive apt-get --quiet --quiet "$@" 2>&1) || fail "apt-get $* failed:"$'\n'"$log"
}

need_docker() {
    local engine_packages=(busybox-static iproute2 mount)
    command -v dockerd >/dev/null || engine_packages+=(docker.io)
    need_packages "${engine_packages[@]}"
    # Newer suites have the client in a package of its own.
    command -v docker >/dev/null || need_packages docker-cli
}

# Whoever called sudo, if the repository is theirs: what is built shall be theirs too.
builder=root
[[ -n ${SUDO_USER:-} && $(stat --format %U "$repository") == "$SUDO_USER" ]] && builder=$SUDO_USER

# Finds the Swift toolchain, and the libraries that it needs itself.
need_swift() {
    find_swift
    swift_run build --version >/dev/null 2>&1 ||
        need_packages libcurl4-openssl-dev libedit-dev libncurses-dev libxml2-dev tzdata zlib1g-dev
    swift_run build --version >/dev/null || fail "the Swift toolchain does not start"
}

# Puts the Swift toolchain into PATH: sudo and login shells set another one than that of the person who calls.
find_swift() {
    local home candidate
    command -v swift >/dev/null && return
    home=$(getent passwd "${SUDO_USER:-root}" | cut --delimiter : --fields 6)
    while read -r candidate; do
        if [[ -x $candidate ]]; then
            PATH=$(dirname "$candidate"):$PATH
            return
        fi
    done < <(
        # A pattern that matches nothing stays as it is, and is no program.
        printf '%s\n' /opt/swift*/usr/bin/swift /usr/local/swift/usr/bin/swift /usr/share/swift/usr/bin/swift \
            "$home"/.local/share/swiftly/toolchains/*/usr/bin/swift "$home"/.swiftly/toolchains/*/usr/bin/swift \
            "$home"/swift*/usr/bin/swift /usr/libexec/swift/*/bin/swift | sort --version-sort --reverse
    )
    fail "no Swift toolchain found; install one from https://www.swift.org/install/linux/ and put it into PATH"
}

swift_run() {
    if [[ $builder == root ]]; then
        swift "$@"
    else
        runuser --user "$builder" -- env HOME="$(getent passwd "$builder" | cut --delimiter : --fields 6)" \
            PATH="$PATH" swift "$@"
    fi
}

# Without the path of this directory in it, so that the same sources give the same program everywhere; with the
# addresses of library functions read-only once it has started; and without the names of its own functions, which a
# static Swift program offers to libraries that it might load: plugind loads none, and they are 3.4 MB.
build_release() {
    swift_run build --package-path "$repository" --configuration release --static-swift-stdlib --product plugind \
        -Xswiftc -file-prefix-map -Xswiftc "$repository=." -Xcc "-ffile-prefix-map=$repository=." \
        -Xlinker -z -Xlinker now -Xlinker --no-export-dynamic
}
