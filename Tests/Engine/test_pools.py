# SPDX-License-Identifier: Apache-2.0
"""Pools: which one is chosen, what is chosen from it, and what the user is told where that cannot be."""

import contextlib
import ipaddress
import json
import os
import re
import signal

import pytest

from conftest import open_lab
from ipam import LonePlugind, rows
from lab import wait_until

CREATE = ("network", "create", "--driver", "plugind", "--ipam-driver", "plugind")
MAC = "02:11:22:33:44:55"


# On engines


@pytest.fixture
def lab(engine, plugind):
    """plugind is killed and started after each command: what it knows is what it stored."""
    yield from open_lab(engine, plugind, kills_plugind=True)


@contextlib.contextmanager
def configured(lab, **settings):
    """plugind starts anew with these settings in its configuration file, and without in the end."""
    settings = {name.replace("_", "-"): value for name, value in settings.items()}
    (lab.engine.directory / "config.yaml").write_text(json.dumps(settings))
    command = list(lab.plugind.command)
    lab.plugind.stop()
    lab.plugind.command += ["--config", "/run/engine/config.yaml"]
    try:
        lab.plugind.start()
        yield
    finally:
        lab.plugind.stop()
        lab.plugind.command[:] = command
        lab.plugind.start()


def subnets(lab, network):
    """The pools of a network: those that plugind has, since an engine may show what was asked for."""
    names = {config["Gateway"].split("/")[0] for config in lab.ipam(network)}
    pools = [ipaddress.ip_network(row["id"].split("/", 1)[1]) for row in rows(lab.engine.directory / "state", "pool")]
    return {pool for pool in pools if any(ipaddress.ip_address(name) in pool for name in names)}


def subnet(lab, network):
    (only,) = subnets(lab, network)
    return only


def test_addresses_are_chosen_from_the_ranges_without_what_is_excluded(lab):
    lab.network(
        "lan", "--subnet", "10.77.0.0/24", "--ipam-opt", "plugind.ranges=10.77.0.10-10.77.0.12,10.77.0.128/31",
        "--ipam-opt", "plugind.exclude=10.77.0.11", "--aux-address", "printer=10.77.0.128")
    given = {lab.address(lab.container(name, "lan"), "lan") for name in ("ada", "bob", "cleo")}
    assert given == {"10.77.0.10", "10.77.0.12", "10.77.0.129"}
    words = lab.refused(*lab.run_arguments("late", "lan"))
    assert "no address is free" in words and "10.77.0.0/24" in words, words
    lab.docker("rm", "--force", "late")
    # What is named may be anywhere.
    lab.container("dora", "lan", "--ip", "10.77.0.11")
    lab.container("eve", "lan", "--ip", "10.77.0.200")
    lab.assert_reaches("ada", "dora", "eve")


def test_the_lowest_address_is_given_again_where_the_order_is_sequential_and_nothing_rests(steady_lab):
    lab = steady_lab
    lab.network(
        "lan", "--subnet", "10.77.0.0/24", "--ipam-opt", "plugind.order=sequential",
        "--ipam-opt", "plugind.quarantine=0", "--ipam-opt", "plugind.sticky=off")
    lab.container("ada", "lan")
    lab.docker("rm", "--force", "ada")
    lab.container("bob", "lan")
    assert lab.address("bob", "lan") == "10.77.0.2"


@pytest.mark.one_engine
def test_sixty_networks_get_pools_though_nobody_named_one(steady_lab):
    lab = steady_lab
    names = [f"lan{number}" for number in range(60)]
    # Those of the engine's own IPAM would be no more than 31.
    for name in names:
        lab.engine.docker(
            "network", "create", "--driver", "plugind", "--ipam-driver", "plugind", "--internal", name)
    inspected = json.loads(lab.engine.docker("inspect", *names))
    given = [ipaddress.ip_network(network["IPAM"]["Config"][0]["Subnet"]) for network in inspected]
    assert len(set(given)) == len(names) and {pool.prefixlen for pool in given} == {24}
    lab.engine.docker("network", "rm", *names)


def test_pools_are_from_the_blocks_that_are_configured(steady_lab):
    lab = steady_lab
    blocks = [{"base": base, "size": size}
              for base, size in (("10.90.0.0/27", 28), ("10.91.0.0/28", 28), ("fd90::/64", 96))]
    with configured(lab, default_address_pools=blocks):
        given = []
        for name in ("lan", "yard", "shed"):
            lab.network(name, "--ipv6")
            given.append(sorted(map(str, subnets(lab, name))))
        assert given == [
            ["10.90.0.0/28", "fd90::/96"], ["10.90.0.16/28", "fd90::1:0:0/96"], ["10.91.0.0/28", "fd90::2:0:0/96"]]
        words = lab.refused(*CREATE, "attic")
        for part in ("no IPv4 pool is free", "10.90.0.0/27", "10.91.0.0/28", "pool", "10.90.0.16/28", "--subnet"):
            assert part in words, f"‘{words}’ does not name {part}"
        lab.container("ada", "lan")
        lab.container("bob", "lan")
        lab.assert_reaches("ada", "bob", "bob/6")
    lab.docker("restart", "ada")
    lab.assert_reaches("ada", "bob", "bob/6")


def test_what_is_in_the_way_of_a_pool_reaches_the_user(steady_lab):
    lab = steady_lab
    lab.on_host("ip", "link", "add", "uplink0", "type", "bridge")
    lab.on_host("ip", "link", "set", "uplink0", "up")
    lab.on_host("ip", "address", "add", "10.90.0.9/32", "dev", "uplink0")
    lab.on_host("ip", "route", "add", "10.91.0.0/16", "dev", "uplink0", "table", "77")
    blocks = [{"base": f"10.{number}.0.0/24", "size": 24} for number in (90, 91, 92)]
    try:
        with configured(lab, default_address_pools=blocks, forbidden_pools=["10.92.0.0/16"]), lab.leaves_nothing():
            words = lab.refused(*CREATE, "lan")
            for part in ("10.90.0.0/24", "10.90.0.9", "uplink0", "10.91.0.0/24", "10.91.0.0/16", "10.92.0.0/16"):
                assert part in words, f"‘{words}’ does not name {part}"
    finally:
        lab.on_host("ip", "link", "delete", "uplink0")


def test_a_pool_can_be_asked_for_by_its_size(lab):
    lab.network("lan", "--ipv6", "--subnet", "0.0.0.0/27", "--subnet", "::/80")
    lab.container("ada", "lan")
    lab.container("bob", "lan")
    address, address6 = (ipaddress.ip_address(text) for text in (lab.address("ada", "lan"), lab.address6("ada", "lan")))
    assert lab.endpoint("ada", "lan")["IPPrefixLen"] == 27
    assert lab.endpoint("ada", "lan")["GlobalIPv6PrefixLen"] == 80
    assert any(address in ipaddress.ip_network(block) for block in ("172.16.0.0/12", "192.168.0.0/16"))
    assert address6 in ipaddress.ip_network("fd00::/8")
    lab.docker("restart", "ada")
    lab.assert_reaches("ada", "bob", "bob/6")


def test_a_network_of_the_same_name_gets_the_pools_it_had(lab):
    named = ["--ipv6", "--ipam-opt", "plugind.name=office"]
    lab.network("other", "--ipv6")
    lab.network("office", *named)
    before = subnets(lab, "office")
    lab.docker("network", "rm", "other")
    lab.docker("network", "rm", "office")
    # The first free ones would be those of the other network.
    lab.network("office", *named)
    assert subnets(lab, "office") == before
    lab.docker("network", "rm", "office")
    (ipv4,) = [pool for pool in before if pool.version == 4]
    lab.network("taken", "--subnet", str(ipv4))
    lab.network("office", *named)
    assert len(subnets(lab, "office")) == 2 and ipv4 not in subnets(lab, "office")


def test_a_route_that_comes_over_a_pool_is_told_of_once(steady_lab):
    lab = steady_lab
    lab.network("lan", "--subnet", "10.77.0.0/24")
    begin = len(lab.plugind.log.read_text())

    def told():
        lines = lab.plugind.log.read_text()[begin:].splitlines()
        return [line for line in lines if "10.77.0.0/16" in line and "vpn0" in line and "10.77.0.0/24" in line]

    lab.on_host("ip", "link", "add", "vpn0", "type", "veth", "peer", "name", "vpn1")
    try:
        lab.on_host("ip", "link", "set", "vpn0", "up")
        lab.on_host("ip", "route", "add", "10.77.0.0/16", "dev", "vpn0")
        wait_until(told, "plugind to tell of the route")
        os.kill(lab.plugind.pid, signal.SIGUSR1)
        lab.network("other")
        assert len(told()) == 1, told()
        subjects = [row["subject"] for row in rows(lab.engine.directory / "state", "audit")]
        assert any("10.77.0.0/24" in subject for subject in subjects[-3:]), subjects[-3:]
    finally:
        lab.on_host("ip", "link", "delete", "vpn0")


# Option, and what the words must have, besides the option.
BAD_OPTIONS = {
    "an unknown one": ("plugind.stickey=1h", ["plugind.stickey", "plugind.sticky"]),
    "one that is like no other": ("plugind.colour=blue", ["plugind.colour", "plugind.quarantine"]),
    "a time without a unit": ("plugind.sticky=24", ["24", "duration", "forever"]),
    "a negative time": ("plugind.sticky=-1h", ["-1h", "duration"]),
    "no time": ("plugind.sticky=", ["plugind.sticky", "duration"]),
    "a quarantine without a unit": ("plugind.quarantine=5", ["5", "duration"]),
    "a quarantine without an end": ("plugind.quarantine=forever", ["forever", "duration"]),
    "an order that nobody knows": ("plugind.order=newest", ["newest", "lru", "random", "sequential"]),
    "a range outside": ("plugind.ranges=10.78.0.1-10.78.0.9", ["10.78.0.1-10.78.0.9", "10.77.0.0/24"]),
    "a range that reaches out": ("plugind.ranges=10.77.0.9-10.77.1.9", ["10.77.0.9-10.77.1.9", "10.77.0.0/24"]),
    "a range backwards": ("plugind.ranges=10.77.0.9-10.77.0.1", ["10.77.0.9-10.77.0.1", "ends before it begins"]),
    "a range of two families": ("plugind.ranges=10.77.0.9-fd77::9", ["10.77.0.9-fd77::9", "IPv4", "IPv6"]),
    "ranges that overlap": (
        "plugind.ranges=10.77.0.1-10.77.0.9,10.77.0.9-10.77.0.20", ["10.77.0.9-10.77.0.20", "overlaps"]),
    "a range with host bits": ("plugind.ranges=10.77.0.5/30", ["10.77.0.5/30", "10.77.0.4/30"]),
    "ranges that are none": ("plugind.ranges=everywhere", ["everywhere", "range"]),
    "an empty list of ranges": ("plugind.ranges=", ["plugind.ranges", "empty"]),
    "a range without usable addresses": ("plugind.ranges=10.77.0.255", ["10.77.0.255", "10.77.0.0/24"]),
    "an exclusion outside": ("plugind.exclude=10.78.0.9", ["10.78.0.9", "10.77.0.0/24"]),
    "an exclusion that is none": ("plugind.exclude=10.77.0.300", ["10.77.0.300"]),
    "a reservation outside": ("plugind.reserve=web=10.78.0.9", ["web=10.78.0.9", "10.77.0.0/24"]),
    "a reservation for nobody": ("plugind.reserve=10.77.0.9", ["10.77.0.9", "reservation"]),
    "a reservation for a bad name": ("plugind.reserve=a/b=10.77.0.9", ["a/b=10.77.0.9", "name"]),
    "a reservation of nothing": ("plugind.reserve=web=", ["web=", "address"]),
    "a reservation of the network address": ("plugind.reserve=web=10.77.0.0", ["10.77.0.0", "network address"]),
    "a reservation of the broadcast address": ("plugind.reserve=web=10.77.0.255", ["10.77.0.255", "broadcast"]),
    "two reservations of one address": (
        f"plugind.reserve=web=10.77.0.9,{MAC}=10.77.0.9", ["10.77.0.9", "web", MAC]),
    "two addresses for one name": ("plugind.reserve=web=10.77.0.8,web=10.77.0.9", ["10.77.0.8", "10.77.0.9", "web"]),
    "no name": ("plugind.name=", ["plugind.name", "no name"]),
}


def assert_names(words, option, names):
    for name in (option.split("=")[0], *names):
        assert name in words, f"‘{words}’ does not name {name}"


@pytest.mark.one_engine
@pytest.mark.parametrize("option, names", BAD_OPTIONS.values(), ids=BAD_OPTIONS)
def test_an_ipam_option_that_cannot_be_served_is_refused_in_words(steady_lab, option, names):
    lab = steady_lab
    with lab.leaves_nothing():
        assert_names(lab.refused(*CREATE, "--subnet", "10.77.0.0/24", "--ipam-opt", option, "lan"), option, names)


def test_options_of_both_families_are_those_of_the_pools_they_fit(steady_lab):
    lab = steady_lab
    lab.network(
        "lan", "--ipv6", "--subnet", "10.77.0.0/24", "--subnet", "fd77::/64",
        "--ipam-opt", "plugind.ranges=10.77.0.40-10.77.0.49,fd77::40-fd77::49")
    lab.container("ada", "lan")
    assert (lab.address("ada", "lan"), lab.address6("ada", "lan")) == ("10.77.0.40", "fd77::40")


# Without an engine


@pytest.fixture
def lone_plugind(binary, tmp_path):
    with contextlib.closing(LonePlugind(tmp_path)) as plugind:
        plugind.start()
        yield plugind


def test_an_address_that_was_freed_rests_until_everything_else_was_given(lone_plugind):
    pool = lone_plugind.pool("10.77.0.0/29", sticky="off", quarantine="1h")
    pool.gateway()
    freed = pool.give()
    pool.take_back(freed)
    lone_plugind.kill_and_start()
    others = [pool.give() for _ in range(4)]
    assert freed not in others and len(set(others)) == 4
    assert pool.give() == freed, "before its time, since nothing else was left"
    assert re.search(rf"(info|notice|warning).*{re.escape(freed)}", lone_plugind.last_lines(), re.IGNORECASE)


def test_what_rested_longest_is_given_first(lone_plugind):
    pool = lone_plugind.pool("10.77.0.0/29", sticky="off", quarantine="0")
    pool.gateway()
    given = [pool.give() for _ in range(5)]
    order = [given[number] for number in (3, 0, 4, 1, 2)]
    for address in order:
        pool.take_back(address)
        wait_for_another_millisecond(lone_plugind)
    lone_plugind.kill_and_start()
    assert [pool.give() for _ in range(5)] == order


def wait_for_another_millisecond(plugind):
    """Moments are counted in them, and one call after the other may come in the same."""
    plugind.needs_mac_addresses()


def test_random_addresses_are_all_of_the_pool_and_not_in_order(lone_plugind):
    pool = lone_plugind.pool("10.77.0.0/26", order="random")
    pool.gateway()
    given = [ipaddress.ip_address(pool.give()) for _ in range(61)]
    assert len(set(given)) == 61 and given != sorted(given)
    assert "no address is free" in pool.refuse()


def test_ranges_and_the_ip_range_hold_together(lone_plugind):
    pool = lone_plugind.pool("10.77.0.0/24", "10.77.0.64/28", ranges="10.77.0.60-10.77.0.66,10.77.0.79-10.77.0.90")
    pool.gateway()
    given = [pool.give() for _ in range(4)]
    assert given == ["10.77.0.64", "10.77.0.65", "10.77.0.66", "10.77.0.79"]
    assert "no address is free" in pool.refuse()
    words = lone_plugind.refused_pool("10.78.0.0/24", "10.78.0.64/28", ranges="10.78.0.1-10.78.0.9")
    assert_names(words, "plugind.ranges=", ["10.78.0.1-10.78.0.9", "10.78.0.64/28"])


def test_a_pool_that_plugind_chose_must_fit_its_options_too(lone_plugind):
    words = lone_plugind.refused_pool(ranges="10.77.0.1-10.77.0.9")
    assert_names(words, "plugind.ranges=", ["10.77.0.1-10.77.0.9"])
    assert lone_plugind.rows("pool") == []


def test_thousands_of_networks_fit_into_the_default_pools(lone_plugind):
    count = 1000
    given = {lone_plugind.pool().subnet for _ in range(count)}
    assert len(given) == count and {pool.split("/")[1] for pool in given} == {"24"}


def test_pools_of_a_size_are_from_the_blocks_and_not_from_each_other(lone_plugind):
    given = [ipaddress.ip_network(lone_plugind.pool(wanted).subnet)
             for wanted in ("0.0.0.0/30", "", "0.0.0.0/16", "0.0.0.0/27", "0.0.0.0/32", "::/64", "::/126", "::/56")]
    assert [pool.prefixlen for pool in given] == [30, 24, 16, 27, 32, 64, 126, 56]
    for pool in given:
        assert not any(pool.overlaps(other) for other in given if other is not pool and other.version == pool.version)
    words = lone_plugind.refused_pool("0.0.0.0/8")
    assert "/8" in words and "/16" in words, words


def test_default_and_split_default_routes_are_in_nobodys_way(lone_plugind):
    lone_plugind.start_with(default_address_pools=[{"base": "10.90.0.0/24", "size": 24}])
    lone_plugind.on_host("sh", "-ec", """
        ip link add uplink0 type veth peer name uplink1
        ip link set uplink0 up
        ip address add 198.51.100.1/24 dev uplink0
        for prefix in default 0.0.0.0/1 128.0.0.0/1; do ip route add $prefix via 198.51.100.2; done
        """)
    pool = lone_plugind.pool()
    assert pool.subnet == "10.90.0.0/24"
    pool.release()
    lone_plugind.on_host("ip", "route", "add", "10.0.0.0/8", "via", "198.51.100.2", "table", "1000")
    words = lone_plugind.refused_pool()
    assert "10.0.0.0/8" in words and "uplink0" in words, words


def test_a_forbidden_pool_is_not_chosen(lone_plugind):
    lone_plugind.start_with(
        default_address_pools=[{"base": "10.90.0.0/23", "size": 24}], forbidden_pools=["10.90.0.128/25"])
    assert lone_plugind.pool().subnet == "10.90.1.0/24"
    words = lone_plugind.refused_pool()
    assert "10.90.0.128/25" in words and "10.90.1.0/24" in words, words


def test_names_of_networks_keep_their_pools_when_all_is_made_anew(lone_plugind):
    names = ["lan", "yard", "shed"]
    before = {name: lone_plugind.pool(name=name).subnet for name in names}
    before6 = {name: lone_plugind.pool(name=name, is_ipv6=True).subnet for name in names}
    lone_plugind.release_pools()
    lone_plugind.kill_and_start()
    for name in reversed(names):
        assert lone_plugind.pool(name=name).subnet == before[name]
        assert lone_plugind.pool(name=name, is_ipv6=True).subnet == before6[name]


def test_options_that_are_configured_hold_where_none_is_given(lone_plugind):
    lone_plugind.start_with(order="sequential", sticky="off", quarantine="0")
    pool = lone_plugind.pool("10.77.0.0/24")
    first = pool.give("ada")
    pool.take_back(first)
    assert pool.give("bob") == first
    kept = lone_plugind.pool("10.78.0.0/24", sticky="1h")
    first = kept.give("ada")
    kept.take_back(first)
    assert kept.give("bob") != first
