# SPDX-License-Identifier: Apache-2.0
"""`plugind doctor` on the host of a plugind that is alone in its network namespace."""

import contextlib
import functools
import json
import re
import socket
import threading

from engine import REPOSITORY, run
from plugind import BINARY

# Kinds of findings that a test provokes, and the tests.
PROVOKED = {}


def documented():
    """All kinds that there are: a unit test compares docs/doctor.md with the program."""
    return set(re.findall(r"^### `([a-z0-9-]+)`", (REPOSITORY / "docs/doctor.md").read_text(), re.MULTILINE))


def provokes(*kinds):
    """A test, of the fixture `doctor`, that sees these findings; then it does what they say, and they are gone."""
    def claim(test):
        @functools.wraps(test)
        def checked(*arguments, **fixtures):
            test(*arguments, **fixtures)
            doctor = fixtures["doctor"]
            assert set(kinds) <= doctor.seen, f"never seen: {set(kinds) - doctor.seen}"
            assert set(kinds) <= doctor.gone, f"never gone: {set(kinds) - doctor.gone}"
        PROVOKED.update(dict.fromkeys(kinds, test.__name__))
        return checked
    return claim


class Doctor:
    """The command, called in the network namespace of a plugind."""

    def __init__(self, plugind):
        self.plugind = plugind
        here = plugind.directory
        self.options = {
            "control-socket": here / "control.sock", "config": here / "config.yaml", "plugin-dir": here / "plugins",
            "state-dir": here / "state", "engine-socket": here / "engine.sock"}
        # Kinds: those that were there once, and those of them that were not there later on.
        self.seen, self.gone = set(), set()

    def command(self, *arguments, prefix=()):
        options = [word for name, value in self.options.items() for word in (f"--{name}", str(value))]
        return [*prefix, *self.plugind.namespace.enter, str(BINARY), "doctor", *options, *arguments]

    def findings(self, *prefix):
        """Words of each finding by its kind. The exit code must fit."""
        return self.read(run(*self.command("--json", prefix=prefix)))

    def read(self, done):
        assert done.stdout, f"the command says nothing: {done}"
        report = json.loads(done.stdout)
        found = [finding for result in report["results"] for finding in result["findings"]]
        problems = [finding for finding in found if finding["severity"] == "problem"]
        assert report["problems"] == len(problems) and done.returncode == (1 if problems else 0), done
        words = {}
        for finding in found:
            assert finding["why"] and finding["remedy"], finding
            words.setdefault(finding["id"], []).append(finding["what"])
        self.gone |= self.seen - set(words)
        self.seen |= set(words)
        return words


class SomeEngine:
    """What listens at a socket and says to everybody that it is an engine of a version; without one it says nothing."""

    def __init__(self, path, version=None):
        self.path, self.version = path, version

    def __enter__(self):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen()
        if self.version is not None:
            self.thread = threading.Thread(target=self.answer)
            self.thread.start()
        return self

    def answer(self):
        body = json.dumps({"Version": self.version})
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            # Some connect only to see who is there.
            with connection, contextlib.suppress(OSError):
                connection.recv(4096)
                connection.sendall(f"HTTP/1.0 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())

    def __exit__(self, *_):
        # A thread that accepts is woken by this, not by a close.
        self.listener.shutdown(socket.SHUT_RDWR)
        if self.version is not None:
            self.thread.join()
        self.listener.close()
        self.path.unlink(missing_ok=True)


class Network:
    """A network of a plugind's without an engine."""

    ID, ENDPOINT = "ab" * 32, "cd" * 32
    BRIDGE = f"br-{ID[:12]}"

    def __init__(self, plugind):
        self.plugind = plugind
        plugind.pool("10.88.0.0/24").give(address="10.88.0.1")
        self.ask("CreateNetwork", Options={"com.docker.network.generic": {}}, IPv6Data=[], IPv4Data=[
            {"AddressSpace": "plugind-local", "Pool": "10.88.0.0/24", "Gateway": "10.88.0.1/24"}])

    def ask(self, method, **request):
        status, answer = self.plugind.call(f"/NetworkDriver.{method}", {"NetworkID": self.ID, **request})
        assert status == 200, answer

    @contextlib.contextmanager
    def endpoint(self):
        self.ask("CreateEndpoint", EndpointID=self.ENDPOINT, Options={},
                 Interface={"Address": "10.88.0.9/24", "AddressIPv6": "", "MacAddress": ""})
        try:
            yield
        finally:
            self.ask("DeleteEndpoint", EndpointID=self.ENDPOINT)

    def delete(self):
        self.ask("DeleteNetwork")
