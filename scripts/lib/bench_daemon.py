# SPDX-License-Identifier: Apache-2.0
"""plugind alone in a network namespace, and callers of its socket, which are a program of their own."""

import functools
import json
import re
import subprocess
import tempfile
import time
from pathlib import Path

from plugind import Connection, Plugind

GENERIC = "com.docker.network.generic"
ATTACH = "plugind.attach"
# The kernel takes a namespace down in the background, and is slow to all others meanwhile.
SETTLE_SECONDS = 1
SAMPLE = re.compile(r'(\w+)(?:\{(.*)\})? (\S+)')
LABEL = re.compile(r'(\w+)="([^"]*)"')


class LoadError(Exception):
    """A program that measures ended with other words than figures."""


class Refused(Exception):
    """plugind refused a call."""


def figures_of(*command, timeout=1200):
    """What one of the programs in C prints."""
    try:
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=timeout)
    except subprocess.TimeoutExpired:
        raise LoadError(f"it takes more than {timeout} s") from None
    if done.returncode != 0:
        raise LoadError(f"{done.stderr.strip()[-300:] or f'it ended with status {done.returncode}'}")
    return json.loads(done.stdout)


@functools.cache
def holder(load, callers=100):
    """The process that holds sandboxes for so many callers. It ends with this one, which its input comes from."""
    process = subprocess.Popen([str(load), "hold", str(callers)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    if not process.stdout.readline():
        raise LoadError("the sandboxes cannot be made")
    return process


class Alone:
    """A host that ends with the program that made it, plugind there, and networks."""

    def __init__(self, load, state_parent, log_level="notice"):
        self.load_program = load
        self.holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "ip link set lo up; echo; exec sleep infinity"], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE)
        self.holder.stdout.readline()
        self.namespace = f"/proc/{self.holder.pid}/ns/net"
        # A socket's path is short, and the state is to be on the disk.
        self.place = tempfile.TemporaryDirectory(prefix="plugind-bench-")
        self.state = tempfile.TemporaryDirectory(prefix="plugind-bench-", dir=state_parent)
        place = self.place.name
        self.plugind = Plugind(
            f"{place}/plugins", f"{self.state.name}/state", f"{place}/plugind.log",
            ["nsenter", f"--net={self.namespace}", "--"], log_level=log_level)
        self.networks = []

    def __enter__(self):
        try:
            self.plugind.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        """What is on the host goes with its namespace, together: one by one would take long."""
        if self.plugind.is_running():
            self.plugind.kill()
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()
        time.sleep(SETTLE_SECONDS)
        self.place.cleanup()
        self.state.cleanup()

    def call(self, method, request):
        status, answer = self.plugind.call(f"/{method}", request)
        if status != 200:
            raise Refused(f"{method} is answered {status}: {answer.get('Err') or answer.get('Error')}")
        return answer

    def add_networks(self, count, attach=None):
        """So many networks, each with a /16, which take `attach` for their option if there is one."""
        for number in range(len(self.networks), len(self.networks) + count):
            subnet = f"10.{number}.0.0/16"
            pool = self.call("IpamDriver.RequestPool", {
                "AddressSpace": "plugind-local", "Pool": subnet, "SubPool": "", "Options": {}, "V6": False})["PoolID"]
            gateway = self.call("IpamDriver.RequestAddress", {
                "PoolID": pool, "Address": "", "Options": {"RequestAddressType": "com.docker.network.gateway"}})
            network = f"{number + 1:012x}" + "a" * 52
            self.call("NetworkDriver.CreateNetwork", {
                "NetworkID": network, "Options": {GENERIC: {ATTACH: attach} if attach else {}}, "IPv6Data": [],
                "IPv4Data": [{
                    "AddressSpace": "plugind-local", "Pool": subnet, "Gateway": gateway["Address"]}]})
            self.networks.append(f"{network}={pool}")

    def load(self, kind, callers, count, way=None):
        """What the load program says: kind is lives, deletes or fill, way how links get into sandboxes."""
        try:
            return figures_of(
                self.load_program, kind, *([way] if way else []), self.plugind.socket, self.namespace,
                holder(self.load_program).pid, callers, count, *self.networks)
        except LoadError as error:
            raise LoadError(f"{error}\n{self.plugind.last_lines()}") from None

    def metrics(self):
        """By name and labels, as plugind counts them."""
        with Connection(Path(self.place.name) / "control.sock") as connection:
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        samples = {}
        for line in text.splitlines():
            if not line.startswith("#"):
                name, labels, value = SAMPLE.fullmatch(line).groups()
                samples[name, tuple(sorted(LABEL.findall(labels or "")))] = float(value)
        return samples

    def inside(self, count, way):
        """What plugind itself counts of the lives of one caller: milliseconds a life, by method and in all; commits."""
        before = self.metrics()
        self.load("lives", 1, count, way)
        grown = {key: value - before.get(key, 0) for key, value in self.metrics().items()}
        methods = {}
        for (name, labels), value in grown.items():
            if name == "plugind_request_duration_seconds_sum" and value > 0:
                method = dict(labels)["method"].split(".")[1]
                methods[method] = methods.get(method, 0) + value * 1000 / count
        commits = sum(value for (name, _), value in grown.items()
                      if name == "plugind_store_commit_duration_seconds_count")
        cpu = grown["process_cpu_seconds_total", ()] * 1000 / count
        return {"methods": methods, "sum": sum(methods.values()), "commits": commits / count, "cpu": cpu}


def attach_modes(load, state_parent, wanted):
    """Those modes that this plugind knows, by name, as what a network is told: before there were any, it only moved."""
    modes = {}
    with Alone(load, state_parent) as alone:
        for mode in wanted:
            try:
                alone.add_networks(1, mode)
                modes[mode] = mode
            except Refused:
                if mode == "move":
                    modes[mode] = None
    return modes
