#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A Docker engine of its own, in namespaces of its own, that leaves nothing on the machine.
#
#   private-engine.sh start DIR [ROOT]        start it; files in DIR; dockerd from the directory tree ROOT if given
#   private-engine.sh enter DIR COMMAND…      run a command in its network, mount and process namespaces
#   private-engine.sh stop  DIR               end it and delete DIR
#
#   machine ──────────────────────────────────────────────────────────────
#     DIR/docker.sock   DIR/plugins/   DIR/dockerd.log   DIR/init.pid
#          │                │
#     network + mount + process namespace ────────────────────────────────
#     │ /run/engine = DIR   /run/docker/plugins = DIR/plugins            │
#     │ init (this script) ── dockerd ── containerd ── shims ── containers
#     │ loopback, no uplink: containers reach each other and this host   │
#     └───────────────────────────────────────────────────────────────────
#
# The first process of the namespaces holds them: when it is killed, the kernel ends everything in there, mounts and
# links included. Only control groups and DIR are left for `stop`.
set -euo pipefail

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

control_group() {
    echo "plugind-$(basename "$1")-$(printf %s "$1" | cksum | cut -d ' ' -f 1)"
}

start() {
    local dir=$1 root=${2:-}
    [[ $EUID -eq 0 ]] || fail "needs root"
    [[ $dir == /* && $dir != /run/* ]] || fail "$dir: must be an absolute path outside of /run"
    holder "$dir" >/dev/null && fail "$dir: an engine is running there"
    mkdir -p "$dir/plugins" "$dir/data"
    rm -f "$dir/init.pid" "$dir/docker.sock"
    setsid unshare --net --mount --pid --fork -- "${BASH_SOURCE[0]}" inside "$dir" "$root" \
        </dev/null >"$dir/init.log" 2>&1 &
    local launcher=$! deadline=$((SECONDS + 60))
    until answers "$dir"; do
        if ! kill -0 "$launcher" 2>/dev/null || ((SECONDS > deadline)); then
            cat "$dir/init.log" >&2
            tail -n 15 "$dir/dockerd.log" >&2 || true
            local pid
            pid=$(holder "$dir") && kill -KILL "$pid"
            fail "dockerd did not start"
        fi
        sleep 0.1
    done
}

# Whether dockerd answers.
answers() {
    [[ -S $1/docker.sock ]] && docker --host "unix://$1/docker.sock" version >/dev/null 2>&1
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

    local -a enter_root=()
    if [[ -n $root ]]; then
        mount --bind "$root" "$root"
        # What dockerd mounts below /run, such as the sandboxes' namespaces, is then seen on both sides.
        mount --make-shared /run
        local tree
        for tree in proc sys dev run; do mount --rbind "/$tree" "$root/$tree"; done
        # A plain chroot is not enough: `docker exec` would enter the root directory of the mount namespace.
        enter_root=(unshare --mount --propagation unchanged -- "${BASH_SOURCE[0]}" pivot "$root")
    fi
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        "${enter_root[@]}" dockerd --host unix:///run/engine/docker.sock --data-root /run/engine/data \
        --cgroup-parent "/$(control_group "$dir")" --exec-opt native.cgroupdriver=cgroupfs \
        >"$dir/dockerd.log" 2>&1 &
    local dockerd=$!
    wait "$dockerd" || echo "dockerd ended with status $?"
}

# Runs a command in a mount namespace whose root directory is `root`.
pivot() {
    local root=$1
    shift
    cd "$root"
    pivot_root . mnt
    # Or the removal would go on to the shared /run.
    mount --make-rprivate /mnt
    umount --lazy /mnt
    exec chroot . "$@"
}

enter() {
    local dir=$1 pid
    shift
    pid=$(holder "$dir") || fail "$dir: no engine is running there"
    nsenter --target "$pid" --net --mount --pid -- "$@"
}

stop() {
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
    rm -rf "$dir"
}

case "${1:-} $#" in
    "start 2" | "start 3" | "inside 3" | "stop 2") "$@" ;;
    "enter "[3-9] | "enter "[1-9][0-9]* | "pivot "[3-9] | "pivot "[1-9][0-9]*) "$@" ;;
    *) fail "usage: private-engine.sh start DIR [ROOT] | enter DIR COMMAND… | stop DIR" ;;
esac
