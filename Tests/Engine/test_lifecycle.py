# SPDX-License-Identifier: Apache-2.0
"""Containers that stop, start, die and come in crowds."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from lab import wait_until


def ports(lab, network):
    """The links in a network's bridge."""
    return lab.on_host("ip", "-o", "link", "show", "master", lab.bridge(network)).splitlines()


def pair(lab, *options):
    lab.network("lan", *options)
    lab.container("ada", "lan")
    lab.container("bob", "lan")


def test_a_restarted_container_is_reached_again(lab):
    pair(lab)
    lab.docker("restart", "ada")
    lab.assert_reaches("bob", "ada")
    lab.assert_reaches("ada", "bob")
    assert len(ports(lab, "lan")) == 2


def test_a_stopped_container_gives_its_port_back_and_is_reached_again_when_started(lab):
    pair(lab, "--ipv6", "--subnet", "10.77.0.0/24", "--subnet", "fd77::/64")
    lab.docker("stop", "ada")
    assert len(ports(lab, "lan")) == 1
    lab.docker("start", "ada")
    lab.assert_reaches("bob", "ada", "ada/6")
    assert len(ports(lab, "lan")) == 2


def test_an_address_asked_for_is_kept_across_stop_and_start(lab):
    lab.network("lan", "--subnet", "10.77.0.0/24")
    lab.container("ada", "lan", "--ip", "10.77.0.50")
    lab.docker("stop", "ada")
    lab.docker("start", "ada")
    assert lab.address("ada", "lan") == "10.77.0.50"


def test_a_container_that_keeps_its_address_is_reached_at_once_by_those_who_knew_it(lab):
    # They still hold the link-layer address it had, and would send to that one for half a minute.
    lab.network("lan", "--ipv6", "--subnet", "10.77.0.0/24", "--subnet", "fd77::/64")
    lab.container("ada", "lan", "--ip", "10.77.0.50", "--ip6", "fd77::50")
    lab.container("bob", "lan")
    lab.assert_reaches("bob", "10.77.0.50", "fd77::50")
    lab.docker("restart", "ada")
    lab.assert_reaches("bob", "10.77.0.50", "fd77::50")


def test_a_removed_container_gives_its_port_and_its_address_back(lab):
    pair(lab, "--subnet", "10.77.0.0/24")
    address = lab.address("ada", "lan")
    lab.docker("rm", "--force", "ada")
    assert len(ports(lab, "lan")) == 1
    lab.container("cleo", "lan", "--ip", address)
    lab.assert_reaches("bob", "cleo", address)


def test_a_container_whose_process_is_killed_gives_its_port_back_and_can_be_started(lab):
    pair(lab)
    lab.on_host("kill", "-9", str(lab.inspect("ada")["State"]["Pid"]))
    wait_until(lambda: not lab.inspect("ada")["State"]["Running"], "the engine to see that the container is dead")
    wait_until(lambda: len(ports(lab, "lan")) == 1, "the port of the dead container to go")
    lab.docker("start", "ada")
    lab.assert_reaches("bob", "ada")


def test_a_container_that_ends_by_itself_leaves_nothing(lab):
    lab.network("lan")
    with lab.leaves_nothing():
        assert lab.docker("run", "--rm", "--network", "lan", "busybox", "echo", "hello") == "hello"
        lab.remove_containers()
        assert ports(lab, "lan") == []


def test_a_network_in_use_cannot_be_removed_and_goes_on_working(lab):
    pair(lab)
    words = lab.refused("network", "rm", "lan")
    assert "has active endpoints" in words
    lab.assert_reaches("ada", "bob")


@pytest.mark.one_engine
def test_twenty_containers_started_at_once_get_addresses_of_their_own(steady_lab):
    lab = steady_lab
    lab.network("lan", "--subnet", "10.77.0.0/24", "--ipv6", "--subnet", "fd77::/64")
    names = [f"c{number}" for number in range(20)]
    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(lambda name: lab.container(name, "lan"), names))
    endpoints = [lab.endpoint(name, "lan") for name in names]
    for key in ("IPAddress", "GlobalIPv6Address", "MacAddress"):
        values = [endpoint[key] for endpoint in endpoints]
        assert all(values) and len(set(values)) == len(names), f"{key}: {sorted(values)}"
    lab.assert_reaches("c0", *names[1:])
    lab.remove_containers()
    assert ports(lab, "lan") == []


def test_addresses_are_not_given_twice_when_plugind_is_killed_while_containers_start(steady_lab):
    lab = steady_lab
    lab.network("lan", "--subnet", "10.77.0.0/24")
    names = [f"c{number}" for number in range(8)]
    with ThreadPoolExecutor(len(names)) as pool:
        # The engine repeats a call that was cut off without its body, so some of these may be refused.
        starts = [pool.submit(lab.engine.docker, *lab.run_arguments(name, "lan")) for name in names]
        for _ in range(3):
            lab.plugind.kill_and_start()
        started = [name for name, start in zip(names, starts) if start.exception() is None]
    addresses = [lab.address(name, "lan") for name in started]
    assert len(set(addresses)) == len(started), addresses
    for name in started[1:]:
        lab.assert_reaches(started[0], name)
    lab.container("late", "lan")
    assert lab.address("late", "lan") not in addresses
