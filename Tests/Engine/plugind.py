# SPDX-License-Identifier: Apache-2.0
"""The plugind process under test, and calls to it."""

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

BINARY = Path(os.environ.get("PLUGIND_BINARY", Path(__file__).resolve().parents[2] / ".build/release/plugind"))
# Debian's: the one that the tests run in may not be there in another root directory.
LAUNCHER = ["/usr/bin/python3", str(Path(__file__).with_name("activate.py"))]


class Plugind:
    """One plugind after the other, with the same state and the same socket."""

    def __init__(self, plugin_directory, state_directory, log, prefix=(), seen_as=None, log_level="debug",
                 name="plugind"):
        """prefix enters plugind's namespaces; seen_as is the plugin directory's path in here, if it is another."""
        self.command = [
            *map(str, prefix), str(BINARY), "serve", "--plugin-dir", str(plugin_directory),
            "--name", name, "--state-dir", str(state_directory), "--log-level", log_level, "--control-socket",
            f"{Path(plugin_directory).parent}/control.sock"]
        self.socket = Path(seen_as or plugin_directory) / f"{name}.sock"
        self.log = Path(log)
        self.process = None

    def start(self):
        """Starts it and waits for its first answer; the seconds that took."""
        begin = time.monotonic()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        while time.monotonic() < begin + 20:
            if self.process.poll() is not None:
                break
            try:
                if self.call("/Plugin.Activate")[0] == 200:
                    return time.monotonic() - begin
            except OSError:
                pass
            time.sleep(0.002)
        raise AssertionError(f"plugind does not answer on {self.socket}:\n{self.last_lines()}")

    @property
    def pid(self):
        """The number of the plugind process itself: a command that enters a process namespace has it as a child."""
        return child(self.process.pid) or self.process.pid

    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """kill -9."""
        os.kill(self.pid, signal.SIGKILL)
        self.process.wait()

    def kill_and_start(self):
        self.kill()
        self.start()

    def stop(self):
        """SIGTERM; returns the exit status."""
        if self.is_running():
            os.kill(self.pid, signal.SIGTERM)
        return self.process.wait(timeout=20)

    def last_lines(self, count=20):
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n".join(lines[-count:])

    def call(self, path, request=None):
        """One call on a connection of its own: status and decoded answer."""
        with Connection(self.socket) as connection:
            return connection.call(path, request)


class ActivatedPlugind(Plugind):
    """plugind behind a launcher that listens for it: it runs once somebody has called."""

    def __init__(self, plugin_directory, state_directory, log, prefix=(), **options):
        super().__init__(plugin_directory, state_directory, log, prefix, **options)
        self.command[len(prefix):len(prefix)] = [*LAUNCHER, f"{plugin_directory}/plugind.sock"]
        # A command that enters a process namespace stays outside, as the parent of the one that is in there.
        self.has_parent = "--pid" in prefix

    def start(self):
        """Starts the launcher and waits until it listens. No call is made."""
        self.socket.unlink(missing_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        while not self.listens():
            assert self.process.poll() is None, f"the launcher has ended:\n{self.last_lines()}"
            time.sleep(0.002)

    def listens(self):
        """Whether somebody listens, found out without a connection, which would start plugind."""
        listening = "00010000"  # __SO_ACCEPTCON among the flags
        lines = Path(f"/proc/{self.launcher}/net/unix").read_text().splitlines() if self.socket.exists() else []
        return any(line.split()[3] == listening and line.endswith("/plugind.sock") for line in lines)

    @property
    def launcher(self):
        return (child(self.process.pid) if self.has_parent else None) or self.process.pid

    @property
    def pid(self):
        """The number of the plugind process, None while there is none."""
        return child(self.launcher)

    def kill(self):
        """kill -9, of plugind; the launcher stays."""
        pid = self.pid
        os.kill(pid, signal.SIGKILL)
        self.wait_for_end(pid)

    def terminate(self):
        """SIGTERM, to plugind; the launcher stays."""
        pid = self.pid
        os.kill(pid, signal.SIGTERM)
        self.wait_for_end(pid)

    @staticmethod
    def wait_for_end(pid):
        while os.path.exists(f"/proc/{pid}"):
            time.sleep(0.002)

    def stop(self):
        """SIGTERM to the launcher, which passes it on."""
        if self.is_running():
            os.kill(self.launcher, signal.SIGTERM)
        return self.process.wait(timeout=20)


def child(pid):
    """The first child of a process, None if it has none."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0]) if children else None


class Connection(http.client.HTTPConnection):
    """A kept connection to plugind's socket, which sends what an engine sends."""

    def __init__(self, path):
        super().__init__("plugin.moby.localhost", timeout=30)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def call(self, path, request=None):
        body = b"" if request is None else json.dumps(request).encode() + b"\n"
        self.request("POST", path, body, {
            "User-Agent": "Go-http-client/1.1", "Accept": "application/vnd.docker.plugins.v1.2+json"})
        response = self.getresponse()
        text = response.read()
        try:
            return response.status, json.loads(text)
        except ValueError:
            raise AssertionError(f"{path} is answered {response.status} with what is no JSON: {text!r}") from None
