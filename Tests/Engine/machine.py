# SPDX-License-Identifier: Apache-2.0
"""A Debian machine with systemd and Docker, booted in namespaces of its own, and gone without a trace when it stops."""

import os
import platform
import shutil
import signal
import subprocess
from pathlib import Path

from engine import Unavailable, output, run
from lab import wait_until

BOOT = Path(__file__).with_name("machine.sh")

# Made once, kept for the next time.
ROOT = Path(os.environ.get("PLUGIND_TEST_MACHINE", "/var/cache/plugind-test/machine"))
PACKAGES = ("docker.io", "iproute2", "iptables", "systemd")
# What is in a root that was made: the names of its packages.
NOTE = "etc/plugind-test-packages"


class Machine:
    """A running one. `directory` is for its files, `packages` are in it beside Docker and systemd."""

    def __init__(self, directory, packages=()):
        root = machine_root(packages)
        self.directory = Path(directory) / "machine"
        self.directory.mkdir()
        self.pid_file = self.directory.with_name("machine.pid")
        with open(self.directory.with_name("machine.log"), "ab") as log:
            self.process = subprocess.Popen(
                [BOOT, root, self.directory], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
        try:
            wait_until(self.is_begun, "the machine to begin")
            self.init = int(self.pid_file.read_text())
            wait_until(lambda: self.state() in ("running", "degraded"), "the machine to boot", deadline=90)
        except BaseException:
            self.stop()
            raise

    def is_begun(self):
        assert self.process.poll() is None, self.directory.with_name("machine.log").read_text()
        return self.pid_file.exists() and self.pid_file.read_text().strip()

    def state(self):
        return run(*self.enter, "systemctl", "is-system-running").stdout.strip()

    @property
    def enter(self):
        """The command prefix that runs something in it."""
        return ["nsenter", "--target", str(self.init), "--mount", "--pid", "--net", "--cgroup", "--uts", "--ipc", "--"]

    def do(self, *command, timeout=60):
        """Output of a command in it that must succeed."""
        return output(*self.enter, *command, timeout=timeout).strip()

    def path(self, path):
        """A path of the machine, as seen from here."""
        return Path(f"/proc/{self.init}/root/{path.lstrip('/')}")

    def give(self, source, path):
        shutil.copyfile(source, self.path(path))
        return path

    def stop(self):
        """As when the plug is pulled."""
        text = self.pid_file.read_text().strip() if self.pid_file.exists() else ""
        if text:
            os.kill(int(text), signal.SIGKILL)
        else:
            self.process.kill()
        self.process.wait(timeout=20)
        groups = self.directory / "groups"
        if groups.exists():
            # A killed process leaves its group a moment later.
            wait_until(lambda: remove_groups(groups.read_text().strip()), "the machine's control groups to go")


def remove_groups(path):
    run("find", path, "-depth", "-type", "d", "-exec", "rmdir", "{}", "+")
    return not os.path.exists(path)


def machine_root(packages):
    """The root directory of the machine, of the Debian suite that this one is of: what is built here runs there."""
    if os.geteuid() != 0:
        raise Unavailable("needs root")
    if run("findmnt", "--first-only", "--types", "cgroup2").returncode != 0:
        raise Unavailable("no control groups of the second kind are mounted, which systemd needs")
    system = platform.freedesktop_os_release()
    if system["ID"] != "debian" or "VERSION_CODENAME" not in system:
        raise Unavailable(f"this is {system['ID']}; the machine is Debian, of the same suite as this one")
    packages = sorted({*PACKAGES, *packages})
    if (ROOT / NOTE).exists() and (ROOT / NOTE).read_text().split() == packages:
        return ROOT
    if not shutil.which("mmdebstrap"):
        raise Unavailable(f"{ROOT} is not there, and there is no mmdebstrap to make it")
    return make_root(system["VERSION_CODENAME"], packages)


def make_root(suite, packages):
    ROOT.parent.mkdir(parents=True, exist_ok=True)
    # Renamed when it is complete, so that half of one is never taken for a whole.
    unfinished = ROOT.with_name(f"{ROOT.name}.{os.getpid()}")
    try:
        made = run(
            "mmdebstrap", "--variant=essential", '--aptopt=Acquire::Check-Valid-Until "false"',
            "--dpkgopt=force-unsafe-io", "--keyring=/usr/share/keyrings/debian-archive-keyring.gpg",
            f"--include={','.join(packages)}", suite, unfinished, timeout=600)
        if made.returncode != 0:
            raise Unavailable(f"mmdebstrap of Debian {suite} failed: {(made.stderr.strip().splitlines() or ['?'])[-1]}")
        # There is no terminal to log in at.
        for unit in ("console-getty.service", "getty.target"):
            (unfinished / "etc/systemd/system" / unit).symlink_to("/dev/null")
        (unfinished / NOTE).write_text("\n".join(packages) + "\n")
        shutil.rmtree(ROOT, ignore_errors=True)
        unfinished.rename(ROOT)
    except subprocess.TimeoutExpired:
        raise Unavailable(f"mmdebstrap of Debian {suite} took more than ten minutes") from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return ROOT
