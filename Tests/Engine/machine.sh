#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Boots a Debian machine with systemd in namespaces of its own, until it is killed:
#
#   machine.sh ROOT DIR      ROOT is a root directory, which stays as it is; DIR is an empty one
#
# DIR.pid has the number of its systemd, once that runs; DIR/groups has where its control groups are.
#
# What the machine writes is in memory, and gone with it. It has a loopback and no way out.
set -euo pipefail

main() {
    local groups
    # Where the kernel's second kind of control groups is mounted; beside those of the first kind it has no controllers.
    groups=$(findmnt --noheadings --first-only --types cgroup2 --output TARGET)/plugind-$(basename "$2")-$$
    mkdir "$groups"
    echo $$ >"$groups/cgroup.procs"
    echo "$groups" >"$2/groups"
    exec unshare --mount --pid --net --uts --ipc --cgroup --fork --kill-child -- "${BASH_SOURCE[0]}" inside "$1" "$2"
}

# Runs as the first process of the new namespaces, and becomes systemd.
inside() {
    local root=$1 dir=$2 pid name
    # /proc still shows the machine's process numbers, so this is the number that others see.
    read -r pid _ </proc/self/stat
    mount --make-rprivate /
    mount -t tmpfs -o mode=755 tmpfs "$dir"
    mkdir "$dir"/{upper,work,top}
    mount -t overlay -o "lowerdir=$root,upperdir=$dir/upper,workdir=$dir/work" overlay "$dir/top"
    cd "$dir/top"
    mount -t proc proc proc
    mount -t sysfs sysfs sys
    mount -t cgroup2 cgroup2 sys/fs/cgroup
    for name in run tmp dev var/lib/docker; do
        mkdir -p "$name"
        mount -t tmpfs -o mode=755 tmpfs "$name"
    done
    chmod 1777 tmp
    mkdir dev/pts dev/shm
    mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
    ln -s pts/ptmx dev/ptmx
    ln -s /proc/self/fd dev/fd
    for name in null zero full random urandom tty; do
        touch "dev/$name"
        mount --bind "/dev/$name" "dev/$name"
    done
    ip link set lo up
    pivot_root . mnt
    echo "$pid" >"/mnt$dir.pid"
    umount --lazy /mnt
    # As systemd does where it finds no container manager: services see mounts that are made later.
    mount --make-rshared /
    exec env --ignore-environment container=plugind-test PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        /lib/systemd/systemd --show-status=no --unit=multi-user.target
}

case "${1:-}" in
    inside) inside "$2" "$3" ;;
    *) main "$1" "$2" ;;
esac
