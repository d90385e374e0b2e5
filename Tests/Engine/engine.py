# SPDX-License-Identifier: Apache-2.0
"""Docker engines in namespaces of their own, and what is needed to have them."""

import os
import shutil
import subprocess
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPTS = REPOSITORY / "scripts" / "lib"
IMAGE = "busybox"

# A root directory of Debian's development suite, whose engine is a current one. Made once, kept for the next time.
SID_ROOT = Path(os.environ.get("PLUGIND_TEST_SID", "/var/cache/plugind-test/sid"))
SID_PACKAGES = "docker.io,docker-cli,docker-compose,iptables,iproute2,mount,nftables"
# What is in a root that was made with all of them.
SID_NEEDS = ("usr/sbin/dockerd", "usr/bin/docker-compose")


class Unavailable(Exception):
    """This machine cannot have that engine; the text says why."""


class CommandError(Exception):
    """A command that should have succeeded did not; the text has its words."""


def run(*command, timeout=60, **options):
    """The finished command, with its output as text. Does not look at its status."""
    return subprocess.run(
        [str(part) for part in command], timeout=timeout, text=True, stdin=options.pop("stdin", subprocess.DEVNULL),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


def output(*command, **options):
    """Standard output of a command that must succeed."""
    done = run(*command, **options)
    if done.returncode != 0:
        line = " ".join(str(part) for part in command)
        words = done.stderr.strip() or done.stdout.strip()
        raise CommandError(f"`{line}` ended with status {done.returncode}: {words}")
    return done.stdout


class Engine:
    """A running dockerd, alone in its network, mount and process namespaces."""

    def __init__(self, name, directory):
        self.name = name
        self.directory = Path(directory)
        self.root = find_root(name)
        output(SCRIPTS / "private-engine.sh", "start", self.directory, *filter(None, [self.root]), timeout=90)
        self.init = int((self.directory / "init.pid").read_text())
        try:
            self.version = self.docker("version", "--format", "{{.Server.Version}}").strip()
            archive = subprocess.Popen([SCRIPTS / "busybox-image.sh"], stdout=subprocess.PIPE)
            output(*self.client, "import", "-", IMAGE, stdin=archive.stdout)
            archive.wait()
        except BaseException:
            self.stop()
            raise

    @property
    def client(self):
        """The command line client that comes with this engine."""
        if not self.root:
            client = "/usr/bin/docker" if os.path.exists("/usr/bin/docker") else "docker"
            return [client, "--host", f"unix://{self.directory}/docker.sock"]
        # The mount namespace alone is entered: the client only needs to see the other root directory and the socket.
        return ["nsenter", "--target", str(self.init), "--mount", "--", "chroot", str(self.root),
                "docker", "--host", "unix:///run/engine/docker.sock"]

    @property
    def compose(self):
        """docker-compose next to this engine. It sees files of this directory in /run/engine."""
        return ["nsenter", "--target", str(self.init), "--mount", "--", "chroot", str(self.root or "/"),
                "docker-compose", "--host", "unix:///run/engine/docker.sock"]

    @property
    def has_compose(self):
        """Whether there is one of version 2: the first one is another program, with other files."""
        done = run(*self.compose[:-2], "version", "--short")
        return done.returncode == 0 and not done.stdout.startswith("1.")

    def docker(self, *arguments, timeout=60):
        return output(*self.client, *arguments, timeout=timeout)

    @property
    def namespaces(self):
        """The command prefix that runs something next to this engine."""
        return ["nsenter", "--target", str(self.init), "--net", "--mount", "--pid", "--"]

    def enter(self, *command, **options):
        return output(*self.namespaces, *command, **options)

    def stop(self):
        output(SCRIPTS / "private-engine.sh", "stop", self.directory)

    # What it does not survive

    def stop_daemon(self):
        """SIGTERM to dockerd; returns when it has ended."""
        self.script("dockerd", "stop", timeout=90)

    def kill_daemon(self):
        """kill -9 of dockerd."""
        self.script("dockerd", "kill")

    def start_daemon(self, *options):
        """Starts dockerd and waits until it answers; the seconds that took."""
        begin = time.monotonic()
        self.script("dockerd", "start", *options, timeout=240)
        return time.monotonic() - begin

    def crash_host(self):
        """The power goes: every process, every link and /run are gone."""
        self.script("crash")

    def boot(self):
        """The host comes back, without dockerd."""
        self.script("boot", *filter(None, [self.root]))
        self.init = int((self.directory / "init.pid").read_text())

    def script(self, command, *arguments, timeout=60):
        output(SCRIPTS / "private-engine.sh", command, self.directory, *arguments, timeout=timeout)


def find_root(name):
    """Where the engine of that name is; None is this machine's own root directory."""
    if os.geteuid() != 0:
        raise Unavailable("needs root")
    if name == "sid":
        return sid_root()
    if not shutil.which("dockerd", path=os.environ["PATH"] + ":/usr/sbin"):
        raise Unavailable("no dockerd on this machine; install the package docker.io")
    return None


def sid_root():
    if all((SID_ROOT / path).exists() for path in SID_NEEDS):
        return SID_ROOT
    if not shutil.which("mmdebstrap"):
        raise Unavailable(f"{SID_ROOT} is not there, and there is no mmdebstrap to make it")
    SID_ROOT.parent.mkdir(parents=True, exist_ok=True)
    # Renamed when it is complete, so that half of one is never taken for a whole.
    unfinished = SID_ROOT.with_name(f"{SID_ROOT.name}.{os.getpid()}")
    try:
        made = run(
            "mmdebstrap", "--variant=essential", '--aptopt=Acquire::Check-Valid-Until "false"',
            "--keyring=/usr/share/keyrings/debian-archive-keyring.gpg", f"--include={SID_PACKAGES}",
            "sid", unfinished, timeout=600)
    except subprocess.TimeoutExpired:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise Unavailable("mmdebstrap of Debian sid took more than ten minutes") from None
    if made.returncode != 0:
        shutil.rmtree(unfinished, ignore_errors=True)
        lines = made.stderr.strip().splitlines() or ["no output"]
        reason = next((line for line in lines if line.startswith("E:")), lines[-1])
        raise Unavailable(f"mmdebstrap of Debian sid failed: {reason}")
    # One that was made when fewer packages were needed.
    shutil.rmtree(SID_ROOT, ignore_errors=True)
    unfinished.rename(SID_ROOT)
    return SID_ROOT
