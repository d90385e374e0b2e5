# SPDX-License-Identifier: Apache-2.0
"""Somebody else changes what plugind made, while containers talk to each other."""

import contextlib
import os
import re
import signal
import subprocess
import time

import pytest

import measured
from conftest import open_lab
from lab import wait_until

OPTIONS = ["--ipv6", "--subnet", "10.77.0.0/24", "--subnet", "fd77::/64"]


@pytest.fixture(scope="class")
def pair(engine, plugind):
    """Two containers that ping each other all the time. One lab for all: what is damaged is put back each time."""
    labs = open_lab(engine, plugind, kills_plugind=False)
    lab = next(labs)
    lab.network("lan", *OPTIONS)
    lab.container("ada", "lan", "--ip", "10.77.0.50")
    lab.container("bob", "lan", "--ip", "10.77.0.51")
    lab.assert_reaches("ada", "bob", "bob/6")
    ping = subprocess.Popen(
        [*lab.engine.client, "exec", "ada", "ping", "-i", "0.1", "10.77.0.51"], stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    yield lab
    lab.exec("ada", "killall", "-INT", "ping")
    words, _ = ping.communicate(timeout=10)
    counts = next(line for line in words.splitlines() if "packets transmitted" in line)
    measured.lines.append(f"pings, ten a second, while everything was damaged: {counts}")
    assert " 0 packets received" not in counts
    with contextlib.suppress(StopIteration):
        next(labs)


def port(lab, container):
    """The host end of a container's link: the endpoint's id is in its name."""
    return "pdh" + lab.endpoint(container, "lan")["EndpointID"][:12]


DAMAGE = {
    "the bridge deleted": "ip link delete {bridge}",
    "the bridge down": "ip link set {bridge} down",
    "the bridge's MTU changed": "ip link set {bridge} mtu 1280",
    "the bridge's MTU changed to one without IPv6": "ip link set {bridge} mtu 1000",
    "the bridge's forwarding changed": "sysctl -q -w net.ipv4.conf.{bridge}.forwarding=0",
    "the bridge's MAC address changed": "ip link set {bridge} address 02:00:00:00:00:99",
    "the bridge renamed": "ip link set {bridge} name elsewhere",
    "the bridge's tag removed": "ip link set {bridge} alias ''",
    "the IPv4 gateway removed": "ip address delete 10.77.0.1/24 dev {bridge}",
    "the IPv6 gateway removed": "ip address delete fd77::1/64 dev {bridge}",
    "every address removed": "ip address flush dev {bridge}; ip -6 address add fe80::1/64 dev {bridge} nodad",
    "the IPv4 route removed": "ip route delete 10.77.0.0/24",
    "the IPv6 route removed": "ip -6 route delete fd77::/64",
    "a port pulled out": "ip link set {port} nomaster",
    "a port in another bridge": "ip link add elsewhere type bridge; ip link set {port} master elsewhere; "
                                "ip link delete elsewhere",
    "a port down": "ip link set {port} down",
    "a port's MTU changed": "ip link set {port} mtu 1280",
    "a port renamed": "ip link set {port} name elsewhere",
    "a port's tag removed": "ip link set {port} alias ''",
    "the bridge deleted and a port renamed": "ip link delete {bridge}; ip link set {port} name elsewhere",
    "the bridge renamed and its gateway removed":
        "ip link set {bridge} name elsewhere; ip address delete 10.77.0.1/24 dev elsewhere",
}


def look(lab):
    state = without_link_local(lab.look())
    bridge = lab.bridge("lan")
    for sysctl in ("ipv4/conf/{}/forwarding", "ipv6/conf/{}/forwarding", "ipv6/conf/{}/accept_ra",
                   "ipv6/conf/{}/disable_ipv6"):
        path = "/proc/sys/net/" + sysctl.format(bridge)
        state[f"{path} {lab.on_host('sh', '-c', f'cat {path} 2>/dev/null || true').strip()}"] = 1
    return state


def without_link_local(state):
    return {line: count for line, count in state.items() if " fe80:" not in line and " multicast " not in line
            and not line.startswith("route fe80")}


def names(state):
    return {" ".join(line.split()[:2]) for line in state if line.startswith("link ")}


def addresses(lab, container):
    """The container's links with their addresses, and its routes, without numbers that the kernel chose."""
    lines = lab.exec(container, "ip", "-o", "address").splitlines()
    text = sorted(" ".join(line.split()[1:4]) for line in lines if "fe80" not in line)
    return text, sorted(lab.exec(container, "ip", "route").split("\n"))


@pytest.mark.one_engine
class TestWhileContainersTalk:
    @pytest.mark.parametrize("damage", DAMAGE)
    def test_it_is_put_back(self, pair, damage):
        lab = pair
        before = look(lab)
        # With its process the fights are forgotten: five repairs a minute would be one.
        lab.plugind.kill_and_start()
        command = DAMAGE[damage].format(bridge=lab.bridge("lan"), port=port(lab, "bob"))
        # Of several commands the first would be put back before the next.
        with stopped(lab.plugind) if ";" in command else contextlib.nullcontext():
            lab.on_host("sh", "-c", command)
        begin = time.monotonic()
        wait_until(lambda: look(lab) == before, f"{damage} to be put back")
        measured.seconds("drift repaired", time.monotonic() - begin)
        measured.seconds(f"drift repaired, {damage}", time.monotonic() - begin)
        lab.assert_reaches("ada", "bob", "bob/6", "10.77.0.1", "fd77::1")
        lab.assert_host_reaches("10.77.0.50", "fd77::1")

    def test_a_deleted_port_is_put_back_with_its_link_in_the_container(self, pair):
        lab = pair
        lab.plugind.kill_and_start()
        before = {line for line in lab.look() if line.startswith("link ")}
        inside = addresses(lab, "bob")
        begin = time.monotonic()
        lab.on_host("ip", "link", "delete", port(lab, "bob"))
        wait_until(
            lambda: names(lab.look()) == {" ".join(line.split()[:2]) for line in before}, "the port to be put back")
        measured.seconds("drift repaired", time.monotonic() - begin)
        assert addresses(lab, "bob") == inside
        lab.assert_reaches("ada", "bob", "bob/6")
        lab.assert_reaches("bob", "ada", "10.77.0.1")
        # The engine finds the link where it left it.
        lab.docker("restart", "bob")
        lab.assert_reaches("ada", "bob", "bob/6")


def test_a_fight_ends_and_is_told_of(steady_lab):
    lab = steady_lab
    lab.network("lan", *OPTIONS)
    bridge = lab.bridge("lan")
    for _ in range(5):
        lab.on_host("ip", "link", "set", bridge, "mtu", "1280")
        wait_until(lambda: lab.host_link(bridge)["mtu"] == 1500, "the MTU to be put back")
    lab.on_host("ip", "link", "set", bridge, "mtu", "1280")
    wait_until(lambda: "Somebody keeps changing" in lab.plugind.last_lines(3), "plugind to say that it is a fight")
    time.sleep(0.5)
    assert lab.host_link(bridge)["mtu"] == 1280
    # Its fighter's name is known where the kernel tells it and the process still lives.
    assert "by=" in lab.plugind.last_lines(10)


def test_a_network_is_removed_whatever_somebody_did_to_its_bridge(steady_lab):
    lab = steady_lab
    for damage in ("ip link delete {0}", "ip link set {0} name elsewhere", "ip link set {0} alias ''"):
        lab.network("lan", *OPTIONS)
        with stopped(lab.plugind):
            lab.on_host("sh", "-c", damage.format(lab.bridge("lan")))
        bridge = f"link {lab.bridge('lan')} "
        wait_until(
            lambda: any(line.startswith(bridge) and "plugind:" in line for line in lab.look()), "the bridge to be back")
        lab.docker("network", "rm", "lan")


def test_changes_that_are_lost_make_plugind_look_at_everything(steady_lab):
    lab = steady_lab
    lab.network("lan", *OPTIONS)
    bridge = lab.bridge("lan")
    before = lab.look()
    with stopped(lab.plugind):
        # Each line is two notices, and the socket's buffer holds those of a few thousand.
        batch = "link add flood type bridge\n" + "".join(
            f"address {verb} 10.99.{number // 200}.{number % 200 + 1}/32 dev flood\n"
            for number in range(4000) for verb in ("add", "delete")) + "link delete flood\n"
        (lab.engine.directory / "flood").write_text(batch)
        lab.on_host("ip", "-batch", "/run/engine/flood")
        lab.on_host("ip", "address", "delete", "10.77.0.1/24", "dev", bridge)
    begin = time.monotonic()
    wait_until(lambda: lab.look() == before, "the gateway to be put back")
    measured.seconds("drift repaired after lost notices", time.monotonic() - begin)
    assert "some were lost" in lab.plugind.last_lines(20)


@contextlib.contextmanager
def stopped(plugind):
    """plugind does not run meanwhile, but lives."""
    os.kill(plugind.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        # The command that entered the namespaces for it stops with it.
        for pid in (plugind.process.pid, plugind.pid):
            os.kill(pid, signal.SIGCONT)


def test_rules_of_others_are_told_of_and_what_was_ours_is_back_at_once(steady_lab):
    lab = steady_lab
    lab.network("lan", *OPTIONS)
    before = lab.look()
    for line in ("flush chain inet plugind into", "delete table inet plugind", "flush set inet plugind bridges"):
        lab.on_host("nft", *line.split())
        wait_until(lambda: lab.look() == before, f"the rules to be back after {line}")
    assert re.search(r"Put back by=\S*nft.* count=\d+ what=rules", lab.plugind.log.read_text())


def test_a_signal_makes_plugind_look_at_everything(steady_lab):
    lab = steady_lab
    lab.network("lan", *OPTIONS)
    before = lab.look()
    os.kill(lab.plugind.pid, signal.SIGUSR1)
    wait_until(lambda: "Reconciled" in lab.plugind.last_lines(2), "everything to be looked at")
    assert "mended=0" in lab.plugind.last_lines(2)
    assert lab.look() == before
