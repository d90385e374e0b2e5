#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A Docker engine of its own, in namespaces of its own, that leaves nothing on the machine.
#
#   private-engine.sh start DIR [ROOT [OPTION…]]   boot, then start dockerd; files in DIR; dockerd from the directory
#                                                  tree ROOT if given, with these options
#   private-engine.sh enter DIR COMMAND…           run a command in its network, mount and process namespaces
#   private-engine.sh stop  DIR                    end it and delete DIR
#
# Its parts, for tests of what it does not survive:
#
#   private-engine.sh boot  DIR [ROOT]             the namespaces alone: a host without dockerd
#   private-engine.sh crash DIR                    as when the power goes: nothing is left but DIR, and that without /run
#   private-engine.sh dockerd DIR start [OPTION…]  start it and wait until it answers
#   private-engine.sh dockerd DIR stop             SIGTERM, and wait for its end
#   private-engine.sh dockerd DIR kill             kill -9; containers live on as long as the engine lets them
#
#   machine ──────────────────────────────────────────────────────────────
#     DIR/docker.sock   DIR/plugins/   DIR/dockerd.log   DIR/init.pid
#          │                │
#     network + mount + process namespace ────────────────────────────────
#     │ /run/engine = DIR   /run/docker/plugins = DIR/plugins            │
#     │ init (this script)    dockerd ── containerd    shims ── containers
#     │ loopback, no uplink: containers reach each other and this host   │
#     └───────────────────────────────────────────────────────────────────
#
# The first process of the namespaces holds them: when it is killed, the kernel ends everything in there, mounts and
# links included. Only control groups and DIR are left for `stop`.
set -euo pipefail
self=$(realpath "${BASH_SOURCE[0]}")

fail() {
    echo "private-engine: $*" >&2
    exit 1
}

holder() {
    local pid
    read -r pid 2>/dev/null <"$1/init.pid" || return 1
    # The process could be gone and its number given to another one.
    tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF "inside $1 " || return 1
    echo "$pid"
}

need_holder() {
    holder "$1" || fail "$1: no engine is running there"
}

control_group() {
    echo "plugind-$(basename "$1")-$(printf %s "$1" | cksum | cut -d ' ' -f 1)"
}

start() {
    boot "$1" "${2:-}"
    if ! dockerd_start "$1" "${@:3}"; then
        crash "$1"
        exit 1
    fi
}

boot() {
    local dir=$1 root=${2:-}
    [[ $EUID -eq 0 ]] || fail "needs root"
    [[ $dir == /* && $dir != /run/* ]] || fail "$dir: must be an absolute path outside of /run"
    holder "$dir" >/dev/null && fail "$dir: an engine is running there"
    mkdir -p "$dir/plugins" "$dir/data"
    rm -f "$dir/init.pid" "$dir/ready"
    setsid unshare --net --mount --pid --fork -- "$self" inside "$dir" "$root" \
        </dev/null >"$dir/init.log" 2>&1 &
    local launcher=$!
    until [[ -e $dir/ready ]]; do
        if ! kill -0 "$launcher" 2>/dev/null; then
            cat "$dir/init.log" >&2
            fail "the namespaces could not be made"
        fi
        sleep 0.02
    done
}

# Runs as the first process of the new namespaces.
inside() {
    local dir=$1 root=$2 pid
    # /proc still shows the machine's process numbers, so this is the number that others see.
    read -r pid _ </proc/self/stat
    echo "$pid" >"$dir/init.pid"
    mount -t proc proc /proc
    mount -t tmpfs -o mode=755 tmpfs /run
    mkdir -p /run/engine /run/docker/plugins /run/lock /run/cgroup
    mount --bind "$dir" /run/engine
    mount --bind "$dir/plugins" /run/docker/plugins
    # /sys shows the links of the network namespace that it was mounted in; the control groups below it are kept.
    mount --rbind /sys/fs/cgroup /run/cgroup
    mount -t sysfs sysfs /sys
    mount --rbind /run/cgroup /sys/fs/cgroup
    umount --recursive /run/cgroup
    ip link set lo up

    if [[ -n $root ]]; then
        mount --bind "$root" "$root"
        # What dockerd mounts below /run, such as the sandboxes' namespaces, is then seen on both sides.
        mount --make-shared /run
        local tree
        for tree in proc sys dev run; do mount --rbind "/$tree" "$root/$tree"; done
        # dockerd after dockerd gets the same mount namespace, with the same file systems of containers.
        unshare --mount --propagation unchanged -- "$self" pivot "$root" &
        echo $! >/run/root.pid
        until [[ -e /run/root.ready ]]; do
            kill -0 $! || exit 1
            sleep 0.02
        done
    fi
    touch "$dir/ready"
    # In the foreground, so that the shell buries whatever loses its parent.
    while sleep infinity; do :; done
}

# Holds a mount namespace whose root directory is `root`. A plain chroot is not enough: `docker exec` would enter the
# root directory of the mount namespace.
pivot() {
    cd "$1"
    pivot_root . mnt
    # Or the removal would go on to the shared /run.
    mount --make-rprivate /mnt
    umount --lazy /mnt
    touch /run/root.ready
    exec sleep infinity
}

dockerd() {
    case "$2" in
        start) dockerd_start "$1" "${@:3}" ;;
        stop) enter "$1" "$self" end-dockerd TERM ;;
        kill) enter "$1" "$self" end-dockerd KILL ;;
    esac
}

dockerd_start() {
    local dir=$1 deadline=$((SECONDS + 180)) launcher
    shift
    need_holder "$dir" >/dev/null
    rm -f "$dir/docker.sock"
    setsid "$self" enter "$dir" "$self" run-dockerd "$dir" "$@" \
        </dev/null >>"$dir/dockerd.log" 2>&1 &
    launcher=$!
    until answers "$dir"; do
        if ! kill -0 "$launcher" 2>/dev/null || ((SECONDS > deadline)); then
            tail -n 15 "$dir/dockerd.log" >&2
            echo "private-engine: dockerd did not start" >&2
            return 1
        fi
        sleep 0.1
    done
}

# Whether dockerd answers.
answers() {
    [[ -S $1/docker.sock ]] && docker --host "unix://$1/docker.sock" version >/dev/null 2>&1
}

# Becomes dockerd. Runs in the namespaces.
run-dockerd() {
    local dir=$1 pid
    local -a enter_root=()
    shift
    if read -r pid 2>/dev/null </run/root.pid; then
        enter_root=(nsenter --target "$pid" --mount --)
    fi
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin exec "${enter_root[@]}" \
        dockerd --host unix:///run/engine/docker.sock --data-root /run/engine/data --pidfile /run/dockerd.pid \
        --cgroup-parent "/$(control_group "$dir")" --exec-opt native.cgroupdriver=cgroupfs "$@"
}

# Sends dockerd a signal and waits for its end. Runs in the namespaces.
end-dockerd() {
    local pid
    pid=$(</run/dockerd.pid)
    kill -s "$1" "$pid"
    while [[ -e /proc/$pid ]]; do sleep 0.05; done
}

enter() {
    local dir=$1 pid
    shift
    pid=$(need_holder "$dir")
    nsenter --target "$pid" --net --mount --pid -- "$@"
}

crash() {
    local dir=$1 pid group deadline=$((SECONDS + 20))
    if pid=$(holder "$dir"); then
        kill -KILL "$pid"
        while [[ -e /proc/$pid ]] && ((SECONDS < deadline)); do sleep 0.05; done
    fi
    group=$(control_group "$dir")
    # A killed process leaves its group a moment later.
    while find /sys/fs/cgroup -depth -type d -path "*/$group*" -exec rmdir {} + 2>/dev/null;
        [[ -n $(find /sys/fs/cgroup -type d -name "$group" 2>/dev/null) ]] && ((SECONDS < deadline)); do
        sleep 0.1
    done
    # Seen as part of /run in there.
    rm -rf "$dir/plugins" "$dir/docker.sock"
}

stop() {
    crash "$1"
    rm -rf "$1"
}

case "${1:-} $#" in
    "start "[2-9] | "start "[1-9][0-9]* | "boot "[23] | "inside 3" | "crash 2" | "stop 2") "$@" ;;
    "enter "[3-9] | "enter "[1-9][0-9]* | "pivot 2" | "end-dockerd 2" | "run-dockerd "[2-9] | "run-dockerd "[1-9][0-9]*) "$@" ;;
    "dockerd "[3-9] | "dockerd "[1-9][0-9]*) [[ $3 == @(start|stop|kill) ]] || fail "dockerd: unknown word $3"; "$@" ;;
    *) fail "usage: private-engine.sh start DIR [ROOT [OPTION…]] | enter DIR COMMAND… | stop DIR |" \
        "boot DIR [ROOT] | crash DIR | dockerd DIR start [OPTION…] | dockerd DIR stop|kill" ;;
esac
