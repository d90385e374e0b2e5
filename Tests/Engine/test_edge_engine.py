# SPDX-License-Identifier: Apache-2.0
"""Reaching out and being reached: published ports, the way out, and what stays apart, with packets from another host.

    outside 192.0.2.2, .3 ── uplink 192.0.2.1 ┐         ┌ lan    10.77  web (published), ada
      world 198.51.100.7                      │ host of ├ other  10.78  bob (for some clients), trusts the uplink
                                              │ engine  ├ four   10.79  old: no IPv6, not protected
    far 203.0.113.2 ── farlink 203.0.113.1 ───┘ and     ├ road   10.80  rae: routed
                                                plugind ├ guest  10.81  gus: respects the host's policy
                                                        └ built  10.90  ben: the engine's driver; dan: on docker0

Each has IPv6 as well. The engine's FORWARD policy is DROP, as it is on an ordinary host.
"""

import contextlib
import json
import re
import selectors
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import hoststate
import measured
from conftest import open_lab
from engine import CommandError, run
from lab import Lab, Namespace, wait_until

TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM
HOST4, HOST6 = "192.0.2.1", "2001:db8:1::1"
OUT4, OUT6 = "192.0.2.2", "2001:db8:1::2"
OTHER_CLIENT = "192.0.2.3"
WORLD4, WORLD6 = "198.51.100.7", "2001:db8:99::7"
FAR4, FAR6 = "203.0.113.2", "2001:db8:2::2"
ECHO = 7
# What an answer may be when it only matters that there is one.
ANYBODY = "anybody"

# Tells each client the address that it is seen with. More than one port: what is published, and what is not.
SERVE = r"""
mkdir -p /www/cgi-bin
printf '#!/bin/sh\necho; echo "$REMOTE_ADDR"\n' >/www/cgi-bin/who
chmod 755 /www/cgi-bin/who
for port; do httpd -p "$port" -h /www; done
exec sleep 1000
"""


# Asking and answering

def serve(lab, name, network, *options, how="run"):
    """A container that answers at ports 80 and 81."""
    detached = ["run", "--detach"] if how == "run" else ["create"]
    lab.docker(*detached, *lab.run_arguments(name, network, *options)[2:-2], "sh", "-c", SERVE, "serve", "80", "81")
    return name


def refused(lab, network, *options):
    """The words with which a container is refused, which then does not run."""
    try:
        words = lab.refused(*lab.run_arguments("late", network, *options))
        assert not lab.inspect("late")["State"]["Running"]
        return words
    finally:
        lab.docker("rm", "--force", "late")


class Echo:
    """Answers at ports of a namespace what SERVE answers, for as long as it is needed."""

    def __init__(self, namespace, ports, kinds=(TCP, UDP), addresses=("::",)):
        self.selector = selectors.DefaultSelector()
        self.sockets = []
        for address in addresses:
            for kind in kinds:
                for port in ports:
                    self.listen(namespace, address, port, kind)
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self.answer)

    def listen(self, namespace, address, port, kind):
        server = namespace.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
        self.sockets.append(server)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((address, port))
        if kind == TCP:
            server.listen(64)
        self.selector.register(server, selectors.EVENT_READ, kind)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.thread.join()
        for server in self.sockets:
            server.close()
        self.selector.close()

    def answer(self):
        while not self.ends.is_set():
            for key, _ in self.selector.select(timeout=0.05):
                with contextlib.suppress(OSError):
                    self.answer_one(key.fileobj, key.data)

    @staticmethod
    def answer_one(server, kind):
        if kind == UDP:
            _, client = server.recvfrom(100)
            server.sendto(client[0].encode(), client)
            return
        connection, client = server.accept()
        with connection:
            connection.settimeout(0.5)
            connection.recv(100)
            connection.sendall(client[0].encode())


def ask(namespace, address, port, kind=TCP, source=None, timeout=0.5):
    """The address that the answering side sees us with, None if nobody answers."""
    with namespace.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind) as client:
        client.settimeout(timeout)
        try:
            if source:
                client.bind((source, 0))
            client.connect((address, port))
            client.sendall(b"GET /cgi-bin/who HTTP/1.0\r\n\r\n")
            answer = client.recv(4096)
            while kind == TCP and (part := client.recv(4096)):
                answer += part
        except OSError:
            return None
    words = answer.decode().split()
    return words[-1].strip("[]").removeprefix("::ffff:") if words else None


def assert_seen(places, expected, within=3, timeout=0.5):
    """Asks all questions (who, address, port, and perhaps kind and source) at once. Answers may take a while to come;
    where none is expected (None), a single one is too much."""
    end = time.monotonic() + within
    questions, wrong = list(expected), {}
    while True:
        with ThreadPoolExecutor(16) as threads:
            answers = threads.map(lambda question: ask(places[question[0]], *question[1:], timeout=timeout), questions)
        wrong.update(zip(questions, answers))
        for question in questions:
            if is_right(wrong[question], expected[question]):
                del wrong[question]
        questions = [question for question in wrong if expected[question] is not None]
        if not questions or time.monotonic() > end:
            break
    lines = [f"{' '.join(map(str, question))}: {answer}, expected {expected[question]}"
             for question, answer in wrong.items()]
    assert not lines, "\n".join(lines)


def is_right(answer, expected):
    if expected == ANYBODY:
        return answer is not None
    return answer in expected if isinstance(expected, (set, frozenset)) else answer == expected


def assert_pings(namespace, address, reaches=True):
    try:
        namespace.run("busybox", "ping", "-c", "1", "-W", "1", address)
    except CommandError:
        assert not reaches, f"{address} does not answer a ping"
    else:
        assert reaches, f"{address} answers a ping"


# The host and what is around it

@contextlib.contextmanager
def neighbourhood(lab):
    """Two other hosts on links of their own, the engine's host between them; their namespaces by name."""
    host, outside, far = lab.host_namespace(), Namespace.new(), Namespace.new()
    links = {"uplink": (outside, "192.0.2", "2001:db8:1:"), "farlink": (far, "203.0.113", "2001:db8:2:")}
    try:
        for name, (namespace, four, six) in links.items():
            # By the machine's own numbers of processes: `ip` finds the other namespace through them.
            host.run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", namespace.path)
            for there, link, number in ((host, name, 1), (namespace, "eth0", 2)):
                there.run("ip", "address", "add", f"{four}.{number}/24", "dev", link)
                there.run("ip", "address", "add", f"{six}:{number}/64", "dev", link, "nodad")
                # One link-local address, at once, instead of the kernel's own, which would come some time later. It is
                # needed: the host asks with it for the neighbours of what it forwards.
                there.run("ip", "address", "add", f"fe80::{number}/64", "dev", link, "nodad")
                there.run("ip", "link", "set", link, "addrgenmode", "none", "up")
            namespace.run("ip", "link", "set", "lo", "up")
            # The whole of the host's networks can be asked for, so that what does not answer is held back by the host.
            for route in ("10.0.0.0/8", "192.0.2.0/24", "203.0.113.0/24"):
                if not route.startswith(four):
                    namespace.run("ip", "route", "add", route, "via", f"{four}.1")
            for route in ("fd00::/8", "2001:db8::/32"):
                namespace.run("ip", "-6", "route", "add", route, "via", f"{six}:1")
        outside.run("ip", "address", "add", f"{OTHER_CLIENT}/24", "dev", "eth0")
        outside.run("ip", "address", "add", f"{WORLD4}/32", "dev", "lo")
        outside.run("ip", "address", "add", f"{WORLD6}/128", "dev", "lo", "nodad")
        host.run("ip", "route", "add", "default", "via", OUT4)
        host.run("ip", "-6", "route", "add", "default", "via", OUT6)
        with Echo(outside, [ECHO], addresses=(WORLD4, WORLD6)), Echo(far, [ECHO]):
            yield {"host": host, "outside": outside, "far": far}
    finally:
        for name in links:
            with contextlib.suppress(CommandError):
                host.run("ip", "link", "delete", name)
        for namespace in (host, outside, far):
            namespace.close()


def engine_filters(lab):
    """The commands of the families whose packet filter the engine manages."""
    return [command for command in ("iptables", "ip6tables") if "DOCKER-USER" in lab.with_its_tools(command + "-save")]


@contextlib.contextmanager
def engine_rules_kept(lab):
    """Whatever is done to the engine's rules inside of this, it is taken back."""
    saved = {command: lab.with_its_tools(command + "-save") for command in engine_filters(lab)}
    try:
        yield
    finally:
        for command, rules in saved.items():
            # Without plugind's own, which it has to put back itself.
            restore(lab, command, "".join(line for line in rules.splitlines(True) if "0x20000000" not in line))


def restore(lab, command, rules, *options):
    (lab.engine.directory / "rules").write_text(rules)
    lab.with_its_tools(command + "-restore", *options, "/run/engine/rules")


@contextlib.contextmanager
def forwarding_dropped(lab):
    """The engine sets this policy if it was who switched forwarding on."""
    filters = engine_filters(lab)
    before = {command: lab.with_its_tools(command, "-S", "FORWARD").split()[:3] for command in filters}
    for command in filters:
        lab.with_its_tools(command, "-P", "FORWARD", "DROP")
    try:
        yield
    finally:
        for command, policy in before.items():
            lab.with_its_tools(command, *policy)


def warm_up(engine, plugind):
    """What the first of its kind brings along for good is no leftover: an address of docker0, chains of the engine for
    published ports, chains made when rules are restored, forwarding that plugind switched on, and its guard."""
    lab = Lab(engine, plugind)
    lab.on_host("sysctl", "-q", "-w", "net.ipv6.conf.all.forwarding=0")
    dual_stack(lab, "lan", 77)
    dual_stack(lab, "built", 90, driver="bridge", ipam="default")
    lab.container("ben", "built", "-p", "8090:80")
    lab.container("dan", "bridge")
    with contextlib.suppress(AssertionError):
        wait_until(lambda: "local fe80:" in lab.on_host(
            "ip", "-6", "route", "show", "table", "local", "dev", "docker0"), "docker0 to have an address", deadline=4)
    with engine_rules_kept(lab):
        pass
    lab.remove_containers()
    lab.remove_networks()


def dual_stack(lab, name, number, *options, **drivers):
    return lab.network(
        name, "--ipv6", "--subnet", f"10.{number}.0.0/24", "--subnet", f"fd{number}::/64", *options, **drivers)


def fixed(number, host=50):
    return "--ip", f"10.{number}.0.{host}", "--ip6", f"fd{number}::{host}"


class Scene:
    """The picture above."""

    def __init__(self, lab, places):
        self.lab = lab
        self.places = places
        self.manages_ipv6 = "ip6tables" in engine_filters(lab)
        lab.on_host("sysctl", "-q", "-w", "net.ipv6.conf.all.forwarding=0")
        self.log_begins = len(self.log())
        self.build()
        self.containers = ["web", "ada", "bob", "old", "rae", "gus", "ben", "dan"]
        self.enter()

    def build(self):
        lab, mode = self.lab, "com.docker.network.bridge.gateway_mode_ipv"
        dual_stack(lab, "lan", 77)
        self.forwarding6 = lab.on_host("sysctl", "-n", "net.ipv6.conf.all.forwarding").strip()
        dual_stack(lab, "other", 78, "-o", "com.docker.network.bridge.trusted_host_interfaces=uplink")
        lab.network("four", "--subnet", "10.79.0.0/24", "-o", f"{mode}4=nat-unprotected")
        dual_stack(lab, "road", 80, "-o", f"{mode}4=routed", "-o", f"{mode}6=routed")
        dual_stack(lab, "guest", 81, "-o", "plugind.publish=respect-host")
        dual_stack(lab, "built", 90, driver="bridge", ipam="default")
        serve(lab, "web", "lan", *fixed(77), "-p", "8080:80", "-p", "8080:80/udp", "-p", "127.0.0.1:8091:80",
              "-p", f"{HOST4}:8092:80", "-p", f"[{HOST6}]:8093:80")
        lab.container("ada", "lan", *fixed(77, 51))
        serve(lab, "bob", f"name=other,driver-opt=plugind.publish.allow={OUT4}/32", *fixed(78), "-p", "8083:80")
        serve(lab, "old", "four", "--ip", "10.79.0.50", "-p", "8084:80")
        serve(lab, "rae", "road", *fixed(80), "-p", "8085:80")
        serve(lab, "gus", "guest", *fixed(81), "-p", "8086:80")
        serve(lab, "ben", "built", *fixed(90), "-p", "8090:80")
        lab.container("dan", "bridge")

    def enter(self):
        for name in self.containers:
            self.places[name] = self.lab.namespace(name)

    def log(self):
        return self.lab.plugind.log.read_text(errors="replace")

    def assert_seen(self, expected, **options):
        assert_seen(self.places, expected, **options)

    def close(self):
        for name in self.containers:
            self.places.pop(name).close()


@pytest.fixture(scope="class")
def scene(engine, plugind):
    warm_up(engine, plugind)
    labs = open_lab(engine, plugind, kills_plugind=False)
    lab = next(labs)
    with neighbourhood(lab) as places, forwarding_dropped(lab):
        scene = Scene(lab, places)
        with Echo(places["web"], [80], kinds=[UDP]):
            yield scene
        scene.close()
        lab.remove_containers()
        lab.remove_networks()
    with contextlib.suppress(StopIteration):
        next(labs)


@pytest.fixture
def places(steady_lab):
    """Host and neighbours, for a test that brings its own networks."""
    with neighbourhood(steady_lab) as places, forwarding_dropped(steady_lab):
        yield places
        # With their links and routes still there, so that the order is that of a user.
        steady_lab.remove_containers()
        steady_lab.remove_networks()


# Who reaches a published port, and the address that the container sees. The engine may masquerade its own containers.
PUBLISHED = {
    ("outside", HOST4, 8080): OUT4,
    ("outside", HOST6, 8080): OUT6,
    ("far", HOST4, 8080): FAR4,
    ("host", HOST4, 8080): HOST4,
    ("host", HOST6, 8080): HOST6,
    ("host", "10.77.0.1", 8080): "10.77.0.1",
    ("host", "10.78.0.1", 8080): "10.78.0.1",
    ("host", "127.0.0.1", 8080): "10.77.0.1",
    ("bob", HOST4, 8080): "10.78.0.50",
    ("bob", HOST6, 8080): "fd78::50",
    ("bob", "10.78.0.1", 8080): "10.78.0.50",
    ("ada", HOST4, 8080): "10.77.0.1",
    ("ada", HOST6, 8080): "fd77::1",
    ("ada", "10.77.0.1", 8080): "10.77.0.1",
    ("web", HOST4, 8080): "10.77.0.1",
    ("web", HOST6, 8080): "fd77::1",
    ("ben", HOST4, 8080): {"10.90.0.50", "10.77.0.1"},
    ("ben", HOST6, 8080): {"fd90::50", "fd77::1"},
    ("dan", HOST4, 8080): ANYBODY,
}
PUBLISHED_UDP = {
    question + (UDP,): seen for question, seen in PUBLISHED.items()
    # The answer of a wildcard socket comes from the address nearest to the client: the client's fault, not the way's.
    if question[0] not in ("ben", "dan", "web")
}
FORWARDED = {
    ("host", "::1", 8080): "fd77::1",
    ("host", "::1", 8080, UDP): "fd77::1",
    ("host", "::1", 8084): "10.79.0.1",
    ("host", HOST6, 8084): "10.79.0.1",
    ("outside", HOST6, 8084): "10.79.0.1",
    ("bob", HOST6, 8084): "10.79.0.1",
}
# Every way out: masqueraded, in both families.
OUTWARDS = {
    ("ada", WORLD4, ECHO): HOST4,
    ("ada", WORLD6, ECHO): HOST6,
    ("ada", WORLD4, ECHO, UDP): HOST4,
    ("ada", WORLD6, ECHO, UDP): HOST6,
    ("ada", FAR4, ECHO): "203.0.113.1",
    ("gus", WORLD4, ECHO): HOST4,
    ("old", WORLD4, ECHO): HOST4,
}
# Nobody reaches a container of another network at its own address, be the port published or not.
APART = {
    **{(who, address, port): None
       for who in ("outside", "far", "bob", "ben", "rae", "dan")
       for address in ("10.77.0.50", "fd77::50") for port in (80, 81)
       if not (who == "dan" and ":" in address)},
    ("ada", "10.78.0.50", 80): None,
    ("ada", "fd78::50", 80): None,
    ("ada", "10.79.0.50", 81): None,
    # Where its port is published the engine decides, and some engines let it be reached at this address, too.
    ("ada", "10.90.0.50", 81): None,
    ("bob", "10.90.0.50", 81): None,
    # At its own address only what is published, and that by host addresses.
    ("outside", HOST4, 80): None,
    ("outside", HOST4, 81): None,
    ("outside", HOST6, 81): None,
}
# One question of each kind, for what is asked again and again.
SOME = {question: (PUBLISHED | OUTWARDS)[question] for question in [
    ("outside", HOST4, 8080), ("outside", HOST6, 8080), ("host", "127.0.0.1", 8080), ("bob", HOST4, 8080),
    ("ada", HOST4, 8080), ("ada", WORLD4, ECHO), ("ada", WORLD6, ECHO)]}
SOME_APART = {question: None for question in [
    ("outside", "10.77.0.50", 80), ("outside", "fd77::50", 81), ("bob", "10.77.0.50", 80), ("bob", "fd77::50", 80),
    ("ben", "10.77.0.50", 81), ("ada", "10.78.0.50", 80), ("far", "10.77.0.50", 81)]}

DAMAGE = {
    "the whole ruleset flushed": lambda scene: ["nft flush ruleset"],
    "the engine's chain for users flushed": lambda scene: [
        f"{command} -F DOCKER-USER" for command in engine_filters(scene.lab)] + [
        # Some engines end their chain with a rule of their own.
        f"{command} {rule}" for command, rule in for_users(scene) if rule == "-A DOCKER-USER -j RETURN"],
    "plugind's rule in the engine's chain deleted": lambda scene: [
        f"{command} {rule.replace('-A', '-D', 1)}" for command, rule in for_users(scene) if "0x20000000" in rule],
    "plugind's table deleted": lambda scene: ["nft delete table inet plugind"],
    "its forward chain flushed": lambda scene: at_once(
        f"flush chain inet plugind {item['name']}" for item in own_table(scene, "chain")
        if item.get("hook") == "forward"),
    "all its chains flushed": lambda scene: at_once(
        f"flush chain inet plugind {item['name']}" for item in own_table(scene, "chain")),
    "its sets and maps emptied": lambda scene: at_once(
        f"flush {kind} inet plugind {item['name']}" for kind in ("set", "map") for item in own_table(scene, kind)),
}


def at_once(changes):
    """One command: many would be many changes, which look like a fight."""
    return [f"nft '{'; '.join(changes)}'"]


def for_users(scene):
    """The rules of the engine's chain for users, each with the command of its family."""
    return [(command, rule) for command in engine_filters(scene.lab)
            for rule in scene.lab.with_its_tools(command, "-S", "DOCKER-USER").splitlines()]


def own_table(scene, kind):
    objects = json.loads(scene.lab.on_host("nft", "-j", "list", "table", "inet", "plugind"))["nftables"]
    return [item[kind] for item in objects if kind in item]


class TestTheEdge:
    def test_a_published_port_is_reached_from_everywhere_by_host_addresses(self, scene):
        scene.assert_seen(PUBLISHED)

    def test_a_published_udp_port_is_reached_from_everywhere(self, scene):
        scene.assert_seen(PUBLISHED_UDP)

    def test_what_the_packet_filter_cannot_translate_is_forwarded(self, scene):
        scene.assert_seen(FORWARDED)

    def test_a_port_published_at_one_host_address_is_reached_there_only(self, scene):
        scene.assert_seen({
            ("host", "127.0.0.1", 8091): "10.77.0.1",
            ("host", HOST4, 8091): None,
            ("outside", HOST4, 8091): None,
            ("outside", HOST6, 8091): None,
            ("outside", HOST4, 8092): OUT4,
            ("bob", HOST4, 8092): "10.78.0.50",
            ("host", HOST4, 8092): HOST4,
            ("host", "127.0.0.1", 8092): None,
            ("host", "::1", 8092): None,
            ("outside", HOST6, 8092): None,
            ("far", "203.0.113.1", 8092): None,
            ("outside", HOST6, 8093): OUT6,
            ("outside", HOST4, 8093): None,
        })

    def test_containers_get_out_with_the_hosts_address(self, scene):
        for command in engine_filters(scene.lab):
            assert "-P FORWARD DROP" in scene.lab.with_its_tools(command, "-S", "FORWARD")
        scene.assert_seen(OUTWARDS)
        for address in (WORLD4, WORLD6):
            assert_pings(scene.places["ada"], address)

    def test_networks_are_apart_whatever_driver_they_have(self, scene):
        apart = dict(APART)
        if scene.manages_ipv6:
            # Otherwise the engine itself leaves its IPv6 networks open.
            apart |= {("ada", "fd90::50", 81): None, ("bob", "fd90::50", 81): None}
        scene.assert_seen(apart)
        for name, address in (("outside", "10.77.0.50"), ("outside", "fd77::50"), ("bob", "10.77.0.50")):
            assert_pings(scene.places[name], address, reaches=False)

    def test_what_the_engine_publishes_is_reached_from_plugind_networks(self, scene):
        scene.assert_seen({
            ("outside", HOST4, 8090): OUT4, ("ada", HOST4, 8090): ANYBODY, ("bob", HOST4, 8090): ANYBODY,
            ("host", "127.0.0.1", 8090): ANYBODY})

    def test_the_same_network_and_the_host_reach_every_port(self, scene):
        scene.assert_seen({
            ("ada", "10.77.0.50", 81): "10.77.0.51", ("ada", "fd77::50", 81): "fd77::51",
            ("host", "10.77.0.50", 81): "10.77.0.1", ("host", "fd77::50", 81): "fd77::1"})

    def test_a_routed_network_is_reached_at_its_own_addresses_and_ports_that_are_published(self, scene):
        scene.assert_seen({
            ("outside", "10.80.0.50", 80): OUT4,
            ("outside", "fd80::50", 80): OUT6,
            ("outside", "10.80.0.50", 81): None,
            ("outside", "fd80::50", 81): None,
            ("outside", HOST4, 8085): None,
            ("outside", HOST6, 8085): None,
            ("host", "127.0.0.1", 8085): None,
            ("bob", "10.80.0.50", 80): ANYBODY,
            ("bob", "fd80::50", 80): ANYBODY,
            ("bob", "10.80.0.50", 81): None,
            ("bob", "fd80::50", 81): None,
            ("ben", "10.80.0.50", 80): ANYBODY,
            ("ben", "10.80.0.50", 81): None,
            ("host", "10.80.0.50", 81): "10.80.0.1",
            ("rae", WORLD4, ECHO): "10.80.0.50",
            ("rae", WORLD6, ECHO): "fd80::50",
            ("rae", FAR4, ECHO): "10.80.0.50",
        })
        for address in ("10.80.0.50", "fd80::50"):
            assert_pings(scene.places["outside"], address)

    def test_unprotected_and_trusted_links_reach_containers_at_their_own_address(self, scene):
        scene.assert_seen({
            ("outside", "10.79.0.50", 80): OUT4,
            ("outside", "10.79.0.50", 81): OUT4,
            ("outside", HOST4, 8084): OUT4,
            ("outside", "10.78.0.50", 80): OUT4,
            ("outside", "10.78.0.50", 81): None,
            ("far", "10.78.0.50", 80): None,
        })

    def test_only_the_clients_allowed_reach_a_port_and_the_host(self, scene):
        scene.assert_seen({
            ("outside", HOST4, 8083): OUT4,
            ("outside", HOST4, 8083, TCP, OTHER_CLIENT): None,
            ("outside", HOST6, 8083): None,
            ("far", HOST4, 8083): None,
            ("ada", HOST4, 8083): None,
            ("host", HOST4, 8083): HOST4,
            ("host", "127.0.0.1", 8083): "10.78.0.1",
            ("host", "::1", 8083): "fd78::1",
        })

    def test_a_network_that_respects_the_host_is_reached_through_its_sockets(self, scene):
        scene.assert_seen({
            (who, address, 8086): seen
            for who, addresses in {
                "outside": (HOST4, HOST6), "bob": (HOST4, HOST6), "gus": (HOST4,), "ben": (HOST4,),
                "host": (HOST4, HOST6, "127.0.0.1", "::1")}.items()
            for address in addresses
            for seen in ["fd81::1" if ":" in address else "10.81.0.1"]})

    @pytest.mark.parametrize("first, port, network", [
        ("the engine", 8090, "lan"), ("plugind", 8080, "built"), ("plugind", 8080, "other"),
        ("plugind, at one address", 8092, "other"), ("plugind, forwarding", 8086, "built")])
    def test_a_port_is_given_once(self, scene, first, port, network):
        lab = scene.lab
        assert str(port) in refused(lab, network, "-p", f"{port}:80")
        scene.assert_seen(SOME | {("outside", HOST4, 8090): OUT4, ("outside", HOST4, 8092): OUT4})

    def test_a_port_of_a_process_on_the_host_is_refused_until_it_is_free(self, scene):
        lab = scene.lab
        with Echo(scene.places["host"], [8095], kinds=[TCP], addresses=["0.0.0.0"]):
            assert "8095" in refused(lab, "lan", "-p", "8095:80")
            scene.assert_seen({("outside", HOST4, 8095): OUT4})
        serve(lab, "late", "lan", "-p", "8095:80")
        scene.assert_seen({("outside", HOST4, 8095): OUT4, ("outside", HOST6, 8095): OUT6})
        lab.docker("rm", "--force", "late")
        scene.assert_seen({("outside", HOST4, 8095): None, ("outside", HOST6, 8095): None})

    def test_published_ports_do_not_need_plugind_to_run(self, scene):
        scene.lab.plugind.kill()
        try:
            scene.assert_seen(SOME | SOME_APART)
        finally:
            scene.lab.plugind.start()
        scene.assert_seen(PUBLISHED | FORWARDED | SOME_APART | {("outside", HOST4, 8086): "10.81.0.1"})
        # Still held.
        assert "8080" in refused(scene.lab, "other", "-p", "8080:80")

    @pytest.mark.parametrize("damage", DAMAGE)
    def test_rules_that_somebody_removed_are_put_back(self, scene, damage):
        lab = scene.lab
        # With its process the fights are forgotten.
        lab.plugind.kill_and_start()
        scene.assert_seen(SOME)
        commands = DAMAGE[damage](scene)
        assert commands and "nft ''" not in commands, "there is something to damage"
        with engine_rules_kept(lab) if damage.startswith("the whole") else contextlib.nullcontext():
            begins = len(scene.log())
            lab.on_host("sh", "-c", "; ".join(commands))
            begin = time.monotonic()
            scene.assert_seen(SOME, within=1, timeout=0.25)
            measured.seconds("packet filter put back", time.monotonic() - begin)
            scene.assert_seen(SOME_APART)
            wait_until(
                lambda: re.search("(?i)packet filter|rule|table|chain", without_requests(scene.log()[begins:])),
                "plugind to say so", deadline=1)
        # And once more, if the engine's rules were gone and came back.
        scene.assert_seen(SOME | SOME_APART, within=1, timeout=0.25)

    @pytest.mark.parametrize("kind", ["ufw", "firewalld"])
    def test_a_host_firewall_decides_where_it_is_respected_and_only_there(self, scene, kind):
        closed = {("outside", HOST4, 8086): None, ("bob", HOST4, 8086): None}
        # Without a filter of the engine's, ufw is not given one for IPv6 either.
        if kind == "firewalld" or scene.manages_ipv6:
            closed[("outside", HOST6, 8086)] = None
        opened = {question: "fd81::1" if ":" in question[1] else "10.81.0.1" for question in closed}
        direct = {question: seen for question, seen in SOME.items() if kind == "ufw" or question[0] != "ada"}
        own = {("host", "127.0.0.1", 8086): "10.81.0.1", ("host", HOST4, 8086): "10.81.0.1"}
        with {"ufw": ufw, "firewalld": firewalld}[kind](scene.lab) as accept:
            scene.assert_seen(direct | own | closed)
            # Not even what is published is reached past the host's addresses.
            scene.assert_seen(SOME_APART)
            accept(8086)
            scene.assert_seen(direct | own | opened)
        scene.assert_seen(SOME | opened)

    def test_forwarding_that_plugind_switched_on_is_for_its_networks_only(self, scene):
        assert scene.forwarding6 == "1", "the first network with IPv6 switches its forwarding on"
        assert "forward" in without_requests(scene.log()[scene.log_begins:]).lower(), "and plugind says so"
        scene.assert_seen({("outside", FAR6, ECHO): None, ("far", OUT6, ECHO): None, ("far", WORLD6, ECHO): None})


def without_requests(log):
    """What plugind says of itself, without the lines on the engine's requests, which have words of all kinds."""
    return "\n".join(line for line in log.splitlines() if " debug " not in line.lower() and "request" not in line)


# Firewalls that a host may have. Each yields what opens a port of the host.

@contextlib.contextmanager
def ufw(lab):
    """The policy of `ufw enable` with port 22 open, in the chains it has."""
    with engine_rules_kept(lab):
        for command in engine_filters(lab):
            prefix, icmp = ("ufw", "icmp") if command == "iptables" else ("ufw6", "ipv6-icmp")
            chains = [f"{prefix}-before-input", f"{prefix}-user-input", f"{prefix}-before-forward"]
            restore(lab, command, "\n".join([
                "*filter", ":INPUT DROP", ":FORWARD DROP", *(f":{chain} -" for chain in chains),
                f"-A INPUT -j {chains[0]}",
                f"-A INPUT -j {chains[1]}",
                f"-A FORWARD -j {chains[2]}",
                f"-A {chains[0]} -i lo -j ACCEPT",
                f"-A {chains[0]} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
                f"-A {chains[0]} -m conntrack --ctstate INVALID -j DROP",
                f"-A {chains[0]} -p {icmp} -j ACCEPT",
                f"-A {chains[1]} -p tcp --dport 22 -j ACCEPT",
                f"-A {chains[2]} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
                f"-A {chains[2]} -p {icmp} -j ACCEPT",
                "COMMIT", ""]), "--noflush")

        def accept(port):
            for command in engine_filters(lab):
                chain = "ufw-user-input" if command == "iptables" else "ufw6-user-input"
                lab.with_its_tools(command, "-A", chain, "-p", "tcp", "--dport", str(port), "-j", "ACCEPT")
        yield accept


@contextlib.contextmanager
def firewalld(lab):
    """A zone of firewalld that lets in port 22, in the table it has."""
    (lab.engine.directory / "firewalld").write_text("""
        table inet firewalld {
            chain filter_INPUT {
                type filter hook input priority filter + 10; policy accept;
                ct state { established, related } accept
                ct status dnat accept
                iifname "lo" accept
                meta l4proto { icmp, ipv6-icmp } accept
                ct state invalid drop
                tcp dport 22 accept
                reject with icmpx type admin-prohibited
            }
            chain filter_FORWARD {
                type filter hook forward priority filter + 10; policy accept;
                ct state { established, related } accept
                ct status dnat accept
                iifname "lo" accept
                ct state invalid drop
                reject with icmpx type admin-prohibited
            }
        }
    """)
    lab.on_host("nft", "-f", "/run/engine/firewalld")
    try:
        yield lambda port: lab.on_host(
            "nft", "insert", "rule", "inet", "firewalld", "filter_INPUT", "tcp", "dport", str(port), "accept")
    finally:
        lab.on_host("nft", "delete", "table", "inet", "firewalld")


# With networks of their own

def own_web(lab, *options, how="run"):
    dual_stack(lab, "lan", 77)
    return serve(lab, "web", "lan", *fixed(77), "-p", "8080:80", *options, how=how)


REACHED = {question: seen for question, seen in PUBLISHED.items() if question[0] in ("outside", "host")
           and "10.78" not in question[1]} | {("host", "::1", 8080): "fd77::1"}
CLOSED = {question: None for question in REACHED if question[1] != "10.78.0.1"}


def assert_no_rule_names(lab, port):
    rules = [rule for rule in hoststate.read(lab.engine.namespaces) if re.search(rf"^nft .*\b{port}\b", rule)]
    assert not rules, "\n".join(rules)


def test_a_port_lives_as_long_as_its_container_runs(steady_lab, places):
    lab = steady_lab
    before = lab.look()
    own_web(lab)
    assert_seen(places, REACHED)
    lab.docker("restart", "web")
    assert_seen(places, REACHED)
    lab.plugind.kill()
    lab.plugind.start()
    lab.docker("stop", "web")
    assert_seen(places, CLOSED)
    # Free for somebody else, and then not for its old owner.
    serve(lab, "ben", "bridge", "-p", "8080:80")
    assert_seen(places, {("outside", HOST4, 8080): OUT4})
    assert "8080" in lab.refused("start", "web")
    lab.docker("rm", "--force", "ben")
    lab.docker("start", "web")
    assert_seen(places, REACHED)
    lab.docker("rm", "--force", "web")
    assert_seen(places, CLOSED)
    assert_no_rule_names(lab, 8080)
    for address in ("0.0.0.0", "::"):
        with Echo(places["host"], [8080], addresses=[address]):
            pass
    lab.docker("network", "rm", "lan")
    hoststate.assert_same(before, lab.look)


def test_a_port_moves_with_the_gateway(steady_lab, places):
    lab = steady_lab
    own_web(lab, how="create")
    dual_stack(lab, "other", 78)
    lab.docker("network", "connect", "other", "web")
    lab.docker("start", "web")
    reached = {("outside", HOST4, 8080): OUT4, ("outside", HOST6, 8080): OUT6, ("host", "127.0.0.1", 8080): ANYBODY}
    assert_seen(places, reached | {("outside", "10.77.0.50", 80): None})
    lab.docker("network", "disconnect", "lan", "web")
    assert "default via 10.78.0.1" in lab.exec("web", "ip", "route")
    assert_seen(places, reached | {("host", "127.0.0.1", 8080): "10.78.0.1", ("host", "::1", 8080): "fd78::1"})
    lab.docker("network", "connect", *fixed(77), "lan", "web")
    gateway = re.search("default via (10.7[78].0.1)", lab.exec("web", "ip", "route"))[1]
    assert_seen(places, reached | {("host", "127.0.0.1", 8080): gateway})
    lab.docker("network", "disconnect", "other", "web")
    assert_seen(places, reached | {("host", "127.0.0.1", 8080): "10.77.0.1"})
    lab.docker("network", "disconnect", "lan", "web")
    assert_seen(places, CLOSED)


def test_ports_that_plugind_chooses(steady_lab, places):
    lab = steady_lab
    dual_stack(lab, "lan", 77)
    name = "net.ipv4.ip_local_port_range"
    ephemeral = lab.on_host("sysctl", "-n", name).split()
    lab.on_host("sysctl", "-q", "-w", f"{name}=41000 41031")
    try:
        serve(lab, "one", "lan", "--expose", "80", "-P")
        serve(lab, "two", "lan", "-p", "80")
    finally:
        lab.on_host("sysctl", "-q", "-w", f"{name}={' '.join(ephemeral)}")
    ports = range(41000, 41032)
    # A container's IPv6 address may take a while.
    for address in (HOST4, HOST6):
        wait_until(lambda: len(open_ports(places, address, ports)) == 2, "two ports of the kernel's range to be open")
    assert open_ports(places, HOST6, ports) == open_ports(places, HOST4, ports), "the same numbers in both families"

    # One of several, of which the first is taken.
    with Echo(places["host"], [9100], kinds=[TCP]):
        serve(lab, "three", "lan", "-p", "9100-9102:80")
        serve(lab, "four", "lan", "-p", "9100-9102:80")
        assert_seen(places, {("outside", HOST4, 9101): OUT4, ("outside", HOST6, 9102): OUT6})
        words = refused(lab, "lan", "-p", "9100-9102:80")
        assert "9100" in words or "9102" in words


def open_ports(places, address, ports):
    with ThreadPoolExecutor(16) as threads:
        answers = threads.map(lambda port: ask(places["outside"], address, port), ports)
    return [port for port, answer in zip(ports, answers) if answer]


def test_a_range_of_ports_of_two_protocols(steady_lab, places):
    lab = steady_lab
    dual_stack(lab, "lan", 77)
    ports = range(9000, 9011)
    lab.container("web", "lan", *fixed(77), "-p", "9000-9010:9000-9010", "-p", "9000-9010:9000-9010/udp")
    places["web"] = lab.namespace("web")
    try:
        with Echo(places["web"], range(8999, 9012)):
            assert_seen(places, {
                ("outside", address, port, kind): seen
                for address, seen in ((HOST4, OUT4), (HOST6, OUT6)) for kind in (TCP, UDP) for port in ports})
            assert_seen(places, {
                **{("host", "127.0.0.1", port, kind): "10.77.0.1" for kind in (TCP, UDP) for port in (9000, 9010)},
                **{("host", "::1", port, kind): "fd77::1" for kind in (TCP, UDP) for port in (9000, 9010)},
                **{("outside", address, port, kind): None
                   for address in (HOST4, HOST6) for kind in (TCP, UDP) for port in (8999, 9011)}})
            assert "9005" in refused(lab, "lan", "-p", "9005:80/udp")
    finally:
        places.pop("web").close()
    lab.docker("rm", "--force", "web")
    assert_seen(places, {("outside", HOST4, port, kind): None for kind in (TCP, UDP) for port in ports})


def test_a_udp_client_that_never_stops_asking_reaches_each_new_container(steady_lab, places):
    lab = steady_lab
    dual_stack(lab, "lan", 77)
    clients = {}
    for address, source in ((HOST4, OUT4), (HOST6, OUT6)):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        clients[address] = places["outside"].socket(family, UDP)
        clients[address].settimeout(0.1)
        clients[address].bind((source, 5000))
    # The kernel remembers where packets of this client went, for as long as they come.
    def answered(address):
        with contextlib.suppress(OSError):
            clients[address].sendto(b"?", (address, 8089))
            return clients[address].recv(100)
    try:
        for host in (50, 51):
            for address, client in clients.items():
                # Late answers of the last container.
                with contextlib.suppress(OSError):
                    while client.recv(100, socket.MSG_DONTWAIT):
                        pass
                assert not answered(address)
            lab.container("web", "lan", *fixed(77, host), "-p", "8089:8089/udp")
            web = lab.namespace("web")
            with Echo(web, [8089], kinds=[UDP]):
                for address in clients:
                    wait_until(lambda: answered(address), f"an answer of the container at {address}", deadline=3)
            web.close()
            lab.docker("rm", "--force", "web")
    finally:
        for client in clients.values():
            client.close()


def test_an_internal_network_is_closed_both_ways(steady_lab, places):
    lab = steady_lab
    dual_stack(lab, "cave", 77, "--internal")
    dual_stack(lab, "lan", 78)
    serve(lab, "web", "cave", *fixed(77), "-p", "8080:80")
    serve(lab, "bob", "lan", *fixed(78), "-p", "8083:80")
    for name in ("web", "bob"):
        places[name] = lab.namespace(name)
    try:
        assert "default" not in lab.exec("web", "ip", "route")
        # Even if somebody gives it a route.
        places["web"].run("ip", "route", "add", "default", "via", "10.77.0.1")
        places["web"].run("ip", "-6", "route", "add", "default", "via", "fd77::1")
        assert_seen(places, {
            **CLOSED,
            **{(who, address, port): None for who in ("outside", "bob") for address in ("10.77.0.50", "fd77::50")
               for port in (80, 81)},
            ("web", WORLD4, ECHO): None,
            ("web", WORLD6, ECHO): None,
            ("web", "10.78.0.50", 80): None,
            ("web", HOST4, 8083): None,
            ("host", "10.77.0.50", 81): "10.77.0.1",
            ("host", "fd77::50", 81): "fd77::1",
            ("outside", HOST4, 8083): OUT4,
        })
    finally:
        for name in ("web", "bob"):
            places.pop(name).close()


@pytest.fixture
def restartable_lab(engine, plugind):
    """What a restart of the engine brings along for good (an order of rules, say) is no leftover: one before, one
    after. The lab is as large as a test may need it, with neighbours."""
    engine.stop_daemon()
    engine.start_daemon()
    labs = open_lab(engine, plugind, kills_plugind=False)
    lab = next(labs)
    with neighbourhood(lab) as places:
        yield lab, places
        if run(*engine.client, "version").returncode != 0:
            engine.start_daemon()
        lab.remove_containers()
        lab.remove_networks()
        engine.stop_daemon()
        engine.start_daemon()
    with contextlib.suppress(StopIteration):
        next(labs)


@pytest.mark.one_engine
def test_published_ports_are_there_after_the_engine_comes_back(restartable_lab):
    lab, places = restartable_lab
    own_web(lab, "--restart", "always")
    assert_seen(places, REACHED)
    lab.engine.stop_daemon()
    assert_seen(places, CLOSED)
    lab.engine.start_daemon("--live-restore")
    assert_seen(places, REACHED, within=10)
    lab.engine.stop_daemon()
    # The container lives, and so does its port.
    assert_seen(places, REACHED)
    lab.plugind.kill_and_start()
    lab.engine.start_daemon("--live-restore")
    assert_seen(places, REACHED)
    lab.docker("rm", "--force", "web")
    assert_seen(places, CLOSED)
    assert_no_rule_names(lab, 8080)
