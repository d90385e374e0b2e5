# SPDX-License-Identifier: Apache-2.0
"""Published ports, by real traffic: who reaches them by which of the host's addresses, and as whom the container sees
them; what holds the port on the host; what is left when it is published no more. There is no engine: see edge.py."""

import re
from collections import namedtuple

import pytest

import measured
from edge import (
    BEYOND, BRIDGE, FAILURE, HOST, HOST6, OUTSIDE, OUTSIDE6, SECOND, SECOND6, SUCCESS, Endpoint, Place,
    has_sctp, loopback_leaves, port, reached, set_netfilter, wait_until)

NO_SCTP = has_sctp()
PROTOCOLS = ["tcp", "udp", "sctp"]
LOOPBACK = {4: "127.0.0.1", 6: "::1"}
OWN, OTHER = {4: HOST, 6: HOST6}, {4: SECOND, 6: SECOND6}
NO_PROXY = "com.docker.network.driver.private.no_proxy_6to4"

# --- The matrix ---

# The host's ports by what they are published at; those of a range are the container's too.
SINGLE = {"wildcard": {4: 8080, 6: 8080}, "specific": {4: 8081, 6: 8082}, "loopback": {4: 8083, 6: 8084}}
RANGE = {"wildcard": {4: 9000, 6: 9000}, "specific": {4: 9010, 6: 9020}, "loopback": {4: 9030, 6: 9040}}

# By which addresses each client tries it; a container's own 127.0.0.1 is itself and not the host.
DESTINATIONS = {
    "wildcard": {
        "the host": ["own", "second", "gateway", "loopback"], "outside": ["own", "second"],
        "other network": ["own", "gateway"], "same network": ["own", "gateway"], "itself": ["own", "gateway"]},
    "specific": {
        "the host": ["own", "second", "gateway", "loopback"], "outside": ["own", "second"],
        "other network": ["own", "gateway"], "same network": ["own", "gateway"], "itself": ["own", "gateway"]},
    "loopback": {
        "the host": ["loopback", "own", "gateway"], "outside": ["own", "loopback"],
        "other network": ["own", "gateway", "loopback"], "same network": ["own", "gateway", "loopback"],
        "itself": ["own", "gateway"]},
}


class Cell(namedtuple("Cell", "version protocol shape published client destination")):
    def __str__(self):
        return (f"IPv{self.version} {self.protocol} {self.shape} at {self.published} address, "
                f"{self.client} to {self.destination} address")

    @property
    def ports(self):
        if self.shape == "single":
            return [SINGLE[self.published][self.version]]
        first = RANGE[self.published][self.version]
        return [first, first + 1, first + 2]


CELLS = [
    Cell(version, protocol, shape, published, client, destination)
    for version in (4, 6) for protocol in PROTOCOLS for shape in ("single", "range")
    for published, clients in DESTINATIONS.items() for client, destinations in clients.items()
    for destination in destinations]


def is_skipped(cell):
    return cell.protocol == "sctp" and NO_SCTP is not None


def cells():
    """Every cell; those of SCTP are skipped by name where the kernel has none."""
    mark = pytest.mark.skip(reason=f"no SCTP sockets on this kernel: {NO_SCTP}")
    return pytest.mark.parametrize("cell", [
        pytest.param(cell, id=str(cell), marks=[mark] if is_skipped(cell) else []) for cell in CELLS])


def expected(cell):
    """The source address that the container sees, or None if the port cannot be reached."""
    version = cell.version
    lan, far = f"{LAN[version]}", f"{FAR[version]}"
    if cell.published == "loopback":
        return lan + "1" if (cell.client, cell.destination) == ("the host", "loopback") else None
    if cell.published == "specific" and cell.destination != "own":
        return None
    if cell.client == "the host":
        return {"own": OWN[version], "second": OTHER[version], "gateway": lan + "1", "loopback": lan + "1"}[
            cell.destination]
    return {"outside": {4: OUTSIDE, 6: OUTSIDE6}[version], "other network": far + NUMBER[version],
            "same network": lan + "1", "itself": lan + "1"}[cell.client]


LAN, FAR, NUMBER = {4: "10.77.0.", 6: "fd77::"}, {4: "10.78.0.", 6: "fd78::"}, {4: "12", 6: "c"}
SUBNETS, FAR_SUBNETS = ("10.77.0.0/24", "fd77::/64"), ("10.78.0.0/24", "fd78::/64")


def bindings(protocol, shape):
    ports = []
    for published, numbers in (SINGLE if shape == "single" else RANGE).items():
        addresses = {"wildcard": {4: ""}, "specific": OWN, "loopback": LOOPBACK}[published]
        for version, address in addresses.items():
            first = numbers[version]
            if shape == "single":
                ports.append(port(protocol, 80, first, address))
            else:
                ports += [port(protocol, number, number, address) for number in range(first, first + 3)]
    return ports


class Matrix:
    """One container for each protocol and shape, published at every address; and everybody who tries to reach them."""

    def __init__(self, edge):
        self.edge = edge
        self.lan, self.far = edge.network("lan", *SUBNETS), edge.network("far", *FAR_SUBNETS)
        self.web = {}
        for number, (protocol, shape) in enumerate(
                (protocol, shape) for protocol in PROTOCOLS if not (protocol == "sctp" and NO_SCTP)
                for shape in ("single", "range")):
            web = Endpoint(edge, self.lan, f"{protocol} {shape}", 20 + number, bindings(protocol, shape),
                           place=Place(f"{protocol} {shape}"))
            web.create().join().attach()
            web.listen(protocol, *sorted({binding["Port"] for binding in web.ports}))
            self.web[protocol, shape] = web
        self.peer, self.stranger = edge.container(self.lan, "peer", 12), edge.container(self.far, "stranger", 12)
        self.peer.loopback_leaves()
        self.stranger.loopback_leaves()
        loopback_leaves(edge.outside, "eth0", OWN)
        self.before = edge.look()

    def place(self, cell):
        return {"the host": self.edge.host, "outside": self.edge.outside, "other network": self.stranger.place,
                "same network": self.peer.place}.get(cell.client) or self.web[cell.protocol, cell.shape].place

    def address(self, cell):
        network = self.far if cell.client == "other network" else self.lan
        return {"own": OWN, "second": OTHER, "loopback": LOOPBACK, "gateway": network.gateways}[
            cell.destination][cell.version]

    def try_everything(self, is_published):
        """What each cell came to: an outcome for each of its ports. Everybody tries at the same time."""
        pending = {}
        for cell in CELLS:
            if not is_skipped(cell):
                timeout = SUCCESS if is_published and expected(cell) else FAILURE
                pending[cell] = [self.place(cell).submit(
                    "connect", protocol=cell.protocol, address=self.address(cell), port=number, timeout=timeout)
                    for number in cell.ports]
        return {cell: [each.outcome() for each in several] for cell, several in pending.items()}


@pytest.fixture(scope="module")
def matrix(edge):
    return Matrix(edge)


@pytest.fixture(scope="module", params=["without br_netfilter", "with br_netfilter"])
def published(request, matrix):
    set_netfilter(matrix.edge, request.param == "with br_netfilter")
    skipped = sum(map(is_skipped, CELLS))
    measured.lines.append(
        f"traffic matrix {request.param}: {len(CELLS)} cells, {skipped} skipped; each published and revoked")
    for web in matrix.web.values():
        web.program()
    return matrix.try_everything(is_published=True)


@pytest.fixture(scope="module")
def revoked(matrix, published):
    """The same once everything is revoked, and what was left of flows that had begun before."""
    flows = {}
    for cell in published:
        if cell.protocol == "udp" and cell.shape == "single" and expected(cell):
            opening = matrix.place(cell).submit(
                "open", flow=str(cell), protocol="udp", address=matrix.address(cell), port=cell.ports[0],
                timeout=SUCCESS)
            flows[cell] = [opening]
    for several in flows.values():
        several.append(several.pop().outcome())
    for web in matrix.web.values():
        web.revoke()
    for cell, several in flows.items():
        several.append(matrix.place(cell).submit("ask", flow=str(cell), timeout=FAILURE))
    for several in flows.values():
        several.append(several.pop().outcome())
    return matrix.try_everything(is_published=False), flows


@cells()
def test_a_published_port_is_reached_by_whom_it_should(published, cell):
    wanted = expected(cell)
    for number, outcome in zip(cell.ports, published[cell]):
        assert outcome.seen == wanted, f"port {number}: {outcome}, instead of {wanted or 'unreachable'}"


@cells()
def test_a_revoked_port_is_closed_to_everybody(revoked, cell):
    for number, outcome in zip(cell.ports, revoked[0][cell]):
        assert not outcome.is_reached, f"port {number}: {outcome}"


FLOWS = [cell for cell in CELLS if cell.protocol == "udp" and cell.shape == "single" and expected(cell)]


@pytest.mark.parametrize("cell", FLOWS, ids=str)
def test_a_udp_flow_ends_with_the_publishing(revoked, cell):
    first, second = revoked[1][cell]
    assert first.seen == expected(cell), f"before: {first}"
    assert not second.is_reached, f"the same client socket still gets through: {second}"


def test_nothing_is_left_of_what_was_revoked(edge, matrix, revoked):
    wait_until(lambda: edge.look() == matrix.before, "the rules to be as they were before anything was published")
    numbers = {str(number) for cell in CELLS for number in cell.ports}
    assert not numbers & edge.elements()
    for protocol in ("tcp", "udp"):
        for number in sorted(map(int, numbers)):
            edge.host.call("bind", protocol=protocol, address="::", port=number, reuse=False)


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize("client", ["outside", "other network", "same network"])
def test_a_service_on_the_hosts_loopback_is_out_of_reach(edge, matrix, client, protocol):
    number = 7000
    web = matrix.web["tcp", "single"]
    # So that what makes 127.0.0.1 work for the host is on.
    web.program([port("tcp", 80, 7001, "127.0.0.1")])
    edge.host.call("listen", protocol=protocol, address="127.0.0.1", ports=[number])
    edge.host.call("listen", protocol=protocol, address="::1", ports=[number])
    try:
        place = {"outside": edge.outside, "other network": matrix.stranger.place, "same network": matrix.peer.place}[
            client]
        before = edge.strays()
        for address in LOOPBACK.values():
            assert edge.host.connect(protocol, address, number).is_reached
        assert not reached(*((place, address, number) for address in LOOPBACK.values()), protocols=[protocol])
        assert edge.strays() > before, "what was sent to the host for 127.0.0.1 did not arrive: the test tests nothing"
    finally:
        for address in LOOPBACK.values():
            edge.host.call("close_listener", protocol=protocol, address=address, port=number)
        web.revoke()


# --- What the matrix leaves out ---

@pytest.fixture
def fresh(edge):
    """What a test makes here is removed after it."""
    endpoints, networks = list(edge.endpoints), list(edge.networks)
    yield edge
    for endpoint in reversed([each for each in edge.endpoints if each not in endpoints]):
        endpoint.remove()
    for network in reversed([each for each in edge.networks if each not in networks]):
        network.delete()


def web_on(network, *ports, number=10, name="web", driver_options=None, **program):
    """A container that answers on port 80."""
    web = network.edge.container(network, name, number, ports, driver_options, **program)
    return web.listen("tcp", 80).listen("udp", 80)


def seen(place, address, number, protocols=("tcp", "udp"), timeout=SUCCESS):
    """As whom the container sees a client, by each protocol; None is not at all."""
    outcomes = {place.connect(protocol, address, number, timeout).seen for protocol in protocols}
    assert len(outcomes) == 1, f"{place.name} to {address}:{number}: {outcomes}"
    return outcomes.pop()


def unseen(*attempt, protocols=("tcp", "udp")):
    return not reached(attempt, protocols=protocols)


def both(container, host, address="", end=None):
    return port("tcp", container, host, address, end), port("udp", container, host, address, end)


FOUR = "10.79.0.0/24"


def test_a_container_without_ipv6_is_reached_over_the_hosts_ipv6(fresh):
    four, far = fresh.network("four", FOUR), fresh.network("six", "10.80.0.0/24", "fd80::/64")
    web, stranger = web_on(four, *both(80, 7101)), fresh.container(far, "stranger", 10)
    assert seen(fresh.outside, HOST, 7101) == OUTSIDE
    for place, addresses in (
            (fresh.outside, (HOST6, SECOND6)), (fresh.host, ("::1", HOST6)), (stranger.place, (HOST6,))):
        for address in addresses:
            assert seen(place, address, 7101) == "10.79.0.1", f"{place.name} to {address}"
    web.revoke()
    assert not reached((fresh.outside, HOST, 7101), (fresh.outside, HOST6, 7101), (fresh.host, "::1", 7101),
                       protocols=("tcp", "udp"))


def test_where_another_network_serves_ipv6_it_is_not_published_over_it(fresh):
    web_on(fresh.network("four", FOUR), *both(80, 7102), **{NO_PROXY: True})
    assert seen(fresh.outside, HOST, 7102) == OUTSIDE
    assert unseen(fresh.outside, HOST6, 7102)
    assert unseen(fresh.host, "::1", 7102)


def test_a_family_of_addresses_can_be_named(fresh):
    web_on(fresh.network("dual", "10.80.0.0/24", "fd80::/64"), *both(80, 7103, "0.0.0.0"), *both(80, 7104, "::"))
    assert seen(fresh.outside, HOST, 7103) == OUTSIDE and unseen(fresh.outside, HOST6, 7103)
    assert seen(fresh.outside, HOST6, 7104) == OUTSIDE6 and unseen(fresh.outside, HOST, 7104)


def test_a_network_has_a_default_host_address(fresh):
    network = fresh.network("four", FOUR, options={BRIDGE + "host_binding_ipv4": SECOND})
    web_on(network, *both(80, 7105), *both(80, 7106, HOST))
    assert seen(fresh.outside, SECOND, 7105) == OUTSIDE
    assert unseen(fresh.outside, HOST, 7105) and unseen(fresh.host, "127.0.0.1", 7105)
    # Who binds to one address does not want all of the other family.
    assert unseen(fresh.outside, HOST6, 7105)
    # An address that is named counts.
    assert seen(fresh.outside, HOST, 7106) == OUTSIDE and unseen(fresh.outside, SECOND, 7106)


def chosen_port(edge, lines_before):
    """The host port that the log tells of."""
    lines = wait_until(lambda: edge.published()[lines_before:], "a log line ‘Published port’")
    # 0.0.0.0:32768→80/tcp [::]:32768→80/tcp
    numbers = {int(number) for line in lines for number in re.findall(r"[\d\]]:(\d+)", line.split("Published port")[1])}
    assert len(numbers) == 1, lines
    return numbers.pop()


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_an_ephemeral_port_is_the_kernels_choice(fresh, protocol):
    lines = len(fresh.published())
    network = fresh.network("dual", "10.80.0.0/24", "fd80::/64")
    web = web_on(network, port(protocol, 80, 0))
    number = chosen_port(fresh, lines)
    low, high = map(int, fresh.sysctl("net/ipv4/ip_local_port_range").split())
    assert low <= number <= high
    assert seen(fresh.outside, HOST, number, [protocol]) == OUTSIDE
    assert seen(fresh.outside, HOST6, number, [protocol]) == OUTSIDE6
    # The same one after a restart: clients know it.
    fresh.plugind.kill_and_start()
    assert seen(fresh.outside, HOST, number, [protocol]) == OUTSIDE
    # A second one gets another.
    lines = len(fresh.published())
    web_on(network, port(protocol, 80, 0), name="second", number=11)
    assert chosen_port(fresh, lines) != number
    web.revoke()
    assert unseen(fresh.outside, HOST, number, protocols=[protocol])


def test_of_a_host_range_each_container_gets_the_next(fresh):
    network = fresh.network("dual", "10.80.0.0/24", "fd80::/64")
    webs = {}
    for index in range(2):
        webs[index] = web_on(network, port("tcp", 80, 7110, end=7112), name=f"web{index}", number=10 + index)
        # Each sees only its own: a listener that only it has says who it is.
    open_ports = [number for number in (7110, 7111, 7112) if seen(fresh.outside, HOST, number, ["tcp"])]
    assert open_ports == [7110, 7111]
    webs[0].revoke()
    assert unseen(fresh.outside, HOST, 7110, protocols=["tcp"])
    assert seen(fresh.outside, HOST, 7111, ["tcp"]) == OUTSIDE
    webs[0].program()
    assert seen(fresh.outside, HOST, 7110, ["tcp"]) == OUTSIDE
    # One that somebody else has is passed over.
    webs[0].revoke()
    fresh.host.call("bind", protocol="tcp", address="::", port=7110, reuse=True, hold="somebody")
    try:
        webs[0].program()
        assert seen(fresh.outside, HOST, 7112, ["tcp"]) == OUTSIDE
    finally:
        fresh.host.call("release", hold="somebody")


@pytest.mark.parametrize("where", ["network", "endpoint"])
@pytest.mark.parametrize("publish", ["direct", "respect-host"])
def test_only_those_who_are_allowed_reach_a_port(fresh, publish, where):
    allow = {"plugind.publish.allow": f"{OUTSIDE}, 2001:db8:1::/64".replace(" ", "")}
    network = fresh.network(
        "dual", "10.80.0.0/24", "fd80::/64",
        options={"plugind.publish": publish, **(allow if where == "network" else {})})
    stranger = fresh.container(fresh.network("six", "10.81.0.0/24", "fd81::/64"), "stranger", 10)
    web_on(network, *both(80, 7120), driver_options=allow if where == "endpoint" else None)
    gateway = publish == "respect-host"
    assert seen(fresh.outside, HOST, 7120) == ("10.80.0.1" if gateway else OUTSIDE)
    assert seen(fresh.outside, HOST6, 7120) == ("fd80::1" if gateway else OUTSIDE6)
    others = [(place, address, 7120) for place in (fresh.beyond, stranger.place)
              for address in (HOST, HOST6, SECOND, SECOND6)]
    assert not reached(*others, protocols=("tcp", "udp"))
    # The host itself always may.
    for address in (HOST, HOST6, "127.0.0.1", "::1"):
        assert seen(fresh.host, address, 7120), address


def test_an_allow_list_is_each_endpoints_own(fresh):
    network = fresh.network("four", FOUR)
    web_on(network, *both(80, 7121), driver_options={"plugind.publish.allow": OUTSIDE})
    web_on(network, *both(80, 7122), name="other", number=11, driver_options={"plugind.publish.allow": BEYOND})
    web_on(network, *both(80, 7123), name="open", number=12)
    assert seen(fresh.outside, HOST, 7121) == OUTSIDE and unseen(fresh.outside, HOST, 7122)
    assert seen(fresh.beyond, HOST, 7122) == BEYOND and unseen(fresh.beyond, HOST, 7121)
    assert seen(fresh.outside, HOST, 7123) == OUTSIDE and seen(fresh.beyond, HOST, 7123) == BEYOND


@pytest.fixture
def input_policy(edge):
    """Drops what arrives for one of the host's own ports."""
    def drop(*numbers):
        ports = ", ".join(map(str, numbers))
        edge.host.run("nft", "-f", "-", text=f"""
            table inet lab {{
                chain gate {{
                    type filter hook input priority filter;
                    tcp dport {{ {ports} }} drop
                    udp dport {{ {ports} }} drop
                }}
            }}""")

    yield drop
    edge.host.run("nft", "-f", "-", text="add chain inet lab gate\ndelete chain inet lab gate")


def test_the_hosts_policy_decides_where_it_is_respected(fresh, input_policy):
    respecting = fresh.network("respecting", "10.80.0.0/24", "fd80::/64", options={"plugind.publish": "respect-host"})
    direct = fresh.network("direct", "10.81.0.0/24", "fd81::/64")
    neighbour = fresh.container(respecting, "neighbour", 11)
    stranger = web_on(direct, *both(80, 7131))
    web_on(respecting, *both(80, 7130))
    everybody = [(fresh.outside, (HOST, HOST6)), (stranger.place, (HOST, HOST6)), (neighbour.place, (HOST, HOST6)),
                 (fresh.host, (HOST, HOST6, "127.0.0.1", "::1"))]
    for place, addresses in everybody:
        for address in addresses:
            assert seen(place, address, 7130) == ("fd80::1" if ":" in address else "10.80.0.1"), place.name
    input_policy(7130, 7131)
    everything = [(place, address, 7130) for place, addresses in everybody for address in addresses]
    assert not reached(*everything, protocols=("tcp", "udp"))
    # Where it is not respected, a packet never is the host's own.
    assert seen(fresh.outside, HOST, 7131) == OUTSIDE
    assert seen(fresh.outside, HOST6, 7131) == OUTSIDE6


EVERY_ADDRESS = ("0.0.0.0", HOST, SECOND, "127.0.0.1", "::", HOST6, "::1")


def takers(place, number, addresses=EVERY_ADDRESS, protocols=("tcp", "udp")):
    """Who can take the port besides plugind."""
    found = []
    for protocol in protocols:
        for reuse in (False, True):
            for address in addresses:
                outcome = place.submit(
                    "bind", protocol=protocol, address=address, port=number, reuse=reuse).outcome()
                if outcome.is_reached:
                    found.append(f"{protocol} {address}" + (" with SO_REUSEADDR" if reuse else ""))
                else:
                    assert outcome.error == "EADDRINUSE", outcome
    return found


@pytest.mark.parametrize("publish", ["direct", "respect-host"])
def test_a_published_port_is_held(fresh, publish):
    network = fresh.network("dual", "10.80.0.0/24", "fd80::/64", options={"plugind.publish": publish})
    web = web_on(network, *both(80, 7140), *both(80, 7141, HOST), *both(80, 7142, "::1"))
    for _ in ("first", "after plugind was killed and started again"):
        assert takers(fresh.host, 7140) == []
        assert takers(fresh.host, 7141, ["0.0.0.0", HOST]) == []
        assert takers(fresh.host, 7142, ["::", "::1"]) == []
        # At other addresses it is free.
        assert len(takers(fresh.host, 7141, [SECOND, "127.0.0.1", "::"])) == 12
        assert len(takers(fresh.host, 7142, [HOST, "127.0.0.1", HOST6])) == 12
        fresh.plugind.kill_and_start()
    web.revoke()
    assert len(takers(fresh.host, 7140)) == len(EVERY_ADDRESS) * 4


def test_traffic_flows_on_while_plugind_is_dead_and_after(fresh):
    network = fresh.network("dual", "10.80.0.0/24", "fd80::/64")
    web = web_on(network, *both(80, 7150))
    flows = []
    for version, address, source in ((4, HOST, OUTSIDE), (6, HOST6, OUTSIDE6)):
        for protocol in ("tcp", "udp"):
            name = f"long {protocol} {version}"
            assert fresh.outside.call(
                "open", flow=name, protocol=protocol, address=address, port=7150, timeout=SUCCESS) == source
            flows.append((name, source))

    def everything_flows():
        for name, source in flows:
            assert fresh.outside.submit("ask", flow=name, timeout=SUCCESS).outcome().seen == source, name
        assert seen(fresh.outside, HOST, 7150) == OUTSIDE
        assert seen(fresh.outside, HOST6, 7150) == OUTSIDE6
        assert seen(fresh.host, "127.0.0.1", 7150) == "10.80.0.1"

    everything_flows()
    rules = fresh.look()
    fresh.plugind.kill()
    try:
        everything_flows()
    finally:
        fresh.plugind.start()
    everything_flows()
    assert seen(fresh.host, "::1", 7150) == "fd80::1"
    assert fresh.look() == rules
    # In order, it leaves them as well: a daemon that is being replaced is not the end of the containers.
    assert fresh.plugind.stop() == 0
    try:
        everything_flows()
    finally:
        fresh.plugind.start()
    everything_flows()
    web.revoke()
    assert not reached((fresh.outside, HOST, 7150), (fresh.outside, HOST6, 7150), protocols=("tcp", "udp"))
    for name, _ in flows:
        fresh.outside.call("end", flow=name)


@pytest.mark.parametrize("version", [4, 6])
def test_a_udp_flow_that_began_too_early_gets_through_once_it_is_published(fresh, version):
    network = fresh.network("dual", "10.80.0.0/24", "fd80::/64")
    web = web_on(network, *both(80, 7160), programs=False)
    name, address = f"early {version}", {4: HOST, 6: HOST6}[version]
    # A service of the host's that never answers: the kernel remembers the flow as one with the host.
    fresh.host.call("bind", protocol="udp", address=address, port=7160, reuse=False, hold=name)
    opening = fresh.outside.submit("open", flow=name, protocol="udp", address=address, port=7160, timeout=FAILURE)
    assert not opening.outcome().is_reached
    fresh.host.call("release", hold=name)
    web.program()
    source = {4: OUTSIDE, 6: OUTSIDE6}[version]
    assert fresh.outside.submit("ask", flow=name, timeout=SUCCESS).outcome().seen == source
    fresh.outside.call("end", flow=name)


@pytest.mark.parametrize("way", ["revoked", "left", "deleted"])
def test_every_way_out_unpublishes(fresh, way):
    network = fresh.network("dual", "10.80.0.0/24", "fd80::/64")
    fresh.container(network, "other", 11)
    web = Endpoint(fresh, network, "web", 10, both(80, 7170), place=Place("web"))
    web.create().join().attach()
    before = fresh.look()
    web.program().listen("tcp", 80).listen("udp", 80)
    # Newer engines may say it twice.
    web.program()
    assert seen(fresh.outside, HOST, 7170) == OUTSIDE
    if way == "revoked":
        web.revoke()
        # And older ones take it back twice.
        web.revoke()
        assert fresh.look() == before
    elif way == "left":
        web.leave()
    else:
        web.delete()
    assert not reached((fresh.outside, HOST, 7170), (fresh.outside, HOST6, 7170), (fresh.host, "127.0.0.1", 7170),
                       (fresh.host, "::1", 7170), protocols=("tcp", "udp"))
    assert len(takers(fresh.host, 7170)) == len(EVERY_ADDRESS) * 4
    assert "7170" not in fresh.elements()


def test_what_the_container_may_use_changes_with_a_new_program_call(fresh):
    network = fresh.network("dual", "10.80.0.0/24", "fd80::/64")
    web = web_on(network, *both(80, 7180), *both(80, 7181))
    web.program([*both(80, 7181), *both(80, 7182)])
    assert unseen(fresh.outside, HOST, 7180)
    assert seen(fresh.outside, HOST, 7181) == OUTSIDE and seen(fresh.outside, HOST, 7182) == OUTSIDE


def test_sctp_is_published_or_refused_in_words_where_the_kernel_has_no_sctp_sockets(fresh):
    if not NO_SCTP:
        pytest.skip("this kernel has SCTP: it is in the matrix")
    network = fresh.network("dual", "10.80.0.0/24", "fd80::/64")
    web = Endpoint(fresh, network, "web", 10, [port("sctp", 80, 7190)])
    before = fresh.look()
    status, answer = fresh.call("CreateEndpoint", web.endpoint_request())
    if status == 200:
        fresh.endpoints.append(web)
        web.join()
        before = fresh.look()
        status, answer = fresh.call("ProgramExternalConnectivity", web.program_request())
    if status == 200:
        assert {"7190", "10.80.0.10"} <= fresh.elements()
        web.revoke()
    else:
        assert "sctp" in answer["Err"].lower(), answer
    wait_until(lambda: fresh.look() == before, "the host to be as it was")
