# SPDX-License-Identifier: Apache-2.0
"""Gateway modes and isolation, by real traffic: who reaches whom on networks of every combination of options, with and
without br_netfilter; which drops are counted; what else a network's options change. There is no engine: see edge.py."""

import contextlib
import itertools
import json
import re
from collections import namedtuple

import pytest

import measured
from edge import (
    BEYOND, BEYOND6, BRIDGE, FAILURE, HOST, HOST6, OUT, OUTSIDE, OUTSIDE6, SECOND, SECOND6, SUCCESS, Edge, Place,
    port, reached, removed_in_order, set_netfilter, wait_until)

SERVICE = 7000  # what answers outside, and on the host
OUT_V, HOST_V, BEYOND_V, SECOND_V = (
    {4: OUTSIDE, 6: OUTSIDE6}, {4: HOST, 6: HOST6}, {4: BEYOND, 6: BEYOND6}, {4: SECOND, 6: SECOND6})

# --- Every combination ---

class Options(namedtuple("Options", "mode icc internal masquerade")):
    def __str__(self):
        words = [self.mode, "ICC" if self.icc else "no ICC"]
        return " ".join(words + ["internal"] * self.internal + ["no masquerade"] * (not self.masquerade))


GRID = [Options(*each) for each in itertools.product(
    ["nat", "nat-unprotected", "routed", "isolated"], [True, False], [False, True], [True, False])]

UNREACHABLE, ANYBODY, UNSAID = "unreachable", "answered, whoever it is seen as", "left open"
PROBES = {
    # What is tried: from whom, to whom, by what. "a" and "b" are containers of the network, "a" has a published port.
    "out": ("a", "outside", SERVICE),
    "to the gateway address": ("a", "gateway", SERVICE),
    "to the host's outer address": ("a", "host", SERVICE),
    "to a published port of another network": ("a", "host", 7900),
    "to a container of another network": ("a", "stranger", 80),
    "to a published port of the same network": ("b", "a", 80),
    "to an unpublished port of the same network": ("b", "a", 81),
    "from outside to the published port": ("outside", "a", 80),
    "from outside to an unpublished port": ("outside", "a", 81),
    "from outside by ping": ("outside", "a", "ping"),
    "from outside by the host's port": ("outside", "host", "mapped"),
    "from another network to the published port": ("stranger", "a", 80),
    "from another network to an unpublished port": ("stranger", "a", 81),
    "from another network by ping": ("stranger", "a", "ping"),
    "from another network by the host's port": ("stranger", "host", "mapped"),
    "from the host to the published port": ("host", "a", 80),
    "from the host to an unpublished port": ("host", "a", 81),
}


def is_refused(options):
    return options.mode == "isolated" and not options.internal


def expected(options, probe, addresses):
    """The source address that is seen, or UNREACHABLE, ANYBODY, UNSAID. addresses are those of the one family."""
    client, server, what = PROBES[probe]
    is_isolated, is_routed = options.mode == "isolated", options.mode == "routed"
    # Two of the same network: only ICC counts.
    if (client, server) == ("b", "a"):
        return addresses["b"] if options.icc else UNREACHABLE
    # The host and its containers.
    if client == "host":
        if is_isolated:
            return UNREACHABLE
        return UNSAID if is_routed and what == 81 else addresses["gateway"]
    if client == "a" and server in ("gateway", "host") and what == SERVICE:
        if is_isolated:
            return UNREACHABLE
        return UNSAID if options.internal else addresses["a"]
    # Nothing else enters or leaves an internal network.
    if options.internal:
        return UNREACHABLE
    if client == "a" and server == "outside":
        return addresses["host"] if options.masquerade and not is_routed else addresses["a"]
    if client == "a":
        return addresses["a"] if server == "host" else UNREACHABLE
    if what == "mapped":
        return UNREACHABLE if is_routed else addresses[client]
    # What is left is straight to the container's address.
    if is_routed:
        if what == 81:
            return UNREACHABLE
        # A ping tells who answers. Whether the other network masquerades what it sends here is its own matter.
        return addresses["a"] if what == "ping" else ANYBODY if client == "stranger" else addresses[client]
    if options.mode == "nat-unprotected" and client == "outside":
        return UNSAID if what == "ping" else addresses[client]
    return UNREACHABLE


class Cell(namedtuple("Cell", "options version probe")):
    def __str__(self):
        return f"IPv{self.version} {self.options}, {self.probe}"


NOBODY = {"a": "a", "b": "b", "gateway": "gateway", "host": "host", "outside": "outside", "stranger": "stranger"}
CELLS = [
    Cell(options, version, probe) for options in GRID if not is_refused(options) for version in (4, 6)
    for probe in PROBES if expected(options, probe, NOBODY) != UNSAID]


class Grid:
    """A network of every combination, with two containers each, and a stranger on a network of its own."""

    def __init__(self, edge):
        self.edge = edge
        # They start meanwhile.
        served = [options for options in GRID if not is_refused(options)]
        places = {options: (Place(f"{options} a"), Place(f"{options} b")) for options in served}
        far = edge.network("far", "10.99.0.0/24", "fd99::/64")
        self.stranger = edge.container(far, "stranger", 10, [port("tcp", 80, 7900)]).listen("tcp", 80)
        self.pairs, self.mapped = {}, {}
        for number, (options, (place, other)) in enumerate(places.items(), 1):
            network = edge.network(
                f"network {number}", f"10.100.{number}.0/24", f"fd64:{number}::/64", internal=options.internal,
                options=option_map(options))
            self.mapped[options] = 20000 + number
            a = edge.container(network, "a", 10, [port("tcp", 80, 20000 + number)], place=place).listen("tcp", 80, 81)
            self.pairs[options] = a, edge.container(network, "b", 11, place=other)
        macs = {link["ifname"]: link["address"] for link in json.loads(edge.host.run("ip", "-j", "link"))}
        for options, (a, b) in self.pairs.items():
            if options.internal:
                leave_by_force(a, macs[a.network.bridge])
                leave_by_force(b, macs[b.network.bridge])

    def addresses(self, cell):
        a, b = self.pairs[cell.options]
        version = cell.version
        return {"a": a.addresses[version], "b": b.addresses[version], "gateway": a.network.gateways[version],
                "host": HOST_V[version], "outside": OUT_V[version], "stranger": self.stranger.addresses[version]}

    def submit(self, cell):
        client, server, what = PROBES[cell.probe]
        a, b = self.pairs[cell.options]
        place = {"a": a.place, "b": b.place, "host": self.edge.host, "outside": self.edge.outside,
                 "stranger": self.stranger.place}[client]
        addresses = self.addresses(cell)
        timeout = FAILURE if expected(cell.options, cell.probe, addresses) == UNREACHABLE else SUCCESS
        if what == "ping":
            return place.submit("ping", address=addresses[server], timeout=timeout)
        number = self.mapped[cell.options] if what == "mapped" else what
        return place.submit("connect", protocol="tcp", address=addresses[server], port=number, timeout=timeout)

    def try_everything(self):
        pending = {cell: self.submit(cell) for cell in CELLS}
        return {cell: each.outcome() for cell, each in pending.items()}


def option_map(options):
    return {
        BRIDGE + "gateway_mode_ipv4": options.mode, BRIDGE + "gateway_mode_ipv6": options.mode,
        BRIDGE + "enable_icc": str(options.icc).lower(),
        BRIDGE + "enable_ip_masquerade": str(options.masquerade).lower()}


def leave_by_force(container, mac):
    """A default route and the bridge's MAC address, which an internal network gives nobody."""
    lines = []
    for version, gateway in container.network.gateways.items():
        lines.append(f"neighbour replace {gateway} lladdr {mac} nud permanent dev eth0")
        lines.append(f"route replace default via {gateway} dev eth0")
    container.place.ip(*lines)


@pytest.fixture(scope="module")
def edge(edge):
    for place in (edge.host, edge.outside, edge.beyond):
        place.listen("tcp", SERVICE)
    return edge


@pytest.fixture(scope="module")
def grid(edge):
    return Grid(edge)


@pytest.fixture(scope="module", params=["without br_netfilter", "with br_netfilter"])
def outcomes(request, edge, grid):
    set_netfilter(edge, request.param == "with br_netfilter")
    measured.lines.append(f"modes {request.param}: {len(CELLS)} cells")
    return grid.try_everything()


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_who_reaches_whom(outcomes, grid, cell):
    outcome, wanted = outcomes[cell], expected(cell.options, cell.probe, grid.addresses(cell))
    if wanted == UNREACHABLE:
        assert not outcome.is_reached, outcome
    elif wanted == ANYBODY:
        assert outcome.is_reached, outcome
    else:
        assert outcome.seen == wanted, f"{outcome}, instead of {wanted}"


@pytest.mark.parametrize("options", [options for options in GRID if is_refused(options)], ids=str)
@pytest.mark.parametrize("version", [4, 6])
def test_isolated_is_for_internal_networks(fresh, options, version):
    request = option_map(options)
    request[BRIDGE + f"gateway_mode_ipv{10 - version}"] = "nat"
    before = fresh.look()
    network = fresh.unmade("isolated", "10.81.0.0/24", "fd81::/64", options=request)
    words = fresh.refused("CreateNetwork", network.request())
    assert "isolated" in words and "internal" in words, words
    assert fresh.look() == before


# --- One by one ---

SUBNETS, MORE_SUBNETS = ("10.81.0.0/24", "fd81::/64"), ("10.82.0.0/24", "fd82::/64")


@pytest.fixture
def fresh(edge):
    """What a test makes here is removed after it, without br_netfilter in the way."""
    set_netfilter(edge, False)
    endpoints, networks = list(edge.endpoints), list(edge.networks)
    yield edge
    for endpoint in reversed([each for each in edge.endpoints if each not in endpoints]):
        endpoint.remove()
    for network in reversed([each for each in edge.networks if each not in networks]):
        network.delete()


def seen(place, address, number, timeout=SUCCESS):
    return place.connect("tcp", address, number, timeout).seen


def unseen(*attempt):
    return not reached(attempt)


def test_each_family_has_its_own_mode(fresh):
    network = fresh.network("mixed", *SUBNETS, options={BRIDGE + "gateway_mode_ipv6": "routed"})
    a = fresh.container(network, "a", 10, [port("tcp", 80, 7200)]).listen("tcp", 80, 81)
    assert seen(fresh.outside, HOST, 7200) == OUTSIDE and seen(fresh.outside, a.addresses[6], 80) == OUTSIDE6
    assert not reached((fresh.outside, a.addresses[4], 80), (fresh.outside, HOST6, 7200),
                       (fresh.outside, a.addresses[6], 81))
    assert seen(a.place, OUTSIDE, SERVICE) == HOST and seen(a.place, OUTSIDE6, SERVICE) == a.addresses[6]


def test_a_trusted_link_reaches_published_ports_at_the_containers_address(fresh):
    network = fresh.network("trusting", *SUBNETS, options={BRIDGE + "trusted_host_interfaces": f"{OUT}:dummy0"})
    a = fresh.container(network, "a", 10, [port("tcp", 80, 7210)]).listen("tcp", 80, 81)
    for version, address in a.addresses.items():
        assert seen(fresh.outside, address, 80) == OUT_V[version]
        assert seen(fresh.beyond, HOST_V[version], 7210) == BEYOND_V[version]
        assert not reached((fresh.outside, address, 81), (fresh.beyond, address, 80))
    a.revoke()
    assert not reached(*((fresh.outside, address, 80) for address in a.addresses.values()))


def test_the_source_address_of_outbound_traffic_can_be_chosen(fresh):
    network = fresh.network("snat", *SUBNETS, options={
        "com.docker.network.host_ipv4": SECOND, "com.docker.network.host_ipv6": SECOND6})
    a = fresh.container(network, "a", 10)
    assert seen(a.place, OUTSIDE, SERVICE) == SECOND and seen(a.place, OUTSIDE6, SERVICE) == SECOND6
    assert seen(a.place, BEYOND, SERVICE) == SECOND and seen(a.place, BEYOND6, SERVICE) == SECOND6


@pytest.mark.parametrize("version", [4, 6])
def test_the_routers_detour_does_not_get_around_icc(fresh, version):
    closed = fresh.network("closed", *SUBNETS, options={BRIDGE + "enable_icc": "false"})
    a, b = fresh.container(closed, "a", 10), fresh.container(closed, "b", 11)
    a.listen("tcp", 80)
    address = a.addresses[version]
    assert unseen(b.place, address, 80)
    # By way of the host, which would send it back into the bridge.
    links = json.loads(fresh.host.run("ip", "-j", "link", "show", "dev", closed.bridge))
    b.place.ip(f"neighbour replace {address} lladdr {links[0]['address']} nud permanent dev eth0")
    assert unseen(b.place, address, 80)


def test_the_bridge_table_is_there_while_a_network_is_closed_inside(fresh, grid):
    def has_table():
        return any(item.get("table", {}).get("family") == "bridge" for item in fresh.ruleset())
    assert has_table(), "the grid has networks without ICC"


FAR_AWAY = {4: "192.0.2.9", 6: "2001:db8:ffff::9"}


@contextlib.contextmanager
def far_away(edge):
    """Another address of outside, by a route of the host's."""
    edge.outside.ip(*(f"address add {address} dev lo" for address in FAR_AWAY.values()))
    edge.host.ip(f"route add 192.0.2.0/24 via {OUTSIDE}", f"route add 2001:db8:ffff::/64 via {OUTSIDE6}")
    yield
    edge.outside.ip("address delete 192.0.2.9/32 dev lo", "address delete 2001:db8:ffff::9/128 dev lo")
    edge.host.ip("route delete 192.0.2.0/24", "route delete 2001:db8:ffff::/64")


def test_a_blackhole_is_for_the_networks_containers_alone(fresh):
    with far_away(fresh):
        assert_blackhole(fresh)


def assert_blackhole(edge):
    holed = edge.network("holed", *SUBNETS, options={
        "plugind.routes": "blackhole 192.0.2.0/24;blackhole 2001:db8:ffff::/64"})
    a = edge.container(holed, "a", 10)
    b = edge.container(edge.network("whole", *MORE_SUBNETS), "b", 10)
    assert not reached(*((a.place, address, SERVICE) for address in FAR_AWAY.values()))
    for version, address in FAR_AWAY.items():
        assert seen(a.place, OUT_V[version], SERVICE) == HOST_V[version]
        assert seen(b.place, address, SERVICE) == HOST_V[version]
        assert edge.host.connect("tcp", address, SERVICE).is_reached


def test_routes_via_a_router_are_for_the_engine_to_set(fresh):
    network = fresh.network("routes", *SUBNETS, options={
        "plugind.routes": "10.9.0.0/16 via 10.81.0.2;blackhole 192.0.2.0/24; fd09::/64 via fd81::2"})
    a = fresh.container(network, "a", 10)
    routes = sorted((route["Destination"], route["RouteType"], route["NextHop"]) for route in a.answer["StaticRoutes"])
    assert routes == [("10.9.0.0/16", 0, "10.81.0.2"), ("fd09::/64", 0, "fd81::2")]
    assert "via 10.81.0.2" in a.place.run("ip", "route", "get", "10.9.1.1")


def test_a_network_without_a_default_gateway_gets_no_other_either(fresh):
    network = fresh.network("none", *SUBNETS, options={"plugind.gateway": "none"})
    a = fresh.container(network, "a", 10)
    assert not a.answer.get("Gateway") and not a.answer.get("GatewayIPv6")
    assert a.answer.get("DisableGatewayService") is True, "the engine would add docker_gwbridge"
    assert "default" not in a.place.run("ip", "route") + a.place.run("ip", "-6", "route")
    assert seen(a.place, "10.81.0.1", SERVICE) == "10.81.0.10"


def test_a_network_may_have_another_gateway(fresh):
    network = fresh.network("other", *SUBNETS, options={"plugind.gateway": "10.81.0.200,fd81::200"})
    a = fresh.container(network, "a", 10)
    assert a.answer["Gateway"] == "10.81.0.200" and a.answer["GatewayIPv6"] == "fd81::200"
    assert not a.answer.get("DisableGatewayService")
    assert "via 10.81.0.200" in a.place.run("ip", "route")


def test_a_bridge_can_do_without_an_ipv4_address(fresh):
    network = fresh.network("inhibited", *SUBNETS, options={BRIDGE + "inhibit_ipv4": "true"})
    a, b = fresh.container(network, "a", 10), fresh.container(network, "b", 11)
    a.listen("tcp", 80)
    assert fresh.bridge_addresses(network) == {"fd81::1"}
    assert a.answer["Gateway"] == "10.81.0.1" and a.answer["GatewayIPv6"] == "fd81::1"
    assert seen(b.place, "10.81.0.10", 80) == "10.81.0.11" and seen(b.place, "fd81::a", 80) == "fd81::b"
    assert seen(a.place, OUTSIDE6, SERVICE) == HOST6


@pytest.mark.parametrize("internal", [False, True], ids=["isolated and nat", "isolated"])
def test_an_isolated_bridge_has_no_address_of_that_family(fresh, internal):
    options = {BRIDGE + "gateway_mode_ipv4": "isolated"}
    if internal:
        options[BRIDGE + "gateway_mode_ipv6"] = "isolated"
    network = fresh.network("isolated", *SUBNETS, internal=True, options=options)
    a, b = fresh.container(network, "a", 10), fresh.container(network, "b", 11)
    a.listen("tcp", 80)
    assert fresh.bridge_addresses(network) == (set() if internal else {"fd81::1"})
    assert not a.answer.get("Gateway") and not a.answer.get("GatewayIPv6")
    assert seen(b.place, "10.81.0.10", 80) == "10.81.0.11" and seen(b.place, "fd81::a", 80) == "fd81::b"
    assert seen(fresh.host, "fd81::a", 80, FAILURE) == (None if internal else "fd81::1")
    assert unseen(fresh.host, "10.81.0.10", 80)


# --- The host as a router ---

@pytest.fixture
def new_edge(request, binary, tmp_path):
    """Another host, made with options; it must end as it began."""
    made = []

    def make(**options):
        edge = Edge(tmp_path, **options)
        # A failure is to show what this one's plugind wrote.
        request.node.funcargs["lone_plugind"] = edge.plugind
        made.append(edge)
        for place in (edge.outside, edge.beyond):
            place.listen("tcp", SERVICE)
        return edge

    yield make
    for edge in made:
        removed_in_order(edge)


def forwarding(edge):
    return edge.sysctl("net/ipv4/ip_forward"), edge.sysctl("net/ipv6/conf/all/forwarding")


def test_forwarding_is_switched_on_when_a_network_needs_it(new_edge):
    edge = new_edge()
    edge.network("internal", "10.84.0.0/24", "fd84::/64", internal=True)
    assert forwarding(edge) == ("0", "0")
    assert not told_of_forwarding(edge)
    edge.network("four", SUBNETS[0])
    assert forwarding(edge) == ("1", "0")
    edge.network("dual", *MORE_SUBNETS)
    assert forwarding(edge) == ("1", "1")
    assert told_of_forwarding(edge)


def told_of_forwarding(edge):
    """Whether plugind wrote of it, for everybody to see, ahead of the values of a line."""
    lines = edge.plugind.log.read_text(errors="replace").splitlines()
    return any(re.search(r" (INFO|NOTICE|WARNING) [^=]*\bforward", line) for line in lines)


def test_a_host_that_was_no_router_does_not_become_one(new_edge):
    edge = new_edge()

    def routes():
        return reached(*((place, address, SERVICE) for place, addresses in (
            (edge.outside, BEYOND_V), (edge.beyond, OUT_V)) for address in addresses.values()))

    assert routes() == []
    a = edge.container(edge.network("dual", *SUBNETS), "a", 10)
    assert forwarding(edge) == ("1", "1")
    for place, version in itertools.product(("outside", "beyond"), (4, 6)):
        address = {"outside": OUT_V, "beyond": BEYOND_V}[place][version]
        assert seen(a.place, address, SERVICE) == {"outside": HOST_V, "beyond": SECOND_V}[place][version]
    assert routes() == []
    edge.plugind.kill()
    assert routes() == []
    edge.plugind.start()
    assert routes() == []
    edge.remove_everything()
    assert routes() == []
    edge.plugind.kill_and_start()
    assert routes() == []
    # It still knows once there are networks again.
    edge.container(edge.network("again", *SUBNETS), "a", 10)
    assert routes() == []


def test_a_host_that_was_a_router_stays_one(new_edge):
    edge = new_edge(forwarding=True)
    a = edge.container(edge.network("dual", *SUBNETS), "a", 10).listen("tcp", 81)
    for _ in ("first", "after a restart"):
        assert seen(edge.outside, BEYOND, SERVICE) == OUTSIDE and seen(edge.beyond, OUTSIDE6, SERVICE) == BEYOND6
        assert not reached(*((edge.outside, address, 81) for address in a.addresses.values()))
        edge.plugind.kill_and_start()
    edge.remove_everything()
    wait_until(lambda: edge.look() == edge.before, "no table to be left")


def test_an_engine_that_drops_what_it_does_not_know_lets_everything_through_that_should(new_edge):
    edge = new_edge()
    for iptables in ("iptables", "ip6tables"):
        for line in ("-P FORWARD DROP", "-N DOCKER-USER", "-A FORWARD -j DOCKER-USER"):
            edge.host.run(iptables, *line.split())
    set_netfilter(edge, True)
    edge.before = edge.look()
    network = edge.network("dual", *SUBNETS)
    a, b = edge.container(network, "a", 10, [port("tcp", 80, 7230)]), edge.container(network, "b", 11)
    other = edge.container(edge.network("other", *MORE_SUBNETS), "c", 10)
    a.listen("tcp", 80, 81)

    def assert_all_is_well():
        for version, address in a.addresses.items():
            assert seen(a.place, OUT_V[version], SERVICE) == HOST_V[version]
            assert seen(b.place, address, 81) == b.addresses[version]
            assert seen(edge.outside, HOST_V[version], 7230) == OUT_V[version]
            assert seen(other.place, HOST_V[version], 7230) == other.addresses[version]
        assert not reached(*((place, address, 81) for place in (other.place, edge.outside)
                             for address in a.addresses.values()))

    def rules():
        return [edge.host.run(iptables, "-S", "DOCKER-USER") for iptables in ("iptables", "ip6tables")]

    assert_all_is_well()
    before = rules()
    for iptables in ("iptables", "ip6tables"):
        edge.host.run(iptables, "-F", "DOCKER-USER")
    wait_until(lambda: rules() == before, "the rules to be put back")
    assert_all_is_well()


def test_the_table_is_put_back_if_somebody_takes_it_away(new_edge):
    edge = new_edge()
    network = edge.network("dual", *SUBNETS, options={BRIDGE + "enable_icc": "false"})
    a = edge.container(network, "a", 10, [port("tcp", 80, 7240)]).listen("tcp", 80, 81)
    before = edge.look()
    for command in ("delete table inet plugind", "delete table bridge plugind", "flush table inet plugind",
                    "flush ruleset"):
        edge.host.run("nft", command)
        wait_until(lambda: {line for line in edge.look() if '"lab"' not in line} ==
                   {line for line in before if '"lab"' not in line}, f"the rules after ‘{command}’")
        assert seen(edge.outside, HOST, 7240) == OUTSIDE and unseen(edge.outside, a.addresses[4], 81)
    # The lab's own table is gone with the last one.
    edge.before = type(edge.before)({line: count for line, count in edge.before.items() if '"lab"' not in line})


# --- What is dropped is counted ---

def drops(edge):
    """Everything that can be dropped: by name, from whom and to which address and port."""
    network = edge.network("nat", *SUBNETS, options={
        BRIDGE + "enable_icc": "false", "plugind.publish.allow": BEYOND, "plugind.routes": "blackhole 192.0.2.0/24"})
    a = edge.container(network, "a", 10, [port("tcp", 80, 7220), port("tcp", 80, 7221, "127.0.0.1")])
    b = edge.container(network, "b", 11)
    sealed = edge.container(edge.network("sealed", *MORE_SUBNETS, internal=True), "c", 10)
    routed = edge.container(edge.network("routed", "10.83.0.0/24", "fd83::/64", options={
        BRIDGE + "gateway_mode_ipv4": "routed", BRIDGE + "gateway_mode_ipv6": "routed"}), "d", 10)
    for container in (a, sealed, routed):
        container.listen("tcp", 80)
    sealed.place.ip("route add default via 10.82.0.1", "route add default via fd82::1")
    return {
        "straight to a container": (edge.outside, a, 80),
        "to a routed network's unpublished port": (edge.outside, routed, 80),
        "from one network to another": (routed.place, a, 80),
        "inside a network without ICC": (b.place, a, 80),
        "out of an internal network": (sealed.place, OUT_V, SERVICE),
        "into an internal network": (edge.outside, sealed, 80),
        "by a client that is not allowed": (edge.outside, HOST_V, 7220),
        "into a blackhole": (a.place, {4: FAR_AWAY[4]}, SERVICE),
        "from one outside link to another": (edge.outside, BEYOND_V, SERVICE),
    }


def test_every_drop_has_a_counter(new_edge):
    edge = new_edge()
    with far_away(edge):
        assert_counted(edge)


def assert_counted(edge):
    wrong = []
    for name, (client, server, number) in drops(edge).items():
        for address in (server if isinstance(server, dict) else server.addresses).values():
            before = edge.counters()
            # Whether it comes is known at once; that it does not is what is counted.
            for timeout in (0.15, 0.6, 1.0):
                is_reached = seen(client, address, number, timeout)
                counted = [key for key, packets in edge.counters().items() if packets > before.get(key, 0)]
                if is_reached or counted:
                    break
            print(f"{name}, {address}: {counted}")
            if is_reached or not counted:
                wrong.append(f"{name}, {address}: {'reached' if is_reached else 'dropped'}, counted by {counted}")
    assert not wrong, wrong
