# SPDX-License-Identifier: Apache-2.0
"""Containers on plugind networks: addresses, and who reaches whom."""

import contextlib
import os

import pytest



def dual_stack(lab, name="lan", number=77):
    return lab.network(
        name, "--ipv6", "--subnet", f"10.{number}.0.0/24", "--subnet", f"fd{number}::/64")


def test_containers_reach_each_other_by_name_and_address(lab):
    lab.network("lan")
    lab.container("ada", "lan")
    lab.container("bob", "lan")
    lab.assert_reaches("ada", "bob", lab.address("bob", "lan"))
    lab.assert_reaches("bob", "ada", lab.address("ada", "lan"))


def test_containers_reach_each_other_by_name_and_address_in_both_families(lab):
    dual_stack(lab)
    lab.container("ada", "lan")
    lab.container("bob", "lan")
    lab.assert_reaches("ada", "bob", "bob/6", lab.address("bob", "lan"), lab.address6("bob", "lan"))
    lab.assert_reaches("bob", "ada", "ada/6", lab.address("ada", "lan"), lab.address6("ada", "lan"))


def test_host_and_container_reach_each_other_in_both_families(lab):
    dual_stack(lab)
    lab.container("ada", "lan")
    lab.assert_host_reaches(lab.address("ada", "lan"), lab.address6("ada", "lan"))
    lab.assert_reaches("ada", "10.77.0.1", "fd77::1")


def test_a_container_has_a_default_route_in_both_families(lab):
    dual_stack(lab)
    lab.container("ada", "lan")
    assert "default via 10.77.0.1 dev eth0" in lab.exec("ada", "ip", "route")
    assert "default via fd77::1 dev eth0" in lab.exec("ada", "ip", "-6", "route")
    assert list(lab.links_inside("ada")) == ["lo", "eth0"], "and no second link to docker_gwbridge"


def test_a_container_gets_the_addresses_asked_for(lab):
    dual_stack(lab)
    lab.container("ada", "lan", "--ip", "10.77.0.99", "--ip6", "fd77::99")
    assert (lab.address("ada", "lan"), lab.address6("ada", "lan")) == ("10.77.0.99", "fd77::99")
    assert "inet 10.77.0.99/24 " in lab.exec("ada", "ip", "address", "show", "dev", "eth0")
    lab.container("bob", "lan")
    lab.assert_reaches("bob", "10.77.0.99", "fd77::99")


def test_a_container_gets_the_mac_address_asked_for(lab):
    lab.network("lan")
    lab.container("ada", "lan", "--mac-address", "02:11:22:33:44:55")
    assert "link/ether 02:11:22:33:44:55 " in lab.links_inside("ada")["eth0"]
    assert lab.endpoint("ada", "lan")["MacAddress"] == "02:11:22:33:44:55"
    lab.container("bob", "lan")
    lab.assert_reaches("bob", "ada")


def test_a_container_gets_a_mac_address_of_its_own(lab):
    lab.network("lan")
    macs = set()
    for name in ("ada", "bob", "cleo"):
        lab.container(name, "lan")
        mac = lab.endpoint(name, "lan")["MacAddress"]
        first = int(mac.split(":")[0], 16)
        assert first & 1 == 0 and first & 2 == 2, f"{mac} is not unicast and locally administered"
        assert f"link/ether {mac} " in lab.links_inside(name)["eth0"], "the engine knows the real one"
        macs.add(mac)
    assert len(macs) == 3


def test_a_running_container_can_be_connected_and_disconnected(lab):
    lab.network("lan")
    lab.network("other")
    lab.container("ada", "lan")
    lab.container("bob", "other")
    lab.docker("network", "connect", "other", "ada")
    assert list(lab.links_inside("ada")) == ["lo", "eth0", "eth1"]
    lab.assert_reaches("ada", "bob", lab.address("bob", "other"))
    lab.docker("network", "disconnect", "other", "ada")
    assert list(lab.links_inside("ada")) == ["lo", "eth0"]
    lab.assert_does_not_reach("ada", lab.address("bob", "other"))
    lab.docker("network", "connect", "other", "ada")
    lab.assert_reaches("ada", "bob")


def test_a_container_can_leave_its_only_network_and_come_back(lab):
    lab.network("lan")
    lab.container("ada", "lan")
    lab.container("bob", "lan")
    lab.docker("network", "disconnect", "lan", "ada")
    assert list(lab.links_inside("ada")) == ["lo"]
    lab.docker("network", "connect", "lan", "ada")
    lab.assert_reaches("ada", "bob")
    lab.assert_reaches("bob", "ada")


def test_a_container_on_two_networks_reaches_both(lab):
    dual_stack(lab, "lan", 77)
    dual_stack(lab, "other", 78)
    lab.container("ada", "lan")
    lab.container("bob", "other")
    lab.docker("create", "--name", "cleo", "--stop-signal", "KILL", "--network", "lan", "busybox", "sleep", "1000")
    lab.docker("network", "connect", "other", "cleo")
    lab.docker("start", "cleo")
    lab.assert_reaches("cleo", "ada", "ada/6", "bob", "bob/6")
    lab.assert_reaches("ada", "cleo")
    lab.assert_reaches("bob", "cleo")


requires_br_netfilter = pytest.mark.skipif(
    not os.path.exists("/proc/sys/net/bridge/bridge-nf-call-iptables"),
    reason="the kernel has no br_netfilter: frames inside a bridge never meet the FORWARD policy")


@contextlib.contextmanager
def forwarding_dropped(lab):
    """Frames inside a bridge meet a FORWARD policy of DROP, in each family whose packet filter the engine manages."""
    restore = []
    for command, family in (("iptables", "ip"), ("ip6tables", "ip6")):
        lab.on_host("sysctl", "-q", "-w", f"net.bridge.bridge-nf-call-{command}=1")
        if "chain DOCKER-USER" in lab.on_host("nft", "list", "chains", family):
            # The first line is the policy, as the command that sets it.
            restore.append([command, *lab.on_host(command, "-S", "FORWARD").splitlines()[0].split()])
            lab.on_host(command, "-P", "FORWARD", "DROP")
    assert restore, "the engine manages no packet filter"
    try:
        yield
    finally:
        for command in restore:
            lab.on_host(*command)


@requires_br_netfilter
def test_containers_of_one_network_reach_each_other_where_the_engine_drops_what_is_forwarded(lab):
    dual_stack(lab)
    lab.container("ada", "lan")
    lab.container("bob", "lan")
    with forwarding_dropped(lab):
        lab.assert_reaches("ada", "bob", "bob/6", lab.address("bob", "lan"), lab.address6("bob", "lan"))
        lab.container("cleo", "lan")
        lab.assert_reaches("cleo", "ada", "ada/6")


@requires_br_netfilter
def test_traffic_passes_again_after_the_accept_rules_were_flushed(lab):
    lab.network("lan")
    lab.container("ada", "lan")
    with forwarding_dropped(lab):
        # Some engines end their chain with a rule of their own.
        has_return = "-A DOCKER-USER -j RETURN" in lab.on_host("iptables", "-S", "DOCKER-USER")
        lab.on_host("iptables", "-F", "DOCKER-USER")
        if has_return:
            lab.on_host("iptables", "-A", "DOCKER-USER", "-j", "RETURN")
        lab.container("bob", "lan")
        lab.assert_reaches("ada", "bob")


def test_networks_are_apart(lab):
    lab.network("lan", "--internal")
    lab.network("other", "--internal")
    lab.container("ada", "lan")
    lab.container("bob", "other")
    lab.assert_does_not_reach("ada", lab.address("bob", "other"))
