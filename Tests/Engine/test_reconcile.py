# SPDX-License-Identifier: Apache-2.0
"""A thousand endpoints, found as they were, damaged, or gone, when plugind starts, which is alone in its namespace."""

import re
import subprocess
import time

import pytest

import hoststate
import measured
from lab import wait_until
from plugind import Connection, Plugind

# An engine's chain, so that each bridge has its rule.
PREPARE = "ip link set lo up; " + "; ".join(f"nft '{command}'" for family in ("ip", "ip6") for command in (
    f"add table {family} filter", f"add chain {family} filter DOCKER-USER"))
NETWORKS = 10
ENDPOINTS = 100


@pytest.fixture
def namespace():
    holder = subprocess.Popen(["unshare", "--net", "sh", "-c", f"{PREPARE}; echo; exec sleep infinity"],
                              stdout=subprocess.PIPE)
    holder.stdout.readline()
    yield ["nsenter", "--target", str(holder.pid), "--net", "--"]
    # Its links go with it, together: one by one would take half a minute.
    holder.kill()
    holder.wait()


@pytest.fixture
def plugind(binary, namespace, tmp_path):
    plugind = Plugind(tmp_path / "plugins", tmp_path / "state", tmp_path / "plugind.log", namespace, log_level="info")
    plugind.start()
    yield plugind
    assert plugind.stop() == 0, "plugind does not end with status 0 on SIGTERM"


def inhabit(plugind):
    def call(path, request):
        status, answer = connection.call(path, request)
        assert status == 200, f"{path} is answered {status}: {answer}"

    with Connection(plugind.socket) as connection:
        for network in range(NETWORKS):
            name = {"NetworkID": f"{network:012x}" + "a" * 52}
            call("/NetworkDriver.CreateNetwork", {
                **name, "Options": {}, "IPv6Data": [],
                "IPv4Data": [{"Pool": f"10.{network}.0.0/24", "Gateway": f"10.{network}.0.1/24"}]})
            for endpoint in range(ENDPOINTS):
                call("/NetworkDriver.CreateEndpoint", {
                    **name, "EndpointID": f"{network * ENDPOINTS + endpoint:012x}" + "b" * 52, "Options": {},
                    "Interface": {"Address": f"10.{network}.0.{endpoint + 2}/24", "AddressIPv6": "", "MacAddress": ""}})


DAMAGE = {
    "nothing wrong": lambda links: [],
    "every port out": lambda links: [f"link set {link} nomaster" for link in links if link.startswith("pdh")],
    "every port out, down and of another MTU": lambda links: [
        f"link set {link} nomaster mtu 1400 down" for link in links if link.startswith("pdh")],
    "every bridge gone": lambda links: [f"link delete {link}" for link in links if link.startswith("br-")],
}


def test_a_thousand_endpoints_are_as_they_were_after_a_restart(plugind, namespace, tmp_path):
    inhabit(plugind)
    before = look(namespace)
    links = [line.split()[1] for line in before if line.startswith("link ")]
    assert len(links) == NETWORKS + 2 * NETWORKS * ENDPOINTS + 1  # and the loopback
    for name, commands in DAMAGE.items():
        plugind.kill()
        batch = tmp_path / "batch"
        batch.write_text("\n".join(commands(links)))
        subprocess.run([*namespace, "ip", "-batch", batch], check=True, timeout=60)
        seen = len(reconciliations(plugind))
        begin = time.monotonic()
        plugind.start()
        # Unlike the first answer, this one is the driver's.
        assert plugind.call("/NetworkDriver.Leave", {"NetworkID": "f" * 64, "EndpointID": "f" * 64})[0] == 200
        seconds = time.monotonic() - begin
        # It serves after a second and a half, whether or not it is ready.
        wait_until(lambda: len(reconciliations(plugind)) > seen, "plugind to reconcile")
        line = reconciliations(plugind)[-1]
        assert f"endpoints={NETWORKS * ENDPOINTS}" in line and "left=0" in line, line
        measured.seconds(f"{NETWORKS * ENDPOINTS} endpoints reconciled, {name}", duration(line))
        measured.seconds(f"{NETWORKS * ENDPOINTS} endpoints, {name}: from start to first answer", seconds)
        assert look(namespace) == before


def reconciliations(plugind):
    return re.findall(r"Reconciled .*", plugind.log.read_text())


def look(namespace):
    """Without what the kernel makes and takes with a port's carrier in its own time."""
    state = hoststate.read(namespace, with_engine=False)
    return {line: count for line, count in state.items() if "fe80:" not in line and " multicast " not in line}


def duration(line):
    return float(re.search(r'duration="([0-9.e-]+) seconds"', line)[1])
