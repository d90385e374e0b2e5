# SPDX-License-Identifier: Apache-2.0
"""A plugind of a debug build alone in a network namespace, and orders to it: die here, fail there.

The points are in Sources/Faults; docs/faults.md says what an order looks like."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import tempfile
import time
from collections import Counter, namedtuple
from http.client import HTTPException
from pathlib import Path

import hoststate
from engine import output
from lab import wait_until
from plugind import BINARY, Connection, Plugind

FAULTY = Path(os.environ.get(
    "PLUGIND_FAULT_BINARY", Path(__file__).resolve().parents[2] / ".build/debug/plugind"))

TABLES = ("network", "endpoint", "pool", "address", "rest", "reservation")
# Moments are other ones each time.
NOT_COMPARED = ("checksum", "since", "released")

# What is next to plugind's things and is not plugind's: nearly its names, no tag, and a rule of somebody else's. The host
# is a router already; if plugind had to make it one, it would go on being one, and on being guarded.
BYSTANDERS = """
set -e
ip link set lo up
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
ip link add br-11111111111b address 02:00:00:00:00:01 type bridge
ip link add pdh11111111111b address 02:00:00:00:00:02 type veth peer name pds11111111111b address 02:00:00:00:00:03
ip link set pdh11111111111b master br-11111111111b
ip address add 192.0.2.1/24 dev br-11111111111b
for iptables in iptables ip6tables; do
    $iptables -N DOCKER-USER
    $iptables -A DOCKER-USER -i br-11111111111b -o br-11111111111b -j ACCEPT
done
"""
SYSCTLS = """
cd /proc/sys/net
grep -H . ipv4/ip_forward ipv6/conf/all/forwarding ipv4/conf/br-*/forwarding ipv4/conf/br-*/route_localnet \\
    ipv6/conf/br-*/forwarding ipv6/conf/br-*/accept_ra ipv6/conf/br-*/disable_ipv6
"""
# Those that somebody listens on: what is published is held so.
PORTS = "ss -H -l -n -t -u | awk '{ print $1, $5 }'"

# The same host, which is no router.
NO_ROUTER = BYSTANDERS.replace("echo 1 >", "echo 0 >")

Point = namedtuple("Point", "side name time")
Point.__str__ = lambda point: f"{point.side} {point.name}" + (f" ({point.time})" if point.time > 1 else "")

# One listing of a chain changes nothing: to die before or after it is to die at the point next to it.
LISTING = "nft: rules"


class Died(Exception):
    """plugind has ended in the middle of a call."""


class Namespace:
    """A network namespace, for as long as one process sleeps in it."""

    def __init__(self, setup=""):
        self.holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", setup + "\necho; exec sleep infinity"], stdout=subprocess.PIPE)
        assert self.holder.stdout.readline() == b"\n", "the namespace cannot be set up"
        self.path = f"/proc/{self.holder.pid}/ns/net"
        self.enter = ["nsenter", f"--net={self.path}", "--"]

    def close(self):
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()


class Host:
    """A network namespace with plugind and bystanders in it, and another one that is the containers' sandbox."""

    def __init__(self, setup=BYSTANDERS):
        self.network, self.sandbox = Namespace(setup), Namespace()
        self.directory = tempfile.TemporaryDirectory(prefix="plugind-faults-")
        here = Path(self.directory.name)
        self.order_file, self.trace_file, self.state = here / "order", here / "trace", here / "state"
        self.plugind = Plugind(here / "plugins", self.state, here / "log", [
            *self.network.enter, "env", f"PLUGIND_FAULT_ORDER={self.order_file}",
            f"PLUGIND_FAULT_TRACE={self.trace_file}"])
        self.plugind.command = [str(FAULTY) if part == str(BINARY) else part for part in self.plugind.command]
        self.last_path = None
        try:
            self.plugind.start()
        except BaseException:
            self.close()
            raise

    def close(self):
        if self.plugind.is_running():
            self.plugind.kill()
        self.sandbox.close()
        self.network.close()
        self.directory.cleanup()

    def call(self, path, request):
        self.last_path = path
        try:
            with Connection(self.plugind.socket) as connection:
                return connection.call(path, request)
        except (OSError, HTTPException) as error:
            if self.has_died():
                raise Died from error
            raise

    def has_died(self):
        try:
            return self.plugind.process.wait(timeout=5) is not None
        except subprocess.TimeoutExpired:
            return False

    # Orders

    def order(self, action, point):
        self.order_file.write_text(f"{action} {point.side} {point.time} {point.name}")

    def is_carried_out(self):
        return not self.order_file.exists()

    def forget_order(self):
        self.order_file.unlink(missing_ok=True)

    def clear_trace(self):
        self.trace_file.unlink(missing_ok=True)

    def trace(self):
        """The points that were reached since the trace was cleared, in their order."""
        times, points = Counter(), []
        for line in self.trace_file.read_text().splitlines() if self.trace_file.exists() else []:
            times[line] += 1
            side, _, name = line.partition(" ")
            points.append(Point(side, name, times[line]))
        return points

    def start(self):
        self.plugind.start()

    def start_and_die(self):
        """Starts plugind, which has an order to die: before it answers, or while it does what it has put off."""
        try:
            self.plugind.start()
        except AssertionError:
            if self.has_died() and self.is_carried_out():
                return
            raise
        self.wait_for_death()

    def wait_for_death(self):
        """Until plugind has carried out the order to die."""
        wait_until(self.is_carried_out, "plugind to come to the point where it is to die")
        wait_until(lambda: not self.plugind.is_running(), "plugind to die")

    def settle(self):
        """Waits until plugind has done what it does after its answers. No step of the trace was made to fail."""
        wait_until(lambda: not self.unfinished() and not self.has_begun(), "plugind to have done everything")

    def has_begun(self):
        """Whether a step of the kernel or the store has begun and is not at its end: what it does may be seen before.
        One that fails since there is nothing to delete has no end of its own, and another one comes after it."""
        begun = set()
        for point in self.trace():
            if point.side == "after":
                begun.discard(point.name)
            elif not point.name.startswith("nft:"):
                begun = {point.name}
        return bool(begun)

    # What plugind says

    def reconcile(self):
        """Tells plugind to look at everything; what it says that it found."""
        begin = self.plugind.log.stat().st_size
        os.kill(self.plugind.pid, signal.SIGUSR1)
        end = time.monotonic() + 5
        while time.monotonic() < end:
            if lines := [line for line in self.log_since(begin) if " Reconciled " in line]:
                return dict(word.split("=", 1) for word in lines[0].split() if "=" in word)
            time.sleep(0.005)
        raise AssertionError("plugind does not say that it has reconciled")

    def log_since(self, begin):
        """The lines that plugind has written since its log was that long."""
        with open(self.plugind.log, "rb") as log:
            log.seek(begin)
            return log.read().decode(errors="replace").splitlines()

    # What there is

    def look(self):
        return View(self.host(), self.stored())

    def host(self):
        """What both namespaces have, without what the kernel makes up: MAC addresses, and what follows from them."""
        state = hoststate.read(self.network.enter)
        inside = hoststate.read(self.sandbox.enter, with_engine=False)
        sysctls = subprocess.run(
            [*self.network.enter, "sh", "-c", SYSCTLS], capture_output=True, text=True, check=False).stdout
        lines = [masked(line) for line in state.elements() if not is_made_up(line)]
        lines += [f"sandbox {line}" for line in inside.elements() if not is_made_up(line)]
        lines += ["sysctl " + line for line in sysctls.splitlines()]
        lines += ["port " + line for line in output(*self.network.enter, "sh", "-c", PORTS).splitlines()]
        return Counter(lines)

    def stored(self):
        """The rows of plugind's state, each as a line."""
        rows = Counter()
        with sqlite3.connect(f"file:{self.state}/plugind.db?mode=ro", uri=True) as database:
            database.row_factory = sqlite3.Row
            for table in TABLES:
                for row in database.execute(f"SELECT * FROM {table}"):
                    row = {key: row[key] for key in row.keys() if key not in NOT_COMPARED}
                    if "body" in row:
                        row["body"] = json.loads(row["body"])
                        row["body"].pop("bridgeMAC", None)
                    line = json.dumps(row, sort_keys=True).replace(self.sandbox.path, "SANDBOX")
                    rows[f"{table} {masked(line)}"] += 1
        database.close()
        return rows

    def keys(self, table):
        return self.first_column(f"SELECT id FROM {table} ORDER BY id")

    def unfinished(self):
        """What is being made or deleted, or was when plugind died."""
        rows = [key for table in ("network", "endpoint")
                for key in self.first_column(f"SELECT id FROM {table} WHERE phase != 'ready'")]
        links = json.loads(output(*self.network.enter, "ip", "-j", "link"))
        return rows + [link["ifname"] for link in links if link["group"] != "default"]

    def first_column(self, statement):
        with sqlite3.connect(f"file:{self.state}/plugind.db?mode=ro", uri=True) as database:
            values = [row[0] for row in database.execute(statement)]
        database.close()
        return values


class View(namedtuple("View", "host stored")):
    """What the host and the store have at one moment."""

    def difference(self, other):
        """What this one has that the other has not, and the other way round."""
        lines = []
        for name in self._fields:
            mine, others = getattr(self, name), getattr(other, name)
            lines += [f"  + {line}" for line in sorted((mine - others).elements())]
            lines += [f"  - {line}" for line in sorted((others - mine).elements())]
        return "\n".join(lines)


def is_made_up(line):
    """Link-local addresses come when the kernel sees fit; namespaces are those of the whole machine."""
    return line.startswith("namespace ") or re.search(r" (fe80|ff00)::", line) is not None


def masked(line):
    """A line without what is drawn by lot: the MAC address of a bridge or a port, and a local block."""
    line = re.sub(r"^(link (?:br-|pdh)(\d)\2{11} .*?)(?:[0-9a-f]{2}:){5}[0-9a-f]{2}", r"\1MAC", line)
    return re.sub(r"fd(?!77:77)[0-9a-f]{2}:[0-9a-f:]+(?=/64)", "LOCAL", line)
