# SPDX-License-Identifier: Apache-2.0
"""What cannot be published, and options that cannot be meant: refused in words that name the thing and its value, with
nothing changed on the host. There is no engine: see edge.py."""

import contextlib

import pytest

import hoststate
from edge import (
    BRIDGE, EXPOSED, FAILURE, HOST, OUTSIDE, PORTMAP, SECOND, Endpoint, Place, port)

SUBNETS = ("10.77.0.0/24", "fd77::/64")
HOST_IPV4, HOST_IPV6 = "com.docker.network.host_ipv4", "com.docker.network.host_ipv6"
TRUSTED = BRIDGE + "trusted_host_interfaces"


@pytest.fixture(scope="module")
def lan(edge):
    """A network with a container that has published ports: what is there stays as it is."""
    lan = edge.network("lan", *SUBNETS)
    edge.container(lan, "web", 10, [port("tcp", 80, 7300), port("udp", 80, 7300), port("tcp", 80, 7301, HOST)])
    return lan


@contextlib.contextmanager
def nothing_changes(edge):
    before = edge.look()
    yield
    assert sorted((edge.look() - before).elements()) == [] and sorted((before - edge.look()).elements()) == []


def assert_says(words, *parts):
    for part in parts:
        assert str(part) in words, f"‘{part}’ is not in: {words}"


# --- Networks ---

NETWORK_OPTIONS = [
    ("plugind.publish", "sometimes"),
    ("plugind.publish", "direct,respect-host"),
    ("plugind.publish.allow", "10.0.0.0/33"),
    ("plugind.publish.allow", "everybody"),
    ("plugind.publish.allow", "10.0.0.0/8;192.168.1.7"),
    ("plugind.publish.allow", "10.0.0.0/8,"),
    ("plugind.publish.allow", "fd00::/129"),
    ("plugind.routes", "10.9.0.0/16"),
    ("plugind.routes", "10.9.0.0/16 via"),
    ("plugind.routes", "10.9.0.0/16 via nowhere"),
    ("plugind.routes", "10.9.0.0/16 via 10.78.0.300"),
    ("plugind.routes", "10.9.0.0/16 by 10.78.0.2"),
    ("plugind.routes", "10.9.0.0/16 via fd78::2"),
    ("plugind.routes", "10.9.0.0/33 via 10.78.0.2"),
    ("plugind.routes", "10.9.0.0/16 via 10.99.0.2"),
    ("plugind.routes", "blackhole"),
    ("plugind.routes", "blackhole everything"),
    ("plugind.routes", "blackhole 192.0.2.0/24 10.9.0.0/16 via 10.78.0.2"),
    ("plugind.gateway", "nowhere"),
    ("plugind.gateway", "10.99.0.2"),
    ("plugind.gateway", "10.78.0.300"),
    ("plugind.gateway", "10.78.0.2/24"),
    ("plugind.gateway", "10.78.0.2,10.78.0.3"),
    ("plugind.gateway", "none,fd78::2"),
    ("plugind.gateway", "10.78.0.2,fd78::2,fd78::3"),
    (BRIDGE + "gateway_mode_ipv4", "bridge"),
    (BRIDGE + "gateway_mode_ipv6", "nat-protected"),
    (BRIDGE + "gateway_mode_ipv4", "isolated"),
    (BRIDGE + "gateway_mode_ipv6", "isolated"),
    (BRIDGE + "enable_icc", "maybe"),
    (BRIDGE + "enable_ip_masquerade", "2"),
    (BRIDGE + "inhibit_ipv4", "always"),
    (BRIDGE + "host_binding_ipv4", "nowhere"),
    (BRIDGE + "host_binding_ipv4", "::1"),
    (BRIDGE + "host_binding_ipv4", "198.51.100.1/24"),
    (HOST_IPV4, "2001:db8:1::1"),
    (HOST_IPV4, "somewhere"),
    (HOST_IPV6, "198.51.100.1"),
    (TRUSTED, "eth 0"),
    (TRUSTED, "a/b"),
    (TRUSTED, "eth0:sixteen-letters-"),
    (TRUSTED, '"out0"'),
    (TRUSTED, "out*"),
    (TRUSTED, "out0,out1;"),
    ("plugind.ports", "8080"),
    (BRIDGE + "gateway_mode", "nat"),
]


@pytest.mark.parametrize("key, value", NETWORK_OPTIONS)
def test_a_network_with_an_option_that_cannot_be_meant_is_refused(edge, lan, key, value):
    network = edge.unmade("bad", "10.78.0.0/24", "fd78::/64", options={key: value})
    with nothing_changes(edge):
        words = edge.refused("CreateNetwork", network.request())
    assert_says(words, key)
    if key not in ("plugind.ports", BRIDGE + "gateway_mode"):
        # The value, or the part of it that is wrong.
        assert any(part in words for part in value.replace(";", ",").split(",") if part), words


def test_after_a_refusal_the_same_network_can_be_made(edge, lan):
    network = edge.unmade("bad", "10.78.0.0/24", "fd78::/64", options={"plugind.publish": "sometimes"})
    edge.refused("CreateNetwork", network.request())
    before = edge.look()
    network.options = {}
    network.create().delete()
    assert edge.look() == before


# --- Ports that cannot be meant ---

GOOD = port("tcp", 80, 7310)
BAD_PORTS = {
    "an unknown protocol": ([port(99, 80, 7310)], "99"),
    "a protocol that is none": ([{**GOOD, "Proto": "tcp"}], "Proto"),
    "container port 0": ([port("tcp", 0, 7310)], "port 0"),
    "a container port that is too large": ([port("tcp", 65536, 7310)], "portmap[0].Port", "65535"),
    "a negative container port": ([port("tcp", -80, 7310)], "portmap[0].Port", "65535"),
    "a host port that is too large": ([port("tcp", 80, 65536)], "portmap[0].HostPort", "65535"),
    "a range backwards": ([port("tcp", 80, 7312, end=7310)], "7312", "7310"),
    "a host address that is none": ([port("tcp", 80, 7310, "nowhere")], "nowhere"),
    "a host address with a prefix": ([port("tcp", 80, 7310, HOST + "/24")], HOST + "/24"),
    "a text instead of a list": ("80:7310", "portmap"),
    "a list of texts": (["80:7310"], "portmap"),
    "an object instead of a list": (GOOD, "portmap"),
    "no container port at all": ([{"Proto": 6, "HostPort": 7310, "HostPortEnd": 7310}], "Port"),
    "a good one and a bad one": ([GOOD, port(99, 80, 7311)], "99"),
}


def endpoint_with(edge, lan, name, ports, **options):
    endpoint = Endpoint(edge, lan, name, 20, **options)
    request = endpoint.endpoint_request()
    request["Options"][PORTMAP], request["Options"][EXPOSED] = ports, []
    return endpoint, request


@pytest.mark.parametrize("case", BAD_PORTS)
def test_ports_that_cannot_be_meant_are_refused_with_the_endpoint(edge, lan, case):
    ports, *parts = BAD_PORTS[case]
    _, request = endpoint_with(edge, lan, "bad", ports)
    with nothing_changes(edge):
        words = edge.refused("CreateEndpoint", request)
    assert_says(words, *parts)
    assert_free(edge, 7310, 7311)


@pytest.mark.parametrize("case", BAD_PORTS)
def test_ports_that_cannot_be_meant_are_refused_when_they_are_to_be_published(edge, lan, unpublished, case):
    ports, *parts = BAD_PORTS[case]
    with nothing_changes(edge):
        words = edge.refused("ProgramExternalConnectivity", {
            **unpublished.key, "Options": {PORTMAP: ports, EXPOSED: []}})
    assert_says(words, *parts)
    assert_free(edge, 7310, 7311)
    # Nothing stays in the way of good ones.
    unpublished.program([GOOD])
    unpublished.revoke()


@pytest.fixture
def unpublished(edge, lan):
    """An endpoint that is joined and has no ports. Its container's side does not matter."""
    endpoint = Endpoint(edge, lan, "unpublished", 21).create().join()
    yield endpoint
    endpoint.remove()


def assert_free(edge, *numbers, protocols=("tcp", "udp"), addresses=("0.0.0.0", "::", HOST)):
    """Nobody holds them."""
    for number in numbers:
        for protocol in protocols:
            for address in addresses:
                edge.host.call("bind", protocol=protocol, address=address, port=number, reuse=False)
        assert str(number) not in edge.elements()


@pytest.mark.parametrize("value", ["10.0.0.0/33", "everybody", "10.0.0.0/8,", "10.0.0.0/8;10.0.0.1"])
def test_an_endpoints_allow_list_that_cannot_be_meant_is_refused(edge, lan, value):
    _, request = endpoint_with(edge, lan, "bad", [GOOD], driver_options={"plugind.publish.allow": value})
    with nothing_changes(edge):
        words = edge.refused("CreateEndpoint", request)
    assert_says(words, "plugind.publish.allow")
    assert any(part in words for part in value.replace(";", ",").split(",") if part), words


@pytest.mark.parametrize("key", ["plugind.publish", "plugind.routes", "plugind.anything"])
def test_an_option_that_endpoints_do_not_have_is_refused(edge, lan, key):
    _, request = endpoint_with(edge, lan, "bad", [GOOD], driver_options={key: "direct"})
    with nothing_changes(edge):
        assert_says(edge.refused("CreateEndpoint", request), key)


# --- Ports that cannot be had ---

def refused_ports(edge, lan, ports, name="late"):
    """The words when a container asks for ports that are not to be had: with the endpoint, or when they are published.
    Until then and afterwards the host is as it was, and the endpoint can be removed as an engine does it."""
    before = edge.look()
    endpoint = Endpoint(edge, lan, name, 22, ports)
    status, answer = edge.call("CreateEndpoint", endpoint.endpoint_request())
    if status != 200:
        assert answer.get("Err"), answer
        words = answer["Err"]
    else:
        edge.endpoints.append(endpoint)
        endpoint.join()
        with nothing_changes(edge):
            words = edge.refused("ProgramExternalConnectivity", endpoint.program_request())
        # After that call has failed, some engines leave twice and revoke never.
        endpoint.leave()
        endpoint.leave()
        endpoint.delete()
    hoststate.assert_same(before, edge.look)
    return words


@pytest.fixture
def somebody(edge):
    """Another process on the host that takes ports."""
    held = []

    def take(protocol, address, number, reuse=True):
        name = f"{protocol} {address} {number}"
        edge.host.call("bind", protocol=protocol, address=address, port=number, reuse=reuse, hold=name)
        held.append(name)

    yield take
    for name in held:
        edge.host.call("release", hold=name)


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
@pytest.mark.parametrize("address", ["0.0.0.0", "::", HOST, "127.0.0.1", "::1"])
def test_a_port_that_another_process_has_is_refused(edge, lan, somebody, protocol, address):
    somebody(protocol, address, 7320)
    words = refused_ports(edge, lan, [port(protocol, 80, 7320)])
    assert_says(words, "7320", protocol)
    # Of a part of the ports nothing is published, and nothing held.
    words = refused_ports(edge, lan, [port("tcp", 80, 7318), port(protocol, 80, 7319), port(protocol, 80, 7320)])
    assert_says(words, "7320", protocol)
    assert_free(edge, 7318, 7319)


def test_at_another_address_or_with_another_protocol_a_port_is_free(edge, lan, somebody):
    somebody("tcp", HOST, 7321)
    somebody("tcp", "0.0.0.0", 7322)
    endpoint = Endpoint(edge, lan, "other", 22, [
        port("tcp", 80, 7321, SECOND), port("udp", 80, 7321), port("udp", 80, 7322)])
    endpoint.create().join().program()
    endpoint.remove()


@pytest.mark.parametrize("network", ["same network", "another network"])
@pytest.mark.parametrize("binding", [
    port("tcp", 80, 7300), port("udp", 80, 7300), port("tcp", 80, 7300, HOST), port("tcp", 80, 7300, "::1"),
    port("tcp", 80, 7301), port("tcp", 80, 7301, HOST)],
    ids=lambda binding: f"{binding['Proto']} {binding['HostIP'] or 'any'} {binding['HostPort']}")
def test_a_port_that_another_container_has_is_refused_with_its_name(edge, lan, network, binding):
    other = lan if network == "same network" else edge.network("other", "10.79.0.0/24")
    web = next(endpoint for endpoint in edge.endpoints if endpoint.name == "web")
    words = refused_ports(edge, other, [binding])
    assert_says(words, binding["HostPort"], lan.id[:12], web.id[:12])
    if other is not lan:
        other.delete()


def test_a_range_whose_ports_are_all_taken_is_refused(edge, lan, somebody):
    somebody("tcp", "0.0.0.0", 7302)
    words = refused_ports(edge, lan, [port("tcp", 80, 7300, end=7302)])
    assert_says(words, "7300", "7302")


def test_the_same_host_port_twice_is_refused(edge, lan):
    words = refused_ports(edge, lan, [port("tcp", 80, 7330), port("tcp", 81, 7330)])
    assert_says(words, "7330")
    assert_free(edge, 7330)


@pytest.mark.parametrize("address", ["192.0.2.77", "2001:db8:9::9"])
def test_a_host_address_that_this_machine_does_not_have_is_refused(edge, lan, address):
    words = refused_ports(edge, lan, [port("tcp", 80, 7340), port("tcp", 80, 7341, address)])
    assert_says(words, address, "7341")
    assert_free(edge, 7340)


def test_what_was_published_stays_so_when_more_is_refused(edge, lan, somebody):
    somebody("tcp", "0.0.0.0", 7351)
    web = Endpoint(edge, lan, "two", 22, [port("tcp", 80, 7350)], place=Place("two"))
    web.create().join().attach().program().listen("tcp", 80)
    assert edge.outside.connect("tcp", HOST, 7350).seen == OUTSIDE
    with nothing_changes(edge):
        words = edge.refused("ProgramExternalConnectivity", {**web.key, "Options": {
            PORTMAP: [port("tcp", 80, 7350), port("tcp", 80, 7351)], EXPOSED: []}})
    assert_says(words, "7351")
    assert edge.outside.connect("tcp", HOST, 7350).seen == OUTSIDE
    web.remove()
    assert not edge.outside.connect("tcp", HOST, 7350, FAILURE).is_reached


def test_an_unknown_endpoint_publishes_nothing(edge, lan):
    stranger = Endpoint(edge, lan, "nobody", 22, [port("tcp", 80, 7360)])
    with nothing_changes(edge):
        words = edge.refused("ProgramExternalConnectivity", stranger.program_request())
    assert_says(words, stranger.id[:12])
    assert_free(edge, 7360)


def test_ports_on_an_internal_network_are_ignored(edge, lan):
    # Some engines publish there all the same.
    quiet = edge.network("quiet", "10.80.0.0/24", internal=True)
    endpoint = Endpoint(edge, quiet, "web", 10, [port("tcp", 80, 7370)]).create().join()
    edge.call("ProgramExternalConnectivity", endpoint.program_request())
    assert_free(edge, 7370)
    endpoint.remove()
    quiet.delete()
