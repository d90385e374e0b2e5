# SPDX-License-Identifier: Apache-2.0
"""Addresses that stay put on engines: whoever comes back gets the address that it had, and nobody else does.

Engines up to 28 tell plugind no name, so the MAC address that the user gave plays its part. They send that one only to
who has them make one up for everybody else, too (`mac-claims`)."""

import json
import re

import pytest

from conftest import open_lab
from engine import output
from ipam import mac_claims

IPV4, IPV6 = ["--subnet", "10.77.0.0/24"], ["--ipv6", "--subnet", "fd77::/64"]
MAC, OTHER_MAC = "02:11:22:33:44:55", "02:11:22:33:44:66"
SINCE = r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"


@pytest.fixture(scope="module")
def plugind(engine, plugind):
    with mac_claims(engine, plugind):
        yield plugind


@pytest.fixture
def lab(engine, plugind):
    """plugind is killed and started after each command: what it knows is what it stored."""
    yield from open_lab(engine, plugind, kills_plugind=True)


@pytest.fixture(params=["plugind", "bridge", "macvlan"])
def lan(request, lab):
    """A network of that driver, whose addresses plugind gives."""
    # The engine's first bridge with IPv6 brings chains of the packet filter along for good.
    options = IPV4 if request.param == "bridge" else IPV4 + IPV6
    if request.param == "macvlan":
        lab.on_host("ip", "link", "add", "uplink0", "type", "veth", "peer", "name", "uplink1")
        options += ["--opt", "parent=uplink0"]
    yield lab.network("lan", *options, driver=request.param)
    lab.remove_containers()
    lab.remove_networks()
    if request.param == "macvlan":
        lab.on_host("ip", "link", "delete", "uplink0")


def addresses(lab, container):
    """All that it has in the network, one of IPv4 first."""
    endpoint = lab.endpoint(container, "lan")
    return [endpoint[key] for key in ("IPAddress", "GlobalIPv6Address") if endpoint[key]]


def test_a_container_with_a_mac_address_of_its_own_keeps_its_addresses_whatever_happens_to_it(lab, lan):
    lab.container("ada", lan, "--mac-address", MAC)
    before = addresses(lab, "ada")
    lab.docker("stop", "ada")
    lab.docker("start", "ada")
    assert addresses(lab, "ada") == before, "after stop and start"
    lab.docker("restart", "ada")
    assert addresses(lab, "ada") == before, "after a restart"
    lab.docker("rm", "--force", "ada")
    lab.container("bob", lan)
    assert not set(addresses(lab, "bob")) & set(before)
    lab.container("ada", lan, "--mac-address", MAC)
    assert addresses(lab, "ada") == before, "after it was removed and made again"
    assert lab.endpoint("ada", "lan")["MacAddress"] == MAC


def test_containers_come_back_to_their_addresses_in_any_order(lab):
    lab.network("lan", *IPV4, *IPV6)
    macs = {f"c{number}": f"02:11:22:33:44:{number:02x}" for number in range(4)}
    for name, mac in macs.items():
        lab.container(name, "lan", "--mac-address", mac)
    before = {name: addresses(lab, name) for name in macs}
    lab.docker("stop", *macs)
    lab.docker("start", *reversed(macs))
    assert {name: addresses(lab, name) for name in macs} == before


def test_each_network_keeps_an_address_of_its_own_for_the_same_container(steady_lab):
    lab = steady_lab
    lab.network("lan", "--subnet", "10.77.0.0/24")
    lab.network("other", "--subnet", "10.78.0.0/24")
    for network in ("lan", "other"):
        lab.container(f"in-{network}", network)
        lab.container("ada", network, "--mac-address", MAC)
        lab.docker("rm", "--force", "ada")
    for network, address in (("lan", "10.77.0.3"), ("other", "10.78.0.3")):
        lab.container("ada", network, "--mac-address", MAC)
        assert lab.address("ada", network) == address
        lab.docker("rm", "--force", "ada")


def test_an_address_that_was_freed_is_not_given_again_at_once(lab):
    lab.network("lan", "--subnet", "10.77.0.0/24")
    given = []
    for name in ("ada", "bob", "cleo"):
        lab.container(name, "lan")
        given.append(lab.address(name, "lan"))
        lab.docker("rm", "--force", name)
    assert len(set(given)) == 3, given


def test_a_stopped_container_with_a_fixed_address_keeps_it_though_everything_else_is_given(steady_lab):
    lab = steady_lab
    lab.network("lan", "--subnet", "10.77.0.0/29")
    lab.container("ada", "lan", "--ip", "10.77.0.3")
    lab.docker("stop", "ada")
    lab.plugind.kill_and_start()
    for name in ("bob", "cleo", "dora", "eve"):
        lab.container(name, "lan")
    given = {lab.address(name, "lan") for name in ("bob", "cleo", "dora", "eve")}
    assert given == {"10.77.0.2", "10.77.0.4", "10.77.0.5", "10.77.0.6"}
    words = lab.refused(*lab.run_arguments("late", "lan"))
    assert "no address is free in 10.77.0.0/29" in words, words
    lab.docker("rm", "--force", "late")
    lab.docker("start", "ada")
    assert lab.address("ada", "lan") == "10.77.0.3"
    lab.assert_reaches("bob", "ada")


def test_a_pool_whose_addresses_all_rest_gives_the_one_that_rested_longest(steady_lab):
    lab = steady_lab
    lab.network("lan", "--subnet", "10.77.0.0/30", "--gateway", "10.77.0.1")
    for name in ("ada", "bob", "cleo"):
        lab.container(name, "lan")
        assert lab.address(name, "lan") == "10.77.0.2", "there is no other"
        lab.docker("rm", "--force", name)


def test_an_address_is_reserved_for_a_mac_address_by_an_option(lab):
    lab.network("lan", *IPV4, *IPV6, "--ipam-opt", f"plugind.reserve={MAC}=10.77.0.2,{MAC}=fd77::99")
    lab.container("bob", "lan")
    assert lab.address("bob", "lan") != "10.77.0.2"
    words = lab.refused(*lab.run_arguments("cleo", "lan", "--ip", "10.77.0.2", "--mac-address", OTHER_MAC))
    assert "10.77.0.2" in words and "reserved" in words and MAC in words, words
    lab.docker("rm", "--force", "cleo")
    lab.container("ada", "lan", "--mac-address", MAC)
    assert addresses(lab, "ada") == ["10.77.0.2", "fd77::99"]
    lab.assert_reaches("bob", "ada", "ada/6")


def test_who_has_an_address_and_since_when_reaches_who_asks_for_it(steady_lab):
    lab = steady_lab
    lab.network("lan", "--subnet", "10.77.0.0/24")
    lab.container("ada", "lan", "--ip", "10.77.0.50", "--mac-address", MAC)
    words = lab.refused(*lab.run_arguments("bob", "lan", "--ip", "10.77.0.50"))
    lab.docker("rm", "--force", "bob")
    assert "10.77.0.50" in words and MAC in words and re.search(SINCE, words), words


COMPOSE = {
    "name": "town",
    "services": {
        "fixed": {"networks": {"lan": {"ipv4_address": "10.77.0.40", "ipv6_address": "fd77::40"}}},
        "mac": {"networks": {"lan": {"mac_address": MAC}}},
    },
    "networks": {"lan": {"driver": "plugind", "enable_ipv6": True, "ipam": {
        "driver": "plugind", "config": [{"subnet": "10.77.0.0/24"}, {"subnet": "fd77::/64"}]}}},
}


def test_compose_makes_services_anew_with_the_addresses_they_had(lab):
    needs_compose(lab.engine)
    for service in COMPOSE["services"].values():
        service.update(image="busybox", command=["sleep", "1000"], stop_signal="KILL")
    (lab.engine.directory / "compose.yaml").write_text(json.dumps(COMPOSE))

    def compose(*arguments):
        output(*lab.engine.compose, "--file", "/run/engine/compose.yaml", *arguments)
        lab.after_each_step()

    def services():
        endpoints = {name: lab.endpoint(f"town-{name}-1", "town_lan") for name in COMPOSE["services"]}
        ids = {endpoint["EndpointID"] for endpoint in endpoints.values()}
        return ids, {name: (each["IPAddress"], each["GlobalIPv6Address"]) for name, each in endpoints.items()}

    compose("up", "--detach")
    old_ids, before = services()
    assert before["fixed"] == ("10.77.0.40", "fd77::40")
    compose("up", "--detach", "--force-recreate")
    ids, after = services()
    assert after == before and not ids & old_ids
    compose("stop")
    lab.container("guest", "town_lan")
    compose("up", "--detach", "--force-recreate")
    assert services()[1] == before
    lab.docker("rm", "--force", "guest")
    compose("down")


def needs_compose(engine):
    if not engine.has_compose:
        pytest.skip(f"there is no docker-compose of version 2 next to Docker {engine.version}")
