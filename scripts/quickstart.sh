#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Shows plugind at work, from nothing but a Swift toolchain on Debian or Ubuntu:
#
#   sudo scripts/quickstart.sh           build, make a network, let two containers ping each other by name, publish a
#                                        port, clean up
#   sudo scripts/quickstart.sh --keep    the same, but leave everything running and say how to use it
#   sudo scripts/quickstart.sh --stop    stop and remove what --keep left running
#
# It installs the Debian packages it needs and builds a release binary. If a Docker engine is running, plugind is
# started next to it. If none is, an engine is started for the occasion, in a network namespace of its own, and the
# machine's network is not touched. A second run works like the first.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib/prepare.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/prepare.sh"

place=/var/lib/plugind-quickstart
engine=$place/engine
network=quickstart
containers=(ada bob)
image=plugind-quickstart
# Marks what is ours on an engine that has other containers and networks.
label=plugind.quickstart

main() {
    local keep=false
    case "${1:-}" in
        "") ;;
        --keep) keep=true ;;
        --stop) need_root "$@" && stop && say "Stopped; nothing is left." && exit ;;
        --help | -h) sed -n '4,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" && exit ;;
        *) fail "unknown argument $1; known are --keep, --stop and --help" ;;
    esac
    need_root "$@"
    need_packages "${build_packages[@]}"
    need_docker
    need_swift

    say "Building plugind; the first time takes some minutes …"
    build_release

    if [[ -e $place ]]; then
        say "Stopping what the last run kept …"
        stop
    fi
    trap 'give_up' EXIT
    start_engine
    start_plugind
    show
    trap - EXIT
    if $keep; then
        explain
    else
        stop
        say "" "Cleaned up: containers, network and plugind are gone${own_engine:+, and so is the engine}." \
            "To look around, run it with --keep."
    fi
}

# An engine is of use if it is in our own network and mount namespace: then plugind works where it works.
running_engine() {
    local name process
    for name in /proc/[0-9]*/comm; do
        process=$(dirname "$name")
        [[ $(cat "$name" 2>/dev/null) == dockerd && $process/ns/net -ef /proc/self/ns/net &&
            $process/ns/mnt -ef /proc/self/ns/mnt ]] && docker info >/dev/null 2>&1 && return
    done
    return 1
}

start_engine() {
    install --directory --mode 0700 "$place"
    if running_engine; then
        own_engine=
        on_host=(env)
        return
    fi
    own_engine=yes
    on_host=("$repository/scripts/lib/private-engine.sh" enter "$engine")
    say "No Docker engine is running: starting one in a network namespace of its own …"
    "$repository/scripts/lib/private-engine.sh" start "$engine"
}

# docker, at the engine that we use.
engine_docker() {
    if [[ -n $own_engine ]]; then
        docker --host "unix://$engine/docker.sock" "$@"
    else
        docker "$@"
    fi
}

start_plugind() {
    local plugins=/run/docker/plugins deadline=$((SECONDS + 10))
    [[ -z $own_engine ]] || plugins=$engine/plugins
    setsid "${on_host[@]}" "$binary" serve --state-dir "$place/state" </dev/null >"$place/plugind.log" 2>&1 &
    echo $! >"$place/plugind.pid"
    until [[ -S $plugins/plugind.sock ]]; do
        kill -0 "$(<"$place/plugind.pid")" 2>/dev/null || fail "plugind has ended"
        ((SECONDS < deadline)) || fail "plugind made no socket in $plugins"
        sleep 0.05
    done
}

show() {
    local container
    "$repository/scripts/lib/busybox-image.sh" | engine_docker import - "$image" >/dev/null
    engine_docker network create --driver plugind --ipam-driver plugind --ipv6 --label "$label" "$network" >/dev/null
    for container in "${containers[@]}"; do
        engine_docker run --detach --stop-signal KILL --label "$label" --name "$container" --network "$network" \
            "$image" sleep 1000000 >/dev/null
    done

    say "" "plugind $("$binary" --version) next to Docker $(engine_docker version --format '{{.Server.Version}}')" \
        "" "  docker network create --driver plugind --ipam-driver plugind --ipv6 $network"
    engine_docker network inspect --format '{{range .IPAM.Config}}{{.Subnet}} {{end}}' "$network" |
        while read -r four six; do row "$network" "$four" "$six"; done
    for container in "${containers[@]}"; do
        engine_docker inspect --format \
            '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.GlobalIPv6Address}} {{.MacAddress}}{{end}}' \
            "$container" | while read -r four six mac; do row "$container" "$four" "$six" "$mac"; done
    done
    say "" "  docker exec ada ping bob"
    ping_by_name ada bob 4
    ping_by_name ada bob 6
    ping_by_name bob ada 4
    ping_by_name bob ada 6
    show_port
}

# A port that the kernel chooses, so that nothing of this machine is in the way.
show_port() {
    local port address answer
    engine_docker run --detach --stop-signal KILL --label "$label" --name cleo --network "$network" --publish 80 \
        "$image" sh -c 'echo hello from cleo >/index.html; exec httpd -f -h /' >/dev/null
    port=$(sed -n 's/.*Published ports.*0\.0\.0\.0:\([0-9]*\)→80\/tcp.*/\1/p' "$place/plugind.log" | tail -n 1)
    [[ -n $port ]] || fail "plugind published no port for cleo"
    say "" "  docker run --network $network --publish 80 --name cleo httpd"
    for address in 127.0.0.1 ::1; do
        answer=$("${on_host[@]}" timeout 5 bash -c \
            'exec 3<>"/dev/tcp/$1/$2" && printf "GET / HTTP/1.0\r\n\r\n" >&3 && tail -n 1 <&3' bash "$address" "$port") ||
            fail "nothing answers at $address, port $port"
        say "    host → $address, port $port   $answer"
    done
}

row() { printf '    %-12s %-18s %-28s %s\n' "$1" "$2" "$3" "${4:-}"; }

ping_by_name() {
    local reply
    reply=$(engine_docker exec "$1" ping "-$3" -c 3 -i 0.2 -W 2 "$2") || fail "$1 does not reach $2: $reply"
    say "    $1 → $2   IPv$3   $(sed -n 's/.*time=//p' <<<"$reply" | paste --serial --delimiters ',' |
        sed 's/,/, /g')"
}

explain() {
    local docker=docker
    [[ -n $own_engine ]] && docker="docker --host unix://$engine/docker.sock"
    say "" "Kept running. For example:" \
        "    sudo $docker run --rm -it --network $network $image sh" \
        "    sudo $docker network create --driver plugind --ipam-driver plugind lan" \
        "    sudo tail -f $place/plugind.log" \
        "Stop it with:" \
        "    sudo $0 --stop"
}

# Takes away whatever a run made, as far as it came.
stop() {
    local pid others
    [[ -e $place ]] || return 0
    own_engine=
    if [[ -e $engine ]]; then
        own_engine=yes
        "$repository/scripts/lib/private-engine.sh" stop "$engine"
    else
        engine_docker ps --all --quiet --filter "label=$label" | xargs --no-run-if-empty docker rm --force >/dev/null
        engine_docker network prune --force --filter "label=$label" >/dev/null
        engine_docker image rm "$image" >/dev/null 2>&1 || true
        others=$(engine_docker network ls --quiet --filter driver=plugind 2>/dev/null) || true
        [[ -z $others ]] || fail "plugind serves other networks: remove them, then run $0 --stop: ${others//$'\n'/ }"
    fi
    if read -r pid 2>/dev/null <"$place/plugind.pid" && [[ /proc/$pid/exe -ef $binary ]]; then
        kill -TERM "$pid"
        while [[ -e /proc/$pid ]]; do sleep 0.05; done
    fi
    rm -rf "$place"
}

give_up() {
    [[ ! -s $place/plugind.log ]] || { say "" "The last lines of plugind:"; tail -n 15 "$place/plugind.log"; } >&2
    stop
}

own_engine=
# What comes before a command that is to run where plugind works.
on_host=(env)
main "$@"
