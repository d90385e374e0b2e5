# SPDX-License-Identifier: Apache-2.0
"""A host with plugind on it between two outside hosts, and containers, all in namespaces and without an engine: what an
engine would do with plugind's answers is done here. Nothing survives the processes that are started here."""

import hashlib
import ipaddress
import itertools
import json
import subprocess
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import hoststate
import traffic
from engine import CommandError
from plugind import Plugind

# Debian's, without what it would read at its start: there are dozens of them.
PYTHON = ["/usr/bin/python3", "-SE"]
TRAFFIC = str(Path(__file__).with_name("traffic.py"))

# The host's links to the outside, its addresses on them, and who is on the other side.
OUT, HOST, HOST6, OUTSIDE, OUTSIDE6 = "out0", "198.51.100.1", "2001:db8:1::1", "198.51.100.2", "2001:db8:1::2"
OUT2, SECOND, SECOND6, BEYOND, BEYOND6 = "out1", "203.0.113.1", "2001:db8:2::1", "203.0.113.2", "2001:db8:2::2"

NUMBERS = {"tcp": 6, "udp": 17, "sctp": 132}
SUCCESS, FAILURE = 1.0, 0.6

NETFILTER = ["net/bridge/bridge-nf-call-iptables", "net/bridge/bridge-nf-call-ip6tables"]

GENERIC = "com.docker.network.generic"
PORTMAP = "com.docker.network.portmap"
EXPOSED = "com.docker.network.endpoint.exposedports"
BRIDGE = "com.docker.network.bridge."


class Outcome:
    """What a client got: the source address that the other side saw, or an error's name."""

    def __init__(self, reply):
        self.seen, self.error = reply.get("answer"), reply.get("error")

    def __str__(self):
        return f"answered, seen as {self.seen}" if self.error is None else f"not answered: {self.error}"

    __repr__ = __str__

    @property
    def is_reached(self):
        return self.error is None


class Pending:
    """A command that an agent works on."""

    def __init__(self):
        self.event = threading.Event()
        self.reply = None

    def outcome(self):
        assert self.event.wait(60), "an agent does not answer"
        return Outcome(self.reply)

    def value(self):
        outcome = self.outcome()
        if outcome.error is not None:
            raise CommandError(outcome.error)
        return outcome.seen


class Place:
    """A network namespace with an agent in it, and gone with it."""

    def __init__(self, name, *namespaces):
        self.name = name
        self.process = subprocess.Popen(
            ["unshare", "--net", *namespaces, *PYTHON, TRAFFIC, "agent"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        self.numbers = itertools.count()
        self.pending = {}
        self.lock = threading.Lock()
        self.is_ready = False

    @property
    def pid(self):
        self.wait()
        return self.process.pid

    @property
    def prefix(self):
        return ["nsenter", "--target", str(self.pid), "--net", "--mount", "--"]

    def wait(self):
        """The namespace is there once its agent says so."""
        if not self.is_ready:
            assert self.process.stdout.readline() == "ready\n", f"the agent of {self.name} does not start"
            self.is_ready = True
            threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            reply = json.loads(line)
            pending = self.pending.pop(reply["id"])
            pending.reply = reply
            pending.event.set()
        for pending in list(self.pending.values()):
            pending.reply = {"error": f"the agent of {self.name} has ended"}
            pending.event.set()

    def submit(self, op, **arguments):
        self.wait()
        number, pending = next(self.numbers), Pending()
        self.pending[number] = pending
        with self.lock:
            self.process.stdin.write(json.dumps({"id": number, "op": op, **arguments}) + "\n")
            self.process.stdin.flush()
        return pending

    def call(self, op, **arguments):
        return self.submit(op, **arguments).value()

    def run(self, *command, text=None):
        return self.call("run", argv=[str(part) for part in command], text=text)

    def ip(self, *lines):
        """Commands of `ip`, all at once."""
        self.run("ip", "-batch", "-", text="\n".join(lines) + "\n")

    def sysctl(self, **files):
        """Writes: net__ipv4__ip_forward=1."""
        self.call("write", files={path.replace("__", "/"): value for path, value in files.items()})

    def listen(self, protocol, *ports, addresses=("0.0.0.0", "::")):
        for address in addresses:
            self.call("listen", protocol=protocol, address=address, ports=ports)

    def connect(self, protocol, address, port, timeout=SUCCESS):
        return self.submit("connect", protocol=protocol, address=address, port=port, timeout=timeout).outcome()

    def ping(self, address, timeout=SUCCESS):
        return self.submit("ping", address=address, timeout=timeout).outcome()

    def close(self):
        self.process.kill()
        self.process.wait()


def identifier(*parts):
    return hashlib.sha256("/".join(parts).encode()).hexdigest()


def port(protocol, container, host=None, address="", end=None):
    """A port binding as the engine sends it. protocol is a name, or a number."""
    first = container if host is None else host
    return {"Proto": NUMBERS.get(protocol, protocol), "IP": "", "Port": container, "HostIP": address,
            "HostPort": first, "HostPortEnd": end or first}


class Network:
    def __init__(self, edge, name, subnets, options, internal):
        self.edge, self.name, self.internal = edge, name, internal
        self.id = identifier("network", name)
        self.bridge = "br-" + self.id[:12]
        self.subnets = {prefix.version: prefix for prefix in map(ipaddress.ip_network, subnets)}
        self.options = {key: str(value) for key, value in options.items()}
        self.gateways = {version: str(prefix[1]) for version, prefix in self.subnets.items()}

    def request(self):
        data = {4: [], 6: []}
        for version, prefix in self.subnets.items():
            data[version] = [{"AddressSpace": "LocalDefault", "Pool": str(prefix), "AuxAddresses": {},
                              "Gateway": f"{prefix[1]}/{prefix.prefixlen}"}]
        options = {"com.docker.network.enable_ipv4": 4 in self.subnets,
                   "com.docker.network.enable_ipv6": 6 in self.subnets, GENERIC: self.options}
        if self.internal:
            options["com.docker.network.internal"] = True
        return {"NetworkID": self.id, "Options": options, "IPv4Data": data[4], "IPv6Data": data[6]}

    def create(self):
        self.edge.succeed("CreateNetwork", self.request())
        self.edge.networks.append(self)
        return self

    def delete(self):
        self.edge.succeed("DeleteNetwork", {"NetworkID": self.id})
        self.edge.networks.remove(self)

    def address(self, number, version):
        return str(self.subnets[version][number])


class Endpoint:
    """What an engine does for one container on one network, step by step."""

    def __init__(self, edge, network, name, number, ports=(), driver_options=None, place=None):
        self.edge, self.network, self.name, self.number = edge, network, name, number
        self.id = identifier("endpoint", network.name, name)
        self.ports = list(ports)
        self.driver_options = driver_options or {}
        self.addresses = {version: network.address(number, version) for version in network.subnets}
        self.place = place
        self.mac = self.answer = self.sandbox = None
        self.is_attached = False

    @property
    def key(self):
        return {"NetworkID": self.network.id, "EndpointID": self.id}

    @property
    def port_options(self):
        exposed = {(binding["Proto"], binding["Port"]) for binding in self.ports}
        return {PORTMAP: self.ports, EXPOSED: [{"Proto": proto, "Port": number} for proto, number in sorted(exposed)]}

    def endpoint_request(self):
        with_length = {version: f"{address}/{self.network.subnets[version].prefixlen}"
                       for version, address in self.addresses.items()}
        options = {} if self.network.internal else self.port_options
        return {**self.key, "Options": {**options, **self.driver_options}, "Interface": {
            "Address": with_length.get(4, ""), "AddressIPv6": with_length.get(6, ""), "MacAddress": ""}}

    def create(self):
        answer = self.edge.succeed("CreateEndpoint", self.endpoint_request())
        self.mac = (answer.get("Interface") or {}).get("MacAddress")
        self.edge.endpoints.append(self)
        return self

    def join(self):
        self.sandbox = self.edge.sandbox(self) if self.place else f"/var/run/docker/netns/{self.id[:12]}"
        self.answer = self.edge.succeed(
            "Join", {**self.key, "SandboxKey": self.sandbox, "Options": self.port_options})
        return self

    def attach(self):
        """Moves the link into the container and sets it up, as an engine does."""
        name = self.answer["InterfaceName"]["DstPrefix"] + "0"
        source = self.answer["InterfaceName"]["SrcName"]
        self.edge.host.ip(f"link set {source} netns {self.place.pid} name {name}")
        # IPv6 is on only if the endpoint has an address of it.
        self.place.call("write", files={f"net/ipv6/conf/{name}/disable_ipv6": int(6 not in self.addresses),
                                        f"net/ipv6/conf/{name}/accept_dad": 0})
        lines = ["link set lo up"]
        if self.mac:
            lines.append(f"link set {name} address {self.mac}")
        for version, address in self.addresses.items():
            nodad = " nodad" if version == 6 else ""
            lines.append(f"address add {address}/{self.network.subnets[version].prefixlen} dev {name}{nodad}")
        lines.append(f"link set {name} up")
        routes = self.answer.get("StaticRoutes") or []
        for route in sorted(routes, key=lambda route: -route["RouteType"]):
            where = f"dev {name}" if route["RouteType"] else f"via {route['NextHop']} dev {name}"
            lines.append(f"route add {route['Destination']} {where}")
        for key in ("Gateway", "GatewayIPv6"):
            if self.answer.get(key):
                lines.append(f"route add default via {self.answer[key]} dev {name}")
        self.place.ip(*lines)
        self.is_attached = True
        # An engine waits for this as well, if not as long: the kernel may take up to a second, and loses what comes.
        wait_until(lambda: self.edge.is_forwarding(self.network), f"the bridge of {self.network.name} to forward")
        return self

    @property
    def has_gateway(self):
        return bool(self.answer.get("Gateway") or self.answer.get("GatewayIPv6"))

    def program(self, ports=None, **options):
        if ports is not None:
            self.ports = list(ports)
        self.edge.succeed("ProgramExternalConnectivity", self.program_request(**options))
        return self

    def program_request(self, **options):
        return {**self.key, "Options": {**self.port_options, **options}}

    def revoke(self):
        self.edge.succeed("RevokeExternalConnectivity", self.key)

    def leave(self):
        """Leave, after which an engine moves the link back."""
        self.edge.succeed("Leave", self.key)
        if self.is_attached:
            self.is_attached = False
            name, source = self.answer["InterfaceName"]["DstPrefix"] + "0", self.answer["InterfaceName"]["SrcName"]
            self.place.ip(
                f"link set {name} down", f"link set {name} netns {self.edge.host.pid} name {source}")

    def delete(self):
        self.edge.succeed("DeleteEndpoint", self.key)
        self.edge.endpoints.remove(self)
        if self.place:
            self.edge.host.run("umount", self.sandbox)
            self.place.close()

    def remove(self):
        """As when its container is removed."""
        if self.answer:
            if self.has_gateway:
                self.revoke()
            self.leave()
        self.delete()

    # What its container does

    def listen(self, protocol, *ports):
        self.place.listen(protocol, *ports)
        return self

    def loopback_leaves(self):
        loopback_leaves(self.place, "eth0", self.network.gateways)


def reached(*attempts, protocols=("tcp",), timeout=FAILURE):
    """Which of the attempts to connect, (place, address, port) each, are answered. All are made at the same time."""
    pending = [(f"{place.name} to {address}:{number}/{protocol}", place.submit(
        "connect", protocol=protocol, address=address, port=number, timeout=timeout))
        for place, address, number in attempts for protocol in protocols]
    return [words for words, each in pending if each.outcome().is_reached]


def loopback_leaves(place, link, gateways):
    """Has a place send what it sends to 127.0.0.1 and ::1 to a router instead of itself."""
    place.sysctl(net__ipv4__conf__all__route_localnet=1)
    place.ip("address delete 127.0.0.1/8 dev lo", "address delete ::1/128 dev lo",
             f"route add 127.0.0.1/32 via {gateways[4]} dev {link}", f"route add ::1/128 via {gateways[6]} dev {link}")


class Edge:
    """The host with plugind, and everything around it."""

    def __init__(self, directory, forwarding=False, starts=True):
        self.directory = Path(directory)
        self.networks, self.endpoints = [], []
        self.host = Place("the host", "--mount")
        self.outside, self.beyond = Place("outside"), Place("beyond")
        self.host.sysctl(
            net__ipv4__ip_forward=int(forwarding), net__ipv6__conf__all__forwarding=int(forwarding),
            net__ipv6__conf__default__accept_dad=0, net__ipv6__conf__all__accept_dad=0)
        self.host.ip("link set lo up")
        for link, host, place in ((OUT, (HOST, HOST6), self.outside), (OUT2, (SECOND, SECOND6), self.beyond)):
            place.sysctl(net__ipv6__conf__default__accept_dad=0)
            self.host.ip(f"link add {link} type veth peer name eth0 netns {place.pid}",
                         f"address add {host[0]}/24 dev {link}", f"address add {host[1]}/64 dev {link} nodad",
                         f"link set {link} up")
            own = (OUTSIDE, OUTSIDE6) if place is self.outside else (BEYOND, BEYOND6)
            place.ip("link set lo up", f"address add {own[0]}/24 dev eth0", f"address add {own[1]}/64 dev eth0 nodad",
                     "link set eth0 up", f"route add default via {host[0]}", f"route add default via {host[1]}")
        # What comes before the links are up altogether is lost.
        for address in (OUTSIDE, OUTSIDE6, BEYOND, BEYOND6):
            wait_until(lambda: self.host.ping(address, 0.1).is_reached, f"{address} to answer", deadline=5)
        # What was sent to the host for its loopback addresses is counted, to know that it arrived.
        self.host.run("nft", "-f", "-", text="""
            table inet lab {
                counter strays { }
                chain arrivals {
                    type filter hook prerouting priority -400;
                    iifname != "lo" ip daddr 127.0.0.0/8 counter name strays
                }
            }""")
        self.plugind = Plugind(
            self.directory / "plugins", self.directory / "state", self.directory / "plugind.log", self.host.prefix)
        if starts:
            self.plugind.start()
        self.before = self.look()

    # Calls

    def call(self, method, request):
        return self.plugind.call("/NetworkDriver." + method, request)

    def succeed(self, method, request):
        status, answer = self.call(method, request)
        assert status == 200 and not answer.get("Err"), f"{method} is answered {status} {answer}"
        return answer

    def refused(self, method, request):
        """The words of a call that must be refused."""
        status, answer = self.call(method, request)
        if status == 200 and method.startswith("Create"):
            # Not there for the tests that follow.
            self.call(method.replace("Create", "Delete"), request)
        assert status != 200, f"{method} {json.dumps(request)} should be refused, and is answered {status} {answer}"
        assert answer.get("Err"), f"{method} is refused without words: {status} {answer}"
        assert "internal error" not in answer["Err"].lower(), answer["Err"]
        return answer["Err"]

    def network(self, name, *subnets, **options):
        return self.unmade(name, *subnets, **options).create()

    def unmade(self, name, *subnets, internal=False, options=None):
        """A network that nobody has asked for yet."""
        return Network(self, name, subnets, options or {}, internal)

    def container(self, network, name, number, ports=(), driver_options=None, programs=True, place=None, **program):
        """A running container: created, joined, attached and, if it got a gateway, programmed."""
        endpoint = Endpoint(
            self, network, name, number, ports, driver_options, place or Place(f"{network.name}/{name}"))
        endpoint.create().join().attach()
        if programs and endpoint.has_gateway:
            endpoint.program(**program)
        return endpoint

    def sandbox(self, endpoint):
        """The container's namespace at a path, as engines have them; seen on the host alone."""
        path = self.directory / "netns" / endpoint.id[:12]
        path.parent.mkdir(exist_ok=True)
        path.touch()
        self.host.run("mount", "--bind", f"/proc/{endpoint.place.pid}/ns/net", path)
        return str(path)

    # Looking

    def look(self):
        """What the host has, once what was deleted has gone: that is soon after the answer. Namespaces of this machine are
        not looked at: others make some at the same time."""
        end = time.monotonic() + 60
        while True:
            state = hoststate.read(self.host.prefix)
            leaving = [line for line in state if line.startswith("link pd") and " down " in line
                       and " plugind:endpoint:" in line]
            if not leaving or time.monotonic() > end:
                return Counter({line: count for line, count in state.items() if not line.startswith("namespace ")})
            time.sleep(0.05)

    def ruleset(self):
        return json.loads(self.host.run("nft", "-j", "list", "ruleset"))["nftables"]

    def elements(self):
        """Every value that is in a set or a map of plugind's, as text."""
        return {leaf for item in self.ruleset() for body in item.values() if body.get("table") == "plugind"
                for leaf in leaves(elements_of(item))}

    def counters(self):
        """Packets by the name of the counter, of plugind's tables."""
        found = {}
        for item in self.ruleset():
            counter = item.get("counter")
            if counter and counter["table"] == "plugind":
                found[counter["family"], counter["name"]] = counter["packets"]
        return found

    def sysctl(self, path):
        return self.host.call("read", path=path)

    def strays(self):
        counter = json.loads(self.host.run("nft", "-j", "list", "counter", "inet", "lab", "strays"))["nftables"]
        return next(item["counter"]["packets"] for item in counter if "counter" in item)

    def is_forwarding(self, network):
        """Whether a bridge and all of its ports let frames pass."""
        links = json.loads(self.host.run("ip", "-j", "-d", "link", "show", "master", network.bridge))
        links += json.loads(self.host.run("ip", "-j", "link", "show", "dev", network.bridge))
        states = [link.get("linkinfo", {}).get("info_slave_data", {}).get("state", "forwarding") for link in links]
        return all(link["operstate"] == "UP" for link in links) and set(states) == {"forwarding"}

    def bridge_addresses(self, network):
        links = json.loads(self.host.run("ip", "-j", "address", "show", "dev", network.bridge))
        return {address["local"] for address in links[0]["addr_info"] if address["scope"] == "global"}

    def published(self):
        """Log lines that tell of a published port."""
        return [line for line in self.plugind.log.read_text(errors="replace").splitlines() if "Published port" in line]

    # The end

    def remove_everything(self):
        """All at once, as when a host is shut down."""
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(Endpoint.remove, list(self.endpoints)))
            list(pool.map(Network.delete, list(self.networks)))

    def assert_as_before(self):
        """The host is as it was, but for the guard that stays where plugind switched forwarding on."""
        end = time.monotonic() + 1
        while True:
            after = self.look()
            ours = [line for line in after if is_of_plugind(line)]
            rest = without_routers(Counter({line: count for line, count in after.items() if line not in ours}))
            if rest == without_routers(self.before) or time.monotonic() > end:
                break
            time.sleep(0.05)
        hoststate.assert_same(without_routers(self.before), lambda: rest, deadline=0)
        if ours:
            forwards = "1" in (self.sysctl("net/ipv4/ip_forward"), self.sysctl("net/ipv6/conf/all/forwarding"))
            assert forwards, f"left in the packet filter, without a network and without forwarding: {ours}"
            full = [item for item in map(object_of, ours)
                    if elements_of(item) and item.get("map", {}).get("name") != "guard"]
            assert not full, f"sets and maps with what is gone: {full}"

    def close(self):
        try:
            if self.plugind.is_running():
                assert self.plugind.stop() == 0, f"plugind ends with a status:\n{self.plugind.last_lines()}"
        finally:
            for place in [self.outside, self.beyond, self.host, *(each.place for each in self.endpoints)]:
                if place:
                    place.close()


def object_of(line):
    return json.loads(line.removeprefix("nft "))


def elements_of(item):
    """The elements of an object of nft's, if it is a set or a map."""
    return (item.get("set") or item.get("map") or {}).get("elem", [])


def is_of_plugind(line):
    """Whether a line of a host's state is of a table of plugind's."""
    if not line.startswith("nft "):
        return False
    (kind, body), = object_of(line).items()
    return (body.get("name") if kind == "table" else body.get("table")) == "plugind"


def without_routers(state):
    """A state without the anycast addresses that every router has: a host has them once it forwards IPv6."""
    return Counter({line: count for line, count in state.items() if not line.startswith("route") or
                    " anycast " not in line})


def leaves(value):
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return {str(value)}
    return {leaf for part in value for leaf in leaves(part)}


def removed_in_order(edge):
    """What fixtures do at the end: an engine's way out, after which the host must be as it was."""
    try:
        edge.remove_everything()
        edge.assert_as_before()
        assert edge.plugind.is_running(), f"plugind has ended:\n{edge.plugind.last_lines()}"
    finally:
        edge.close()


def set_netfilter(edge, is_on):
    """Whether frames inside of bridges pass the IP hooks; an engine usually has it so."""
    files = {path: int(is_on) for path in NETFILTER}
    try:
        edge.host.call("write", files=files)
    except CommandError as error:
        if is_on:
            pytest.skip(f"no br_netfilter in this kernel's namespaces: {error}")


def wait_until(condition, what, deadline=2.0):
    end = time.monotonic() + deadline
    while not (value := condition()):
        assert time.monotonic() < end, f"waited {deadline} s for {what}"
        time.sleep(0.02)
    return value


def has_sctp():
    """Why this kernel cannot do SCTP, or None if it can."""
    try:
        traffic.make_socket("sctp", "127.0.0.1").close()
    except OSError as error:
        return error.strerror
    return None
