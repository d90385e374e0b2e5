#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Makes plugind's managed plugin:
#
#   packaging/managed-plugin/build.sh [--binary FILE] [DIR]
#
# Writes DIR (.build/packages/managed-plugin unless said otherwise; what was there is replaced) with config.json and
# rootfs/, says how large they are, and how to give them to an engine. Builds the release binary first, unless FILE is
# one. The root directory has the program, the shared libraries that it loads, and no distribution around them. The same
# sources, binary and libraries give the same files, with the same times.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../../scripts/lib/prepare.sh
source "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib/prepare.sh"
# shellcheck source-path=SCRIPTDIR source=../lib/stage.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib/stage.sh"

here=$repository/packaging/managed-plugin

main() {
    local directory=$repository/.build/packages/managed-plugin
    while (($#)); do
        case $1 in
            --binary) binary=$2 is_built=yes && shift 2 ;;
            -*) fail "unknown argument $1; known is --binary" ;;
            *) directory=$1 && shift ;;
        esac
    done
    need_tools gcc strip python3
    [[ -n ${is_built:-} ]] || build_binary
    [[ -x $binary ]] || fail "$binary is no program"
    set_source_date

    root=$directory/rootfs
    rm -rf "$root"
    mkdir -p "$root/usr/bin" "$root"/{dev,etc,proc,run,sys,tmp,var/lib/plugind}
    # Engines name the sandboxes by their older path.
    ln -s ../run "$root/var/run"
    chmod 1777 "$root/tmp"
    stage_binary "$root/usr/bin/plugind"
    gcc -O2 -s -Wall -Wextra -Werror -o "$root/usr/bin/start" "$here/start.c"
    copy_libraries
    say "root:x:0:0:root:/:/nonexistent" >"$root/etc/passwd"
    say "root:x:0:" >"$root/etc/group"
    # libnftables looks up the names in plugind's rules.
    say "icmp 1 ICMP" "tcp 6 TCP" "udp 17 UDP" "ipv6-icmp 58 IPv6-ICMP" "sctp 132 SCTP" >"$root/etc/protocols"
    # The engine mounts the host's over them.
    : >"$root/etc/hosts"
    : >"$root/etc/resolv.conf"

    "$here/config.py" >"$directory/config.json"
    "$repository/packaging/sbom.py" --binary "$binary" >"$directory/plugind.spdx.json"
    same_times "$directory"
    sizes
    say "" "Give it to the engine:" \
        "    sudo mkdir -p -m 700 /var/lib/plugind" \
        "    sudo docker plugin create plugind $directory" \
        "    sudo docker plugin enable plugind"
}

# Each at the path where the dynamic linker looks for it, and the dynamic linker itself.
copy_libraries() {
    local path
    while read -r path; do
        install -D --mode 0755 "$(realpath "$path")" "$root$path"
    done < <(ldd "$root/usr/bin/plugind" | sed -n 's/.*=> \(\/[^ ]*\) (.*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p')
}

sizes() {
    local file
    say "$directory:"
    while read -r file; do row "$(stat --format %s "$root/$file")" "$file"; done < <(
        cd "$root" && find . -type f -size +4k -printf '%s %P\n' | sort --numeric-sort --reverse | cut -d ' ' -f 2)
    row "$(find "$root" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum }')" "in all"
    row "$(tar -C "$root" -c . | gzip -n | wc --bytes)" "as the engine stores and pulls it (gzip)"
}

row() { printf '%12d  %s\n' "$1" "$2"; }

main "$@"
