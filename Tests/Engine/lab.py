# SPDX-License-Identifier: Apache-2.0
"""One test's networks and containers, on an engine with plugind next to it."""

import contextlib
import ctypes
import json
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import hoststate
from engine import IMAGE, CommandError, output, run


class Lab:
    """What a test does to the engine. It knows what the host was like before."""

    def __init__(self, engine, plugind, kills_plugind=False):
        self.engine = engine
        self.plugind = plugind
        self.kills_plugind = kills_plugind
        # What a failed test could not remove is not the next one's fault.
        self.remove_containers()
        self.remove_networks()
        self.before = self.look()

    # The engine

    def docker(self, *arguments, timeout=60):
        """Output of a docker command that must succeed. Afterwards plugind is killed, in a test that wants it so."""
        try:
            return self.engine.docker(*arguments, timeout=timeout).strip()
        finally:
            self.after_each_step()

    def refused(self, *arguments):
        """The words of a docker command that must fail."""
        done = run(*self.engine.client, *arguments)
        self.after_each_step()
        assert done.returncode != 0, f"`docker {' '.join(arguments)}` should have been refused"
        return done.stderr.strip()

    def after_each_step(self):
        if self.kills_plugind:
            self.plugind.kill_and_start()

    def network(self, name, *options, driver="plugind", ipam="plugind"):
        self.docker("network", "create", "--driver", driver, "--ipam-driver", ipam, *options, name)
        return name

    def container(self, name, network, *options):
        """A running container that does nothing."""
        self.docker(*self.run_arguments(name, network, *options))
        return name

    @staticmethod
    def run_arguments(name, network, *options):
        # The first process of a process namespace ignores SIGTERM unless it says otherwise.
        return ["run", "--detach", "--stop-signal", "KILL", "--name", name, "--network", network, *options,
                IMAGE, "sleep", "1000"]

    def inspect(self, name):
        return json.loads(self.engine.docker("inspect", name))[0]

    def endpoint(self, container, network):
        """The engine's view of a container on a network: IPAddress, GlobalIPv6Address, MacAddress, Gateway, …"""
        return self.inspect(container)["NetworkSettings"]["Networks"][network]

    def address(self, container, network):
        return self.endpoint(container, network)["IPAddress"]

    def address6(self, container, network):
        return self.endpoint(container, network)["GlobalIPv6Address"]

    def ipam(self, network):
        return self.inspect(network)["IPAM"]["Config"]

    def bridge(self, network):
        return "br-" + self.inspect(network)["Id"][:12]

    # Inside containers and on their host

    def exec(self, container, *command):
        return self.engine.docker("exec", container, *command)

    def assert_reaches(self, container, *targets):
        for target in targets:
            self.assert_ping(lambda *command: self.exec(container, *command), container, target)

    def assert_host_reaches(self, *targets):
        for target in targets:
            self.assert_ping(self.engine.enter, "the host", target)

    def assert_does_not_reach(self, container, target):
        with contextlib.suppress(CommandError):
            self.exec(container, "ping", "-c", "1", "-W", "1", target)
            raise AssertionError(f"{container} reaches {target}")

    @staticmethod
    def assert_ping(execute, source, target):
        # busybox takes the address family from a literal; `-6` makes it ask for the IPv6 address of a name.
        family, name = ("-6", target.removesuffix("/6")) if target.endswith("/6") or ":" in target else ("-4", target)
        for attempt in range(3):
            try:
                return execute("busybox", "ping", family, "-c", "1", "-W", "1", name)
            except CommandError as error:
                failure = error
        raise AssertionError(f"{source} does not reach {target}: {failure}")

    def links_inside(self, container):
        """The links of a container by name, as text of `ip`: busybox has no JSON."""
        links = {}
        for line in self.exec(container, "ip", "-o", "link").splitlines():
            name = line.split(": ")[1].split("@")[0]
            links[name] = line
        return links

    def on_host(self, *command):
        return self.engine.enter(*command)

    def with_its_tools(self, *command):
        """A command on the host out of the root directory of the engine, whose iptables may be another one."""
        chroot = ["chroot", str(self.engine.root)] if self.engine.root else []
        return output("nsenter", "--target", str(self.engine.init), "--net", "--mount", "--", *chroot, *command)

    def host_namespace(self):
        return Namespace.of(f"/proc/{self.engine.init}/ns/net")

    def namespace(self, container):
        """The network namespace of a running container. The engine knows its number in the engine's own /proc."""
        pid = self.inspect(container)["State"]["Pid"]
        return Namespace.of(f"/proc/{self.engine.init}/root/proc/{pid}/ns/net")

    def host_link(self, name):
        """The link of that name next to the engine, as `ip -j` has it."""
        return json.loads(self.on_host("ip", "-j", "-d", "address", "show", "dev", name))[0]

    # Before and after

    def look(self):
        return hoststate.read(self.engine.namespaces)

    @contextlib.contextmanager
    def leaves_nothing(self):
        """What is done inside of this must leave the host as it was."""
        before = self.look()
        yield
        hoststate.assert_same(before, self.look)

    def remove_containers(self):
        # One after the other: 20.10 may miscount the endpoints of a network that loses several at once, and then
        # refuses to remove it (libnetwork's endpoint_cnt; the daemon corrects it when it starts).
        for name in self.engine.docker("ps", "--all", "--format", "{{.Names}}").split():
            self.docker("rm", "--force", name)

    def remove_networks(self):
        # The built-in networks cannot be removed.
        present = self.engine.docker("network", "ls", "--filter", "type=custom", "--format", "{{.Name}}").split()
        for network in sorted(present):
            self.docker("network", "rm", network)

    def close(self):
        """Removes what the test made and holds the host against what it was."""
        self.remove_containers()
        self.remove_networks()
        hoststate.assert_same(self.before, self.look)
        assert self.plugind.is_running(), f"plugind has ended:\n{self.plugind.last_lines()}"


def wait_until(condition, what, deadline=60):
    end = time.monotonic() + deadline
    while not condition():
        assert time.monotonic() < end, f"waited {deadline} s for {what}"
        time.sleep(0.05)


class Namespace:
    """A network namespace, kept by its descriptor. A thread of its own enters it for each piece of work."""

    CLONE_NEWNET = 0x40000000
    LIBC = ctypes.CDLL(None, use_errno=True)

    def __init__(self, descriptor):
        self.descriptor = descriptor

    @classmethod
    def of(cls, path):
        return cls(os.open(path, os.O_RDONLY | os.O_CLOEXEC))

    @classmethod
    def new(cls):
        def make():
            cls.check(cls.LIBC.unshare(cls.CLONE_NEWNET))
            return cls.of("/proc/thread-self/ns/net")
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(make).result()

    @property
    def path(self):
        """What commands outside know it by."""
        return f"/proc/{os.getpid()}/fd/{self.descriptor}"

    def do(self, work):
        """Does the work in there; what it returns."""
        def enter_and_work():
            self.check(self.LIBC.setns(self.descriptor, self.CLONE_NEWNET))
            return work()
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(enter_and_work).result()

    def run(self, *command):
        return self.do(lambda: output(*command))

    def socket(self, family, kind):
        """A socket of that namespace, for use by anybody."""
        return self.do(lambda: socket.socket(family, kind))

    def close(self):
        os.close(self.descriptor)

    @staticmethod
    def check(status):
        if status != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
