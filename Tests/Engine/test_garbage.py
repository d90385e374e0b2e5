# SPDX-License-Identifier: Apache-2.0
"""Garbage: what an engine that lost an answer leaves behind goes, and nothing else does."""

import contextlib
import secrets
import sqlite3

import pytest

import hoststate
from lab import wait_until

GATEWAY = {"RequestAddressType": "com.docker.network.gateway"}
ENGINE_SOCKET = "/run/engine/docker.sock"


@pytest.fixture
def town(steady_lab):
    """A bit of everything that is in use."""
    lab = steady_lab
    lab.network(
        "lan", "--ipv6", "--subnet", "10.77.0.0/24", "--subnet", "fd77::/64", "--aux-address", "router=10.77.0.9")
    lab.container("ada", "lan")
    lab.container("bob", "lan", "--ip", "10.77.0.50", "--ip6", "fd77::50")
    lab.container("stopped", "lan", "--ip", "10.77.0.60")
    lab.docker("stop", "stopped")
    lab.network("empty")
    lab.network("internal", "--internal")
    lab.container("cleo", "internal")
    # plugind as IPAM alone: no endpoint of its driver speaks for these addresses.
    lab.network("built-in", "--subnet", "10.78.0.0/24", "--aux-address", "printer=10.78.0.7", driver="bridge")
    lab.container("dora", "built-in")
    lab.container("emil", "built-in", "--ip", "10.78.0.50")
    lab.network("built-in-empty", driver="bridge")
    # As driver alone.
    lab.network("other-ipam", "--subnet", "10.79.0.0/24", ipam="default")
    lab.container("finn", "other-ipam")
    # Somebody else's.
    lab.on_host("ip", "link", "add", "br-bystander", "type", "bridge")
    lab.on_host("ip", "address", "add", "10.80.0.1/24", "dev", "br-bystander")
    # The kernel adds routes when it has found that nobody else has a link's own address.
    wait_until(lambda: not lab.on_host("ip", "-6", "address", "show", "tentative"), "the links' own addresses")
    yield lab
    lab.on_host("ip", "link", "delete", "br-bystander")


def assert_town_is_well(lab):
    lab.assert_reaches("ada", "bob", "10.77.0.50", "fd77::50", "10.77.0.1")
    lab.assert_reaches("dora", "emil", "10.78.0.50", "10.78.0.1")
    lab.assert_reaches("finn", "10.79.0.1")
    lab.docker("start", "stopped")
    assert lab.address("stopped", "lan") == "10.77.0.60"
    lab.assert_reaches("stopped", "ada")
    for network in ("empty", "built-in-empty"):
        lab.container(f"in-{network}", network)
        lab.docker("rm", "--force", f"in-{network}")
    given = [lab.address(name, "lan") for name in ("ada", "bob", "stopped")]
    lab.container("late", "lan")
    assert lab.address("late", "lan") not in given + ["10.77.0.1", "10.77.0.9"]


@contextlib.contextmanager
def collecting(lab, mode, *options):
    """plugind starts anew with garbage collection, and without in the end."""
    command = list(lab.plugind.command)
    lab.plugind.stop()
    lab.plugind.command += ["--gc", mode, "--gc-grace", "2s", *options]
    lab.plugind.start()
    try:
        yield
    finally:
        lab.plugind.stop()
        lab.plugind.command[:] = command
        lab.plugind.start()


def asking(socket=ENGINE_SOCKET):
    return "--engine-socket", socket


class Loser:
    """An engine that makes calls and forgets them."""

    def __init__(self, lab):
        self.lab = lab

    def call(self, method, **request):
        status, answer = self.lab.plugind.call(f"/{method}", request)
        assert status == 200, answer
        return answer

    def pool(self, prefix):
        answer = self.call(
            "IpamDriver.RequestPool", AddressSpace="plugind-local", Pool=prefix, SubPool="", Options={}, V6=False)
        return answer["PoolID"]

    def address(self, pool, address="", options=None):
        return self.call("IpamDriver.RequestAddress", PoolID=pool, Address=address, Options=options)["Address"]

    def network(self, prefix):
        pool = self.pool(prefix)
        identifier = secrets.token_hex(32)
        self.call(
            "NetworkDriver.CreateNetwork", NetworkID=identifier, Options={"com.docker.network.generic": {}},
            IPv4Data=[{
                "AddressSpace": "plugind-local", "Pool": prefix, "Gateway": self.address(pool, options=GATEWAY)}],
            IPv6Data=[])
        return pool, identifier

    def endpoint(self, pool, network):
        identifier = secrets.token_hex(32)
        interface = {"Address": self.address(pool), "AddressIPv6": "", "MacAddress": ""}
        self.call(
            "NetworkDriver.CreateEndpoint", NetworkID=network, EndpointID=identifier, Interface=interface, Options={})
        return identifier

    def dead_endpoint(self, pool, network):
        """One whose container died: the namespace is gone, and the pair with it."""
        identifier = self.endpoint(pool, network)
        self.call(
            "NetworkDriver.Join", NetworkID=network, EndpointID=identifier,
            SandboxKey=f"/var/run/docker/netns/{identifier[:12]}", Options={})
        self.lab.on_host("ip", "link", "delete", f"pdh{identifier[:12]}")
        return identifier

    def stray_bridge(self):
        identifier = secrets.token_hex(32)
        self.tagged(f"br-{identifier[:12]}", f"plugind:network:{identifier}", "bridge")
        return f"br-{identifier[:12]}"

    def stray_pair(self):
        identifier = secrets.token_hex(32)
        self.tagged(
            f"pdh{identifier[:12]}", f"plugind:endpoint:{identifier}", "veth", "peer", "name", f"pds{identifier[:12]}")
        return f"pdh{identifier[:12]}"

    def tagged(self, name, alias, *kind):
        self.lab.on_host("ip", "link", "add", name, "type", *kind)
        self.lab.on_host("ip", "link", "set", name, "alias", alias)

    def lose_everything(self):
        """One of each kind; what the audit log will call them."""
        network = self.lab.inspect("lan")["Id"]
        pool = "plugind-local/10.77.0.0/24"
        leaked = self.address(pool, "10.77.0.99").split("/")[0]
        other = self.address("plugind-local/10.78.0.0/24", "10.78.0.99").split("/")[0]
        waiting = self.endpoint(pool, network)
        dead = self.dead_endpoint(pool, network)
        lost_pool = self.pool("10.99.0.0/24")
        self.address(lost_pool, options=GATEWAY)
        _, lost_network = self.network("10.98.0.0/24")
        inside = self.endpoint("plugind-local/10.98.0.0/24", lost_network)
        return {
            f"address {leaked} of pool {pool}", f"address {other} of pool plugind-local/10.78.0.0/24",
            f"endpoint {waiting}", f"endpoint {dead}", f"endpoint {inside}", f"pool {lost_pool}",
            f"network {lost_network}", f"link {self.stray_bridge()}", f"link {self.stray_pair()}"}


def database(lab):
    path = lab.engine.directory / "state" / "plugind.db"
    return contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True))


def stored(lab):
    """Everything that plugind has stored, without the audit log."""
    with database(lab) as connection:
        return {
            table: sorted(connection.execute(f"SELECT * FROM {table}"))
            for table in ("network", "endpoint", "pool", "address")}


def audit(lab, since=0):
    """What the audit log has of garbage: number, subject, decision, reason. IPAM's lines tell what engines did."""
    with database(lab) as connection:
        return list(connection.execute(
            "SELECT id, subject, decision, reason FROM audit WHERE id > ? AND decision IN "
            "('freeing', 'freed', 'kept', 'not freed', 'would free', 'will be finished') ORDER BY id", [since]))


def last_line(lab):
    return max((number for number, *_ in audit(lab)), default=0)


def subjects(lines, decision):
    return [subject for _, subject, word, _ in lines if word == decision]


def wait_a_grace_period(lab):
    """Until something that was lost just now is freed: whatever was garbage before is gone by then, too."""
    Loser(lab).address("plugind-local/10.77.0.0/24", "10.77.0.111")
    wait_until(
        lambda: not any("10.77.0.111" in row for row in stored(lab)["address"]), "a lost address to be freed", 30)


@pytest.mark.one_engine
def test_garbage_goes_and_nothing_else(town):
    lab = town
    store, host, line = stored(lab), lab.look(), last_line(lab)
    lost = Loser(lab).lose_everything()
    assert stored(lab) != store and lab.look() != host
    with collecting(lab, "on", *asking()):
        # A pool is garbage once its network is gone, an address once its endpoint is, each after a period of its own.
        wait_until(lambda: stored(lab) == store, "what was lost to be freed", 60)
        hoststate.assert_same(host, lab.look)
        wait_a_grace_period(lab)
        assert stored(lab) == store
        # What became of an intent is written down after it was carried out.
        wait_until(
            lambda: sorted(subjects(audit(lab, line), "freed")) == sorted(subjects(audit(lab, line), "freeing")),
            "each intent to be carried out, once")
        lines = audit(lab, line)
        freed = subjects(lines, "freed")
        assert lost <= set(freed)
        assert len(freed) == len(set(freed))
        assert subjects(lines, "kept") == subjects(lines, "not freed") == []
        assert_town_is_well(lab)
        lab.remove_containers()
        lab.remove_networks()
    assert not any(stored(lab).values())


def free_everything(lab, store):
    """Leaves nothing to the next test but what was stored before."""
    with collecting(lab, "on", *asking()):
        wait_until(lambda: stored(lab) == store, "what was lost to be freed", 60)


@pytest.mark.one_engine
def test_a_report_says_what_would_be_freed_and_frees_nothing(town):
    lab = town
    clean, line = stored(lab), last_line(lab)
    lost = Loser(lab).lose_everything()
    store, host = stored(lab), lab.look()
    with collecting(lab, "report", *asking()):
        wait_until(lambda: len(subjects(audit(lab, line), "would free")) >= len(lost), "the report", 30)
        assert sorted(subjects(audit(lab, line), "would free")) == sorted(lost)
        assert {word for _, _, word, _ in audit(lab, line)} == {"would free"}
        assert stored(lab) == store
        hoststate.assert_same(host, lab.look)
    free_everything(lab, clean)
    assert_town_is_well(lab)


@pytest.mark.one_engine
def test_without_an_engine_to_ask_only_what_lost_link_and_sandbox_goes(town):
    lab = town
    clean, line = stored(lab), last_line(lab)
    loser = Loser(lab)
    loser.lose_everything()
    dead = loser.dead_endpoint("plugind-local/10.77.0.0/24", lab.inspect("lan")["Id"])
    with collecting(lab, "on"):
        wait_until(
            lambda: f"endpoint {dead}" in subjects(audit(lab, line), "freed"), "the dead endpoint to be freed", 30)
        wait_until(
            lambda: any("10.77.0.99" in subject for subject in subjects(audit(lab, line), "kept")), "the decision", 30)
    freed = subjects(audit(lab, line), "freed")
    assert all(subject.startswith("endpoint") for subject in freed) and len(freed) == 2
    assert all("engine-socket is not set" in reason for _, _, word, reason in audit(lab, line) if word == "kept")
    # An engine that is not there is one that knows everything.
    with collecting(lab, "on", *asking("/run/engine/nobody.sock")):
        wait_until(lambda: "Cannot tell what is garbage" in lab.plugind.log.read_text(), "the warning")
        wait_until(
            lambda: any("No such file or directory" in reason for *_, reason in audit(lab, line)), "the decision", 30)
    assert subjects(audit(lab, line), "freed") == freed
    free_everything(lab, clean)
    assert_town_is_well(lab)


@pytest.mark.one_engine
def test_containers_that_come_and_go_are_never_taken_for_garbage(steady_lab):
    lab = steady_lab
    lab.network("lan", "--subnet", "10.77.0.0/24")
    lab.network("built-in", "--subnet", "10.78.0.0/24", driver="bridge")
    line = last_line(lab)
    # A period of a second, and a pass ten times in it, while endpoints are made, joined, left and deleted.
    with collecting(lab, "on", "--gc-grace", "1s", *asking()):
        for number in range(6):
            network = ("lan", "built-in")[number % 2]
            lab.container("ada", network)
            lab.container("bob", network)
            lab.docker("restart", "ada")
            lab.assert_reaches("bob", "ada")
            lab.docker("rm", "--force", "ada")
            lab.docker("rm", "--force", "bob")
    assert audit(lab, line) == []
