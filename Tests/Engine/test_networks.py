# SPDX-License-Identifier: Apache-2.0
"""What `docker network create` and `docker network rm` do to the host."""

import ipaddress

import hoststate
import pytest


def addresses_of(link):
    return {f"{a['local']}/{a['prefixlen']}" for a in link["addr_info"] if a["scope"] == "global"}


def test_a_network_without_options_gets_a_bridge_with_its_gateway(lab):
    lab.network("lan")
    config = lab.ipam("lan")[0]
    bridge = lab.host_link(lab.bridge("lan"))
    assert bridge["linkinfo"]["info_kind"] == "bridge"
    assert "UP" in bridge["flags"]
    assert bridge["mtu"] == 1500
    length = config["Subnet"].split("/")[1]
    assert addresses_of(bridge) == {f"{config['Gateway'].split('/')[0]}/{length}"}


def test_removing_a_network_removes_its_bridge(lab):
    before = lab.look()
    lab.network("lan")
    lab.docker("network", "rm", "lan")
    hoststate.assert_same(before, lab.look)


def test_two_networks_without_options_get_pools_that_do_not_overlap(lab):
    lab.network("lan")
    lab.network("other")
    first, second = (ipaddress.ip_network(lab.ipam(name)[0]["Subnet"]) for name in ("lan", "other"))
    assert not first.overlaps(second)


def test_a_network_gets_the_subnet_gateway_range_and_reserved_addresses_asked_for(lab):
    lab.network(
        "lan", "--subnet", "10.77.0.0/24", "--gateway", "10.77.0.254", "--ip-range", "10.77.0.64/30",
        "--aux-address", "router=10.77.0.65", "--aux-address", "printer=10.77.0.9")
    assert addresses_of(lab.host_link(lab.bridge("lan"))) == {"10.77.0.254/24"}
    given = set()
    for number in range(3):
        lab.container(f"c{number}", "lan")
        given.add(lab.address(f"c{number}", "lan"))
    assert given == {"10.77.0.64", "10.77.0.66", "10.77.0.67"}, "the range without the reserved address"
    assert lab.endpoint("c0", "lan")["Gateway"] == "10.77.0.254"
    assert lab.endpoint("c0", "lan")["IPPrefixLen"] == 24
    lab.assert_reaches("c0", "10.77.0.254", lab.address("c2", "lan"))


def test_a_dual_stack_network_has_a_gateway_of_both_families(lab):
    lab.network("lan", "--ipv6", "--subnet", "10.77.0.0/24", "--subnet", "fd77::/64", "--gateway", "fd77::ff")
    assert addresses_of(lab.host_link(lab.bridge("lan"))) == {"10.77.0.1/24", "fd77::ff/64"}


def test_an_ipv6_network_without_a_subnet_gets_a_unique_local_one(lab):
    lab.network("lan", "--ipv6")
    subnets = [ipaddress.ip_network(config["Subnet"]) for config in lab.ipam("lan")]
    (six,) = [subnet for subnet in subnets if subnet.version == 6]
    assert six.subnet_of(ipaddress.ip_network("fd00::/8")) and six.prefixlen == 64
    lab.container("ada", "lan")
    lab.container("bob", "lan")
    lab.assert_reaches("ada", "bob", "bob/6", lab.address6("bob", "lan"))


def test_an_ipv4_network_takes_no_part_in_ipv6(lab):
    lab.network("lan")
    assert [a for a in lab.host_link(lab.bridge("lan"))["addr_info"] if a["family"] == "inet6"] == []


def test_an_internal_network_has_no_way_out(lab):
    lab.network("lan", "--internal", "--subnet", "10.77.0.0/24")
    lab.container("ada", "lan")
    lab.container("bob", "lan")
    assert "default" not in lab.exec("ada", "ip", "route")
    assert list(lab.links_inside("ada")) == ["lo", "eth0"], "and no second link to docker_gwbridge"
    lab.assert_reaches("ada", "bob", lab.address("bob", "lan"))


def test_a_bridge_can_be_named(lab):
    lab.network("lan", "--opt", "com.docker.network.bridge.name=lan0", "--subnet", "10.77.0.0/24")
    assert addresses_of(lab.host_link("lan0")) == {"10.77.0.1/24"}
    lab.container("ada", "lan")
    lab.assert_reaches("ada", "10.77.0.1")


def test_an_mtu_is_that_of_the_bridge_and_of_both_ends(lab):
    lab.network("lan", "--opt", "com.docker.network.driver.mtu=1400")
    lab.container("ada", "lan")
    bridge = lab.bridge("lan")
    assert lab.host_link(bridge)["mtu"] == 1400
    assert "mtu 1400 " in lab.links_inside("ada")["eth0"]
    ports = lab.on_host("ip", "-o", "link", "show", "master", bridge).splitlines()
    assert len(ports) == 1 and "mtu 1400 " in ports[0]


def test_a_jumbo_mtu_is_served(lab):
    lab.network("lan", "--opt", "com.docker.network.driver.mtu=9000")
    lab.container("ada", "lan")
    assert "mtu 9000 " in lab.links_inside("ada")["eth0"]


def test_the_links_in_a_container_can_be_named(lab):
    lab.network("lan", "--opt", "com.docker.network.container_iface_prefix=lan")
    lab.container("ada", "lan")
    assert list(lab.links_inside("ada")) == ["lo", "lan0"]


def test_options_of_the_built_in_driver_are_accepted_where_they_say_what_plugind_does(lab):
    lab.network(
        "lan", "--opt", "com.docker.network.bridge.enable_icc=true",
        "--opt", "com.docker.network.bridge.enable_ip_masquerade=false")
    lab.container("ada", "lan")
    lab.container("bob", "lan")
    lab.assert_reaches("ada", "bob")


def test_a_network_of_ipv6_alone_works_where_the_engine_has_such(lab):
    if int(lab.engine.version.split(".")[0]) < 28:
        pytest.skip(f"Docker {lab.engine.version} has no networks without IPv4 (--ipv4=false is from 28.0)")
    lab.network("lan", "--ipv4=false", "--ipv6", "--subnet", "fd77::/64")
    assert addresses_of(lab.host_link(lab.bridge("lan"))) == {"fd77::1/64"}
    lab.container("ada", "lan")
    lab.container("bob", "lan")
    lab.assert_reaches("ada", "bob/6", "fd77::1")


def test_a_network_of_two_addresses_is_a_link_from_host_to_container(lab):
    lab.network("lan", "--subnet", "10.77.0.0/31", "--ipv6", "--subnet", "fd77::/127")
    lab.container("ada", "lan")
    assert {lab.address("ada", "lan"), "10.77.0.0"} == {"10.77.0.0", "10.77.0.1"}
    lab.assert_reaches("ada", "10.77.0.0", "fd77::")


def test_a_network_without_a_gateway_gives_containers_no_way_out_and_no_other_link(lab):
    lab.network("lan", "--subnet", "10.77.0.0/24", "--opt", "plugind.gateway=none")
    lab.container("ada", "lan")
    assert "default" not in lab.exec("ada", "ip", "route")
    assert list(lab.links_inside("ada")) == ["lo", "eth0"], "and no second link to docker_gwbridge"
    lab.assert_reaches("ada", "10.77.0.1")


def test_containers_get_another_gateway_and_routes(lab):
    lab.network(
        "lan", "--subnet", "10.77.0.0/24", "--opt", "plugind.gateway=10.77.0.254",
        "--opt", "plugind.routes=10.9.0.0/16 via 10.77.0.9;blackhole 192.0.2.0/24")
    lab.container("ada", "lan")
    routes = lab.exec("ada", "ip", "route")
    assert "default via 10.77.0.254 dev eth0" in routes and "10.9.0.0/16 via 10.77.0.9 dev eth0" in routes


def test_an_isolated_network_takes_no_gateway_address_where_the_engine_asks(lab):
    lab.network(
        "lan", "--internal", "--subnet", "10.77.0.0/24", "--opt",
        "com.docker.network.bridge.gateway_mode_ipv4=isolated")
    assert addresses_of(lab.host_link(lab.bridge("lan"))) == set()
    lab.container("ada", "lan")
    lab.container("bob", "lan")
    lab.assert_reaches("ada", "bob")
    if int(lab.engine.version.split(".")[0]) >= 28:
        assert "10.77.0.1" in {lab.address(name, "lan") for name in ("ada", "bob")}, "nobody else has it"
