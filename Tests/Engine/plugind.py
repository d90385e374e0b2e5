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


class Plugind:
    """One plugind after the other, with the same state and the same socket."""

    def __init__(self, plugin_directory, state_directory, log, prefix=(), seen_as=None, log_level="debug"):
        """prefix enters plugind's namespaces; seen_as is the plugin directory's path in here, if it is another."""
        self.command = [
            *map(str, prefix), str(BINARY), "serve", "--plugin-dir", str(plugin_directory),
            "--state-dir", str(state_directory), "--log-level", log_level]
        self.socket = Path(seen_as or plugin_directory) / "plugind.sock"
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
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else pid

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
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-count:])

    def call(self, path, request=None):
        """One call on a connection of its own: status and decoded answer."""
        with Connection(self.socket) as connection:
            return connection.call(path, request)


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
