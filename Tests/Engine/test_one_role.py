# SPDX-License-Identifier: Apache-2.0
"""plugind as IPAM of the built-in driver, and as driver with the built-in IPAM."""


def test_plugind_gives_addresses_to_the_built_in_bridge_driver(lab):
    lab.network("lan", "--subnet", "10.77.0.0/24", "--ip-range", "10.77.0.128/25", driver="bridge")
    lab.container("ada", "lan")
    lab.container("bob", "lan", "--ip", "10.77.0.5")
    assert lab.address("ada", "lan").startswith("10.77.0.1") and lab.address("bob", "lan") == "10.77.0.5"
    lab.assert_reaches("ada", "bob", "10.77.0.5")
    lab.docker("restart", "ada")
    lab.assert_reaches("bob", "ada")


def test_plugind_chooses_a_pool_for_the_built_in_bridge_driver(lab):
    lab.network("lan", driver="bridge")
    lab.network("other")
    lab.container("ada", "lan")
    lab.container("bob", "lan")
    lab.assert_reaches("ada", "bob")


def test_the_built_in_ipam_gives_addresses_to_plugind_networks(lab):
    lab.network("lan", "--subnet", "10.77.0.0/24", "--ipv6", "--subnet", "fd77::/64", ipam="default")
    lab.container("ada", "lan")
    lab.container("bob", "lan", "--ip", "10.77.0.5")
    lab.assert_reaches("ada", "bob", "bob/6", "10.77.0.5")
    lab.docker("restart", "ada")
    lab.assert_reaches("bob", "ada", "ada/6")


def test_the_built_in_ipam_chooses_a_pool_for_a_plugind_network(lab):
    lab.network("lan", ipam="default")
    lab.container("ada", "lan")
    lab.container("bob", "lan")
    lab.assert_reaches("ada", "bob")
