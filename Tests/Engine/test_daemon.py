# SPDX-License-Identifier: Apache-2.0
"""plugind's own coming and going, next to an engine with containers."""

import os
import signal

import pytest


def test_a_bridge_that_went_while_plugind_was_down_is_back_before_its_first_answer(steady_lab):
    lab = steady_lab
    lab.network("lan", "--ipv6", "--subnet", "10.77.0.0/24", "--subnet", "fd77::/64")
    lab.container("ada", "lan")
    lab.container("bob", "lan")
    before = lab.host_link(lab.bridge("lan"))
    lab.plugind.kill()
    lab.on_host("ip", "link", "delete", lab.bridge("lan"))
    lab.plugind.start()
    after = lab.host_link(lab.bridge("lan"))
    assert after["address"] == before["address"] and after["mtu"] == before["mtu"]
    assert {a["local"] for a in after["addr_info"]} >= {"10.77.0.1", "fd77::1"}
    lab.assert_reaches("ada", "bob", "bob/6")


def test_all_bridges_are_back_after_the_host_lost_every_link_as_in_a_reboot(steady_lab):
    lab = steady_lab
    lab.network("lan", "--subnet", "10.77.0.0/24")
    lab.container("ada", "lan", "--ip", "10.77.0.50")
    lab.container("bob", "lan")
    # The sandboxes' ends go with these, as they go with their containers.
    lab.plugind.kill()
    for line in lab.on_host("ip", "-o", "link", "show", "master", lab.bridge("lan")).splitlines():
        lab.on_host("ip", "link", "delete", line.split(": ")[1].split("@")[0])
    lab.on_host("ip", "link", "delete", lab.bridge("lan"))
    lab.plugind.start()
    lab.docker("restart", "ada")
    lab.docker("restart", "bob")
    assert lab.address("ada", "lan") == "10.77.0.50"
    lab.assert_reaches("bob", "ada", "10.77.0.1")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_ends_plugind_with_status_0_and_containers_keep_their_network(steady_lab, number):
    lab = steady_lab
    lab.network("lan")
    lab.container("ada", "lan")
    lab.container("bob", "lan")
    os.kill(lab.plugind.pid, number)
    assert lab.plugind.process.wait(timeout=20) == 0
    assert not lab.plugind.socket.exists()
    lab.assert_reaches("ada", lab.address("bob", "lan"))
    lab.plugind.start()
