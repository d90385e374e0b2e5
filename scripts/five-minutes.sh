#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The way of a new user, with the exact commands and how long each takes: from the Debian package of plugind to two
# services of a Compose project that reach each other. What it printed once is in docs/five-minutes.md.
#
#   sudo scripts/five-minutes.sh [PACKAGE]
#
# PACKAGE is what packaging/build-deb.sh made; without it, one is built first. The user's machine is a fresh Debian sid
# with Docker and Compose, in a directory and in namespaces of its own: nothing of this machine is touched, and nothing
# is left.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib/prepare.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/prepare.sh"

place=/var/lib/plugind-five-minutes
root=$place/root
engine=$place/engine
packages=docker.io,docker-cli,docker-compose,iptables,iproute2,mount,wget
# What the package of plugind depends on: dpkg fetches nothing.
packages+=,libmnl0,libnftables1,libsqlite3-0,libstdc++6,netbase

main() {
    need_root "$@"
    need_packages busybox-static iproute2 mmdebstrap mount
    [[ ! -e $place ]] || fail "$place is there: another run, or what is left of one that was killed"
    mkdir -p "$place"
    trap 'give_back' EXIT
    local package=${1:-}
    if [[ -z $package ]]; then
        package=$("$repository/packaging/build-deb.sh" "$place" | tail -n 1)
    fi

    make_machine
    install --mode 0644 "$package" "$root/root/plugind.deb"
    say "# $(uname --kernel-name) $(uname --kernel-release | sed 's/-.*//'), $(nproc) processors; Docker $(on_machine docker version \
        --format '{{.Server.Version}}'), Compose $(on_machine docker compose version --short)" ""
    walk
}

# A host with Docker, as a user has it: in a root directory of its own, with the image that the project needs.
make_machine() {
    mmdebstrap --quiet --variant=essential --aptopt='Acquire::Check-Valid-Until "false"' \
        --keyring=/usr/share/keyrings/debian-archive-keyring.gpg --include="$packages" sid "$root" >&2
    "$repository/scripts/lib/private-engine.sh" start "$engine" "$root"
    on_machine ln -s /run/engine/docker.sock /run/docker.sock
    "$repository/scripts/lib/busybox-image.sh" | on_machine docker import - busybox >/dev/null
    mkdir -p "$root/root/hello"
}

walk() {
    local begin=$EPOCHREALTIME
    step "dpkg --install plugind.deb"
    # Where systemd runs, the package has started the socket.
    step_behind "plugind serve"
    step "plugind doctor || true"
    project
    step "cd hello && docker compose up --detach"
    step "cd hello && docker compose exec client ping -c 3 web"
    step "cd hello && docker compose exec client wget -q -O - http://web"
    step "wget -q -O - http://127.0.0.1:8080"
    step "plugind topology"
    step "plugind ports"
    step "cd hello && docker compose down"
    say "# All in all: $(since "$begin") s."
}

# The file that the user writes.
project() {
    cp "$repository/examples/plain/compose.yaml" "$root/root/hello/compose.yaml"
    step "cat hello/compose.yaml"
}

# Shows a command, its output as it comes, and the seconds that it took.
step() {
    local begin=$EPOCHREALTIME
    say "\$ ${1% || true}"
    on_machine sh -c "$1" 2>&1
    say "# $(since "$begin") s" ""
}

# The same for a command that stays; it is there when the engine could call it.
step_behind() {
    local begin=$EPOCHREALTIME deadline=$((SECONDS + 20))
    say "\$ $1 &"
    on_machine sh -c "exec $1" >"$place/plugind.log" 2>&1 &
    until [[ -S $engine/plugins/plugind.sock ]]; do
        ((SECONDS < deadline)) || fail "plugind made no socket: $(<"$place/plugind.log")"
        sleep 0.02
    done
    say "# $(since "$begin") s" ""
}

since() {
    printf '%d.%02d' $(((${EPOCHREALTIME/./} - ${1/./}) / 1000000)) $(((${EPOCHREALTIME/./} - ${1/./}) / 10000 % 100))
}

# In the user's root directory, next to the engine.
on_machine() {
    "$repository/scripts/lib/private-engine.sh" enter "$engine" sh -c \
        'exec nsenter --target "$(cat /run/root.pid)" --mount -- env -C /root HOME=/root LC_ALL=C.UTF-8 "$@"' sh "$@"
}

give_back() {
    [[ ! -e $engine ]] || "$repository/scripts/lib/private-engine.sh" stop "$engine"
    rm -rf "$place"
}

main "$@"
