# SPDX-License-Identifier: Apache-2.0
"""What cannot be is refused in words that name it, and leaves nothing."""

import pytest

CREATE = ("network", "create", "--driver", "plugind", "--ipam-driver", "plugind")

BAD_OPTIONS = {
    "an unknown option of plugind": ("plugind.colour=blue", ["plugind.colour", "com.docker.network.driver.mtu"]),
    "an unknown option of the bridge driver": (
        "com.docker.network.bridge.colour=blue",
        ["com.docker.network.bridge.colour", "com.docker.network.bridge.name"]),
    "a bridge name of sixteen bytes": ("com.docker.network.bridge.name=abcdefghijklmnop", ["abcdefghijklmnop", "15"]),
    "a bridge name with a slash": ("com.docker.network.bridge.name=a/b", ["a/b"]),
    "an MTU that is too small": ("com.docker.network.driver.mtu=67", ["67", "mtu"]),
    "an MTU that is too large": ("com.docker.network.driver.mtu=65536", ["65536", "mtu"]),
    "an MTU that is no number": ("com.docker.network.driver.mtu=large", ["large", "mtu"]),
    "a link prefix that is too long": (
        "com.docker.network.container_iface_prefix=abcdefghijklmnop", ["abcdefghijklmnop"]),
}


def assert_names(words, names):
    for name in names:
        assert name in words, f"‘{words}’ does not name {name}"


@pytest.mark.one_engine
@pytest.mark.parametrize("option, names", BAD_OPTIONS.values(), ids=BAD_OPTIONS.keys())
def test_an_option_that_cannot_be_served_is_refused(steady_lab, option, names):
    lab = steady_lab
    with lab.leaves_nothing():
        assert_names(lab.refused(*CREATE, "--subnet", "10.77.0.0/24", "--opt", option, "lan"), names)
    lab.network("lan", "--subnet", "10.77.0.0/24")


def test_an_mtu_below_1280_is_refused_on_a_network_with_ipv6(steady_lab):
    lab = steady_lab
    with lab.leaves_nothing():
        words = lab.refused(
            *CREATE, "--ipv6", "--subnet", "10.77.0.0/24", "--subnet", "fd77::/64",
            "--opt", "com.docker.network.driver.mtu=1279", "lan")
        assert_names(words, ["1279", "mtu"])


def test_a_bridge_name_that_a_link_has_is_refused(steady_lab):
    lab = steady_lab
    lab.on_host("ip", "link", "add", "taken0", "type", "bridge")
    try:
        with lab.leaves_nothing():
            words = lab.refused(
                *CREATE, "--subnet", "10.77.0.0/24", "--opt", "com.docker.network.bridge.name=taken0", "lan")
            assert_names(words, ["taken0"])
    finally:
        lab.on_host("ip", "link", "delete", "taken0")


def test_a_bridge_name_that_another_network_has_is_refused(steady_lab):
    lab = steady_lab
    lab.network("lan", "--opt", "com.docker.network.bridge.name=taken0")
    with lab.leaves_nothing():
        assert_names(lab.refused(*CREATE, "--opt", "com.docker.network.bridge.name=taken0", "other"), ["taken0"])


@pytest.mark.parametrize("subnet", ["10.77.0.0/24", "10.77.0.128/25", "10.0.0.0/8"])
def test_a_subnet_that_overlaps_another_networks_is_refused(steady_lab, subnet):
    lab = steady_lab
    lab.network("lan", "--subnet", "10.77.0.0/24")
    with lab.leaves_nothing():
        assert_names(lab.refused(*CREATE, "--subnet", subnet, "other"), ["10.77.0.0/24"])


def test_a_subnet_that_overlaps_another_networks_is_refused_by_the_driver_alone(steady_lab):
    lab = steady_lab
    lab.network("lan", "--subnet", "10.77.0.0/24")
    with lab.leaves_nothing():
        # The built-in IPAM knows nothing of plugind's pools.
        words = lab.refused("network", "create", "--driver", "plugind", "--subnet", "10.77.0.0/25", "other")
        assert_names(words, ["10.77.0.0/24"])


def test_a_gateway_that_is_an_address_of_the_host_is_refused(steady_lab):
    lab = steady_lab
    lab.on_host("ip", "link", "add", "uplink0", "type", "bridge")
    lab.on_host("ip", "address", "add", "10.77.0.1/32", "dev", "uplink0")
    try:
        with lab.leaves_nothing():
            words = lab.refused(*CREATE, "--subnet", "10.77.0.0/24", "--gateway", "10.77.0.1", "lan")
            assert_names(words, ["10.77.0.1", "uplink0"])
    finally:
        lab.on_host("ip", "link", "delete", "uplink0")


def refuse_container(lab, *options):
    """The words of `docker run` with an address that cannot be given. What the engine keeps of it is removed."""
    with lab.leaves_nothing():
        words = lab.refused(*lab.run_arguments("late", "lan", *options))
        lab.docker("rm", "--force", "late")
    return words


def test_an_address_that_is_taken_is_refused(steady_lab):
    lab = steady_lab
    lab.network("lan", "--subnet", "10.77.0.0/24")
    lab.container("ada", "lan", "--ip", "10.77.0.5")
    assert_names(refuse_container(lab, "--ip", "10.77.0.5"), ["10.77.0.5"])
    lab.container("bob", "lan")
    lab.assert_reaches("bob", "ada")


def test_an_ipv6_address_that_is_taken_is_refused(steady_lab):
    lab = steady_lab
    lab.network("lan", "--ipv6", "--subnet", "10.77.0.0/24", "--subnet", "fd77::/64")
    lab.container("ada", "lan", "--ip6", "fd77::5")
    assert_names(refuse_container(lab, "--ip6", "fd77::5"), ["fd77::5"])


def test_the_gateways_address_is_refused(steady_lab):
    lab = steady_lab
    lab.network("lan", "--subnet", "10.77.0.0/24")
    assert_names(refuse_container(lab, "--ip", "10.77.0.1"), ["10.77.0.1", "gateway"])


def test_the_broadcast_address_is_refused(steady_lab):
    lab = steady_lab
    lab.network("lan", "--subnet", "10.77.0.0/24")
    assert_names(refuse_container(lab, "--ip", "10.77.0.255"), ["10.77.0.255"])


def test_a_reserved_address_is_refused(steady_lab):
    lab = steady_lab
    lab.network("lan", "--subnet", "10.77.0.0/24", "--aux-address", "printer=10.77.0.9")
    assert_names(refuse_container(lab, "--ip", "10.77.0.9"), ["10.77.0.9"])


def test_a_full_pool_is_refused(steady_lab):
    lab = steady_lab
    lab.network("lan", "--subnet", "10.77.0.0/30")
    lab.container("ada", "lan")
    assert_names(refuse_container(lab), ["10.77.0.0/30"])


def test_a_group_mac_address_is_refused(steady_lab):
    lab = steady_lab
    lab.network("lan")
    assert_names(refuse_container(lab, "--mac-address", "03:11:22:33:44:55"), ["03:11:22:33:44:55"])
