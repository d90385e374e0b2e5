#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Builds a Debian package of plugind, for the suite and the architecture of this machine:
#
#   packaging/build-deb.sh [--binary FILE] [DIR]
#
# Writes DIR/plugind_VERSION_ARCHITECTURE.deb (DIR is .build/packages unless said otherwise) and prints its path. Builds
# the release binary first, unless FILE is one. Needs no rights. The same sources and the same binary give the same
# bytes, wherever and whenever: every time in it is that of the last commit, or SOURCE_DATE_EPOCH. DEBFULLNAME and
# DEBEMAIL name who maintains the package.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=../scripts/lib/prepare.sh
source "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib/prepare.sh"
# shellcheck source-path=SCRIPTDIR source=lib/stage.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib/stage.sh"

maintainer="${DEBFULLNAME:-plugind} <${DEBEMAIL:-plugind@localhost}>"
units=(plugind.socket plugind.service)

main() {
    local directory=$repository/.build/packages
    while (($#)); do
        case $1 in
            --binary) binary=$2 is_built=yes && shift 2 ;;
            -*) fail "unknown argument $1; known is --binary" ;;
            *) directory=$1 && shift ;;
        esac
    done
    need_tools dpkg-deb dpkg-shlibdeps strip python3
    [[ -n ${is_built:-} ]] || build_binary
    [[ -x $binary ]] || fail "$binary is no program"
    set_source_date

    work=$(mktemp --directory)
    trap 'rm -rf "$work"' EXIT
    root=$work/debian/plugind
    version=$("$binary" --version)
    architecture=$(dpkg --print-architecture)
    stage_binary "$root/usr/bin/plugind"
    install_files
    install_documents
    write_control

    mkdir -p "$directory"
    local package=$directory/plugind_${version}_$architecture.deb
    same_times "$root"
    # Compressed as the distribution does; with one thread, since the bytes depend on whether there are several.
    dpkg-deb --root-owner-group --threads-max=1 --build "$root" "$package" >/dev/null
    say "$package"
}

install_files() {
    local unit
    for unit in "${units[@]}"; do put "$repository/systemd/$unit" "usr/lib/systemd/system/$unit"; done
    put "$repository/docs/config.example.yaml" etc/plugind/config.yaml
    completions bash usr/share/bash-completion/completions/plugind
    completions zsh usr/share/zsh/vendor-completions/_plugind
    completions fish usr/share/fish/vendor_completions.d/plugind.fish
}

install_documents() {
    local file documents=usr/share/doc/plugind
    put "$repository/docs/plugind.8" usr/share/man/man8/plugind.8
    put "$repository/README.md" $documents/README.md
    put "$repository/CHANGELOG.md" $documents/CHANGELOG.md
    put "$repository/CONTRIBUTING.md" $documents/CONTRIBUTING.md
    while read -r file; do put "$repository/docs/$file" "$documents/docs/$file"; done < <(
        cd "$repository/docs" && find . -type f ! -name plugind.8 | sort)
    if [[ -d $repository/examples ]]; then
        while read -r file; do put "$repository/examples/$file" "$documents/examples/$file"; done < <(
            cd "$repository/examples" && find . -type f | sort)
    fi
    "$repository/packaging/sbom.py" --binary "$binary" >"$work/sbom.json"
    put "$work/sbom.json" $documents/plugind.spdx.json
    put "$repository/packaging/debian/copyright" $documents/copyright
    changelog >"$work/changelog"
    put "$work/changelog" $documents/changelog
    # -9n: without the file's name and time.
    gzip -9n "$root/usr/share/man/man8/plugind.8" "$root/$documents/"{changelog,CHANGELOG.md,plugind.spdx.json}
}

put() {
    install -D --mode 0644 "$1" "$root/$2"
}

completions() {
    # Without the line that would make it a script: shells read it.
    "$binary" --generate-completion-script "$1" | sed '1{/^#!/d}' >"$work/completions"
    put "$work/completions" "$2"
}

# Debian wants one in its own form; what has changed is in CHANGELOG.md.
changelog() {
    say "plugind ($version) unstable; urgency=medium" "" \
        "  * Version $version. What is new in it: /usr/share/doc/plugind/CHANGELOG.md.gz" "" \
        " -- $maintainer  $(date --utc --rfc-email --date "@$SOURCE_DATE_EPOCH")"
}

write_control() {
    local script control=$root/DEBIAN depends
    depends=$(libraries)
    mkdir "$control"
    for script in postinst prerm postrm; do
        install --mode 0755 "$repository/packaging/debian/$script" "$control/$script"
    done
    say /etc/plugind/config.yaml >"$control/conffiles"
    (cd "$root" && find usr -type f -print0 | LC_ALL=C sort --zero-terminated | xargs --null md5sum) \
        >"$control/md5sums"
    cat >"$control/control" <<EOF
Package: plugind
Version: $version
Architecture: $architecture
Maintainer: $maintainer
Installed-Size: $(installed_kilobytes)
Depends: $depends, netbase
Recommends: docker.io (>= 20.10) | docker-ce (>= 5:20.10)
Section: net
Priority: optional
Description: Docker network and IPAM plugin
 One daemon beside Docker that makes bridge networks, hands out their addresses
 and publishes ports. It keeps every network and address on disk, puts back
 what somebody else takes away, and says why it refuses something.
 .
 Use it with: docker network create --driver plugind --ipam-driver plugind
EOF
    chmod 0644 "$control"/{conffiles,md5sums,control}
}

# What dpkg itself would say: each file in whole kilobytes, each directory as one.
installed_kilobytes() {
    find "$root" -path "$root/DEBIAN" -prune -o -type f -printf '%s\n' -o -printf '1\n' |
        awk '{ sum += int(($1 + 1023) / 1024) } END { print sum }'
}

# The packages with the shared libraries that the binary loads, with the least versions that have what it uses. Beside
# them netbase has /etc/protocols, where libnftables looks up the names in plugind's rules.
libraries() {
    local line
    say "Source: plugind" "" "Package: plugind" "Architecture: any" >"$work/debian/control"
    line=$(cd "$work" && dpkg-shlibdeps -O debian/plugind/usr/bin/plugind) || fail "dpkg-shlibdeps failed"
    say "${line#shlibs:Depends=}"
}

main "$@"
