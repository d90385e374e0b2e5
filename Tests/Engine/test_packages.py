# SPDX-License-Identifier: Apache-2.0
"""The Debian package: what is in it, and its life on a machine with systemd and Docker, from installation to purge."""

import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import faults
from engine import IMAGE, REPOSITORY, SCRIPTS, CommandError, Unavailable, output, run
from lab import wait_until
from machine import Machine

PACKAGING = REPOSITORY / "packaging"
DOCUMENTS = "usr/share/doc/plugind"
# The least work for the compressor.
QUICK = {**os.environ, "DPKG_DEB_COMPRESSOR_TYPE": "gzip", "DPKG_DEB_COMPRESSOR_LEVEL": "1"}

sys.path.insert(0, str(PACKAGING))


def build_package(binary, directory):
    if "libswiftCore" in output("ldd", binary):
        pytest.skip(f"packages are not tested: {binary} needs the toolchain's libraries, as debug builds do")
    if missing := [tool for tool in ("dpkg-deb", "dpkg-shlibdeps", "strip") if not shutil.which(tool)]:
        pytest.skip(f"packages are not tested: there is no {' and no '.join(missing)} (package dpkg-dev)")
    path = output(PACKAGING / "build-deb.sh", "--binary", binary, directory, timeout=300, env=QUICK).split()[-1]
    return Path(path)


@pytest.fixture(scope="module")
def package(binary, tmp_path_factory):
    return build_package(binary, tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module")
def unpacked(package, tmp_path_factory):
    directory = tmp_path_factory.mktemp("unpacked")
    output("dpkg-deb", "--raw-extract", package, directory)
    return directory


@pytest.fixture(scope="module")
def machine(package, tmp_path_factory):
    """A machine with Docker and what the package depends on, but without the package."""
    depends = re.findall(r"(?:^|, )([a-z0-9.+-]+)", output("dpkg-deb", "--field", package, "Depends"))
    try:
        machine = Machine(tmp_path_factory.mktemp("machine"), depends)
    except Unavailable as reason:
        pytest.skip(f"packages are not installed: {reason}")
    yield machine
    machine.stop()


@pytest.fixture(scope="module")
def installed(machine, package):
    """The machine with the package. Its unit is told to die of a system call that the filter refuses."""
    machine.files_before = files(machine)
    drop_in = machine.path("/run/systemd/system/plugind.service.d")
    drop_in.mkdir(parents=True)
    (drop_in / "kill.conf").write_text("[Service]\nSystemCallErrorNumber=kill\n")
    machine.do("dpkg", "--install", machine.give(package, "/tmp/plugind.deb"))
    archive = subprocess.Popen([SCRIPTS / "busybox-image.sh"], stdout=subprocess.PIPE)
    output(*machine.enter, "docker", "import", "-", IMAGE, stdin=archive.stdout)
    archive.wait()
    return machine


# What is in it

def test_has_program_units_manual_completions_and_documents(unpacked):
    for path in (
            "usr/bin/plugind", "usr/lib/systemd/system/plugind.socket", "usr/lib/systemd/system/plugind.service",
            "usr/share/man/man8/plugind.8.gz", "usr/share/bash-completion/completions/plugind",
            "usr/share/zsh/vendor-completions/_plugind", "usr/share/fish/vendor_completions.d/plugind.fish",
            "etc/plugind/config.yaml", f"{DOCUMENTS}/copyright", f"{DOCUMENTS}/changelog.gz", f"{DOCUMENTS}/README.md",
            f"{DOCUMENTS}/docs/packages.md"):
        assert (unpacked / path).is_file(), f"{path} is not in the package"
    assert b".TH" in gzip.decompress((unpacked / "usr/share/man/man8/plugind.8.gz").read_bytes())


def test_its_sums_are_those_of_its_files(unpacked):
    for line in (unpacked / "DEBIAN/md5sums").read_text().splitlines():
        digest, path = line.split("  ", 1)
        assert hashlib.md5((unpacked / path).read_bytes()).hexdigest() == digest, path


def test_its_configuration_is_a_conffile_that_sets_nothing(unpacked):
    assert (unpacked / "DEBIAN/conffiles").read_text() == "/etc/plugind/config.yaml\n"
    lines = (unpacked / "etc/plugind/config.yaml").read_text().splitlines()
    assert all(line.startswith("#") or not line for line in lines)


def test_a_release_build_has_no_fault_points(binary):
    if binary.resolve() == faults.FAULTY.resolve():
        pytest.skip(f"{binary} is no release build")
    assert b"PLUGIND_FAULT" in faults.FAULTY.read_bytes()
    assert b"PLUGIND_FAULT" not in binary.read_bytes()


def test_two_builds_have_the_same_bytes(package, binary, tmp_path):
    assert build_package(binary, tmp_path).read_bytes() == package.read_bytes()


def test_no_path_of_the_build_is_in_the_program(unpacked):
    assert str(REPOSITORY).encode() not in (unpacked / "usr/bin/plugind").read_bytes()


def test_the_programs_tables_are_read_only_once_it_has_started(unpacked):
    program = unpacked / "usr/bin/plugind"
    assert "GNU_RELRO" in output("readelf", "--program-headers", "--wide", program)
    assert "NOW" in output("readelf", "--dynamic", program)


def test_completions_load(unpacked):
    bash = unpacked / "usr/share/bash-completion/completions/plugind"
    assert "plugind" in output("bash", "--noprofile", "--norc", "-c", f". {bash} && complete -p plugind")
    for shell, path in (
            ("zsh", "usr/share/zsh/vendor-completions/_plugind"),
            ("fish", "usr/share/fish/vendor_completions.d/plugind.fish")):
        if shutil.which(shell):
            output(shell, "-n", unpacked / path)


# What it is made of

def test_the_list_of_parts_names_what_is_linked_and_loaded(unpacked):
    document = json.loads(gzip.decompress((unpacked / f"{DOCUMENTS}/plugind.spdx.json.gz").read_bytes()))
    parts = {part["name"]: part for part in document["packages"]}
    assert {"plugind", "swift-runtime", "swift-nio", "grdb.swift", "libmnl0", "libnftables1", "libc6"} <= set(parts)
    assert all(part["licenseDeclared"] for part in parts.values())
    assert parts["swift-nio"]["externalRefs"][0]["referenceLocator"].endswith("@" + parts["swift-nio"]["versionInfo"])
    related = {one["relatedSpdxElement"] for one in document["relationships"]}
    assert related == {part["SPDXID"] for part in parts.values()}


def test_licences_of_all_dependencies_are_known_and_true():
    import sbom
    checkouts = REPOSITORY / ".build/checkouts"
    for pin in sbom.resolved():
        words = sbom.licence(sbom.LICENCES, pin["identity"])
        checkout = checkouts / Path(pin["location"]).name.removesuffix(".git")
        text = next(checkout.glob("LICENSE*")).read_text()
        assert ("Apache License" in text) == words.startswith("Apache-2.0"), pin["identity"]
        assert ("Runtime Library Exception" in text) == words.endswith("Swift-exception"), pin["identity"]
        assert ("Permission is hereby granted" in text) == (words == "MIT"), pin["identity"]


# Its life on a machine

def test_an_installed_package_serves_the_engine(installed, binary):
    assert installed.do("plugind", "--version") == output(binary, "--version").strip()
    for unit in ("plugind.socket", "plugind.service"):
        assert installed.do("systemctl", "is-enabled", unit) == "enabled"
        assert installed.do("systemctl", "is-active", unit) == "active"
    assert "can be used" in installed.do("plugind", "config", "check")
    assert installed.do("stat", "--format", "%U %a", "/var/lib/plugind") == "root 700"
    assert installed.path("/usr/share/man/man8/plugind.8.gz").exists()


def test_its_units_are_verified_and_come_before_the_engine(installed):
    done = run(*installed.enter, "systemd-analyze", "verify", "plugind.socket", "plugind.service")
    complaints = [line for line in done.stderr.splitlines() if "plugind" in line]
    # Not every machine has manual pages, or the program that shows them.
    assert not [line for line in complaints if "man plugind" not in line]
    installed.do(
        "systemd-analyze", "security", "--offline=true", "--threshold=30", "/usr/lib/systemd/system/plugind.service")
    after = installed.do("systemctl", "show", "--property", "After", "--value", "docker.service").split()
    assert {"plugind.socket", "plugind.service"} <= set(after)


def test_the_daemon_has_only_the_rights_that_its_unit_leaves(installed):
    status = installed.do("sh", "-c", "cat /proc/$(systemctl show -P MainPID plugind.service)/status")
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    # CAP_NET_BIND_SERVICE, CAP_NET_ADMIN, CAP_SYS_ADMIN, CAP_SYS_NICE.
    assert int(facts["CapBnd"], 16) == 1 << 10 | 1 << 12 | 1 << 21 | 1 << 23
    assert facts["NoNewPrivs"] == "1"
    assert facts["Seccomp"] == "2"


def test_networks_containers_and_ports_work_under_the_hardened_unit(installed):
    installed.do("docker", "network", "create", "--driver", "plugind", "--ipam-driver", "plugind", "--ipv6", "lan")
    installed.do(
        "docker", "run", "--detach", "--name", "web", "--restart", "always", "--stop-signal", "KILL", "--network", "lan",
        "--publish", "80:80", IMAGE, "sh", "-c", "echo hello >/index.html; exec httpd -f -h /")
    installed.do("docker", "run", "--rm", "--network", "lan", IMAGE, "ping", "-c", "1", "-W", "5", "web")
    wait_until(lambda: fetched(installed) == "hello", "an answer at port 80")


def test_the_link_of_a_container_is_put_back_under_the_hardened_unit(installed):
    port = json.loads(installed.do("plugind", "endpoints", "--json"))["endpoints"][0]["hostLink"]
    installed.do("ip", "link", "delete", port)
    wait_until(lambda: fetched(installed) == "hello", "the container to have its link again")


def test_a_reload_takes_what_has_changed(installed):
    configuration = installed.path("/etc/plugind/config.yaml")
    before = configuration.read_text()
    configuration.write_text(before + "log-level: debug\n")
    installed.do("systemctl", "reload", "plugind.service")
    wait_until(lambda: "DEBUG" in log(installed), "the daemon to take the new level", deadline=30)
    configuration.write_text(before + "log-level: loud\n")
    with pytest.raises(CommandError):
        installed.do("systemctl", "reload", "plugind.service")
    configuration.write_text(before)
    installed.do("systemctl", "reload", "plugind.service")


def test_an_upgrade_keeps_the_socket_and_the_containers_network(installed):
    def daemon():
        return installed.do("systemctl", "show", "--property", "MainPID", "--value", "plugind.service")

    before = daemon(), installed.path("/run/docker/plugins/plugind.sock").stat().st_ino
    installed.do("dpkg", "--install", "/tmp/plugind.deb")
    assert fetched(installed) == "hello"
    assert daemon() != before[0]
    assert installed.path("/run/docker/plugins/plugind.sock").stat().st_ino == before[1]


def test_it_starts_before_the_engine_as_at_boot(installed):
    installed.do("systemctl", "stop", "docker.socket", "docker.service", "plugind.socket", "plugind.service")
    installed.do("rm", "-r", "/run/docker")
    # As at boot, all that it wants in one transaction.
    installed.do("systemctl", "start", "multi-user.target")
    wait_until(lambda: fetched(installed) == "hello", "the container to be back", deadline=60)
    began = [
        int(installed.do("systemctl", "show", "--property", "ExecMainStartTimestampMonotonic", "--value", unit))
        for unit in ("plugind.service", "docker.service")]
    assert began == sorted(began)
    assert installed.do("stat", "--format", "%a", "/run/docker") == "700"


def test_what_was_made_is_removed_under_the_hardened_unit(installed):
    installed.do("docker", "rm", "--force", "web")
    installed.do("docker", "network", "rm", "lan")
    assert "br-" not in installed.do("ip", "-o", "link")
    # A system call that the filter refused would have been its end.
    assert installed.do("systemctl", "show", "--property", "NRestarts", "--value", "plugind.service") == "0"


def test_a_removal_stops_it_and_keeps_state_and_configuration(installed):
    installed.do("dpkg", "--remove", "plugind")
    assert not installed.path("/run/docker/plugins/plugind.sock").exists()
    assert installed.path("/var/lib/plugind").is_dir()
    assert installed.path("/etc/plugind/config.yaml").exists()


def test_a_purge_says_what_it_removes_and_leaves_nothing(installed):
    said = installed.do("dpkg", "--purge", "plugind")
    assert "removed /var/lib/plugind" in said
    left = {path for path in files(installed) - installed.files_before if "plugind" in path}
    assert not left


def files(machine):
    """What is in the places where the package or its scripts may put something."""
    return set(machine.do("find", "/etc", "/usr", "/var/lib", "-xdev", "-not", "-path", "/var/lib/dpkg/*").splitlines())


def log(machine):
    """What the daemon has written. Asking for its status makes it write at the level debug."""
    machine.do("plugind", "status")
    return machine.do("journalctl", "--no-pager", "--output", "cat", "--unit", "plugind.service")


def fetched(machine):
    """What a container answers at port 80 of the machine; None if it does not."""
    try:
        return machine.do(
            "timeout", "2", "bash", "-c",
            r'exec 3<>/dev/tcp/127.0.0.1/80 && printf "GET / HTTP/1.0\r\n\r\n" >&3 && tail -n 1 <&3')
    except CommandError:
        return None
