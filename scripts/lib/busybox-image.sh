#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Writes a tar archive of a small root directory to standard output: busybox, its applets, nothing else.
# Use: busybox-image.sh | docker import - NAME
set -euo pipefail

busybox=$(command -v busybox) || { echo "busybox-image: install the package busybox-static" >&2; exit 1; }
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
mkdir -p "$root/bin" "$root/etc" "$root/proc" "$root/sys" "$root/tmp"
while read -r applet; do ln -s busybox "$root/bin/$applet"; done < <("$busybox" --list | grep -vx busybox)
cp "$busybox" "$root/bin/busybox"
tar -C "$root" -c .
