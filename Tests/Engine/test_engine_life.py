# SPDX-License-Identifier: Apache-2.0
"""The engine ends, is killed, comes back, and so does its host, with plugind there, late or killed in between: the
containers that should run do, with their addresses, and in the end nothing is left, on the host and in plugind's
store."""

import contextlib
import json
import re
import sqlite3
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingUnixStreamServer

import pytest

import measured
from conftest import unavailable, versions
from engine import Engine, Unavailable
from lab import Lab, wait_until
from plugind import ActivatedPlugind, Plugind

TABLES = ("network", "endpoint", "pool", "address", "rest", "reservation")
LIVE_RESTORE = "--live-restore"


@pytest.fixture(scope="module", params=["installed", "sid"])
def host(request, binary):
    """A host of its own for this file, since it is not only used but also killed."""
    with tempfile.TemporaryDirectory(prefix="plugind-life-", ignore_cleanup_errors=True) as directory:
        try:
            engine = Engine(request.param, f"{directory}/{request.param}")
        except Unavailable as reason:
            unavailable[request.param] = str(reason)
            pytest.skip(f"engine '{request.param}': {reason}")
        versions[request.param] = engine.version
        host = Host(engine)
        try:
            host.warm_up()
            yield host
        finally:
            host.plugind.stop()
            engine.stop()


@pytest.fixture
def plugind(host):
    """What a failed test shows the last lines of."""
    host.recover()
    return host.plugind


@pytest.fixture
def town(host, plugind):
    town = Town(host)
    yield town
    town.close()


class Refusal(BaseHTTPRequestHandler):
    """What the engine does about an error in a teardown call is what it does about a plugin that is gone for good: it
    logs it and forgets the object. But it does so at once, not after its 15 seconds of retries."""

    def do_POST(self):
        body = json.dumps({"Err": "refused", "Error": "refused"}).encode()
        self.send_response(500)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "engine"

    def log_message(self, *_):
        pass


class Host:
    """An engine and the plugind next to it, each of which can go and come back."""

    def __init__(self, engine):
        self.engine = engine
        self.options = []
        self.dockerd_runs = True
        self.plugind = None
        self.use(Plugind)
        self.plugind.start()

    def use(self, kind):
        """Has plugind run as it is, or behind a launcher."""
        self.plugind = kind(
            "/run/docker/plugins", "/run/engine/state", self.engine.directory / "plugind.log", self.engine.namespaces,
            seen_as=self.engine.directory / "plugins")

    def warm_up(self):
        """What first networks and a first restart bring along for good (chains of the packet filter) is no leftover."""
        lab = Lab(self.engine, self.plugind)
        lab.container("first", lab.network("warm-up", "--ipv6"))
        lab.container("second", lab.network("built-in", driver="bridge"))
        lab.remove_containers()
        lab.remove_networks()
        self.restart_with()

    def recover(self):
        """Whatever a test left: dockerd and plugind run again, plugind without a launcher."""
        if not self.plugind.is_running() or type(self.plugind) is not Plugind:
            self.plugind.stop()
            self.use(Plugind)
            self.plugind.start()
        if not self.dockerd_runs:
            self.start()

    def start(self):
        took = self.engine.start_daemon(*self.options)
        self.dockerd_runs = True
        return took

    def end(self, how):
        self.dockerd_runs = False
        getattr(self.engine, f"{how}_daemon")()

    def restart_with(self, *options):
        """Has dockerd run with these options."""
        if self.options != list(options) or not self.dockerd_runs:
            self.end("stop")
            self.options = list(options)
            self.start()

    @contextlib.contextmanager
    def starting(self):
        """dockerd is asked to start before, and answers after, what is done inside of this; the seconds it took."""
        self.mark_log()
        took = []
        with beside(lambda: took.append(self.start())):
            yield took

    def note(self, text):
        measured.lines.append(f"Docker {self.engine.version}: {text}")

    def measured_start(self, circumstances, took):
        measured.seconds(f"start of dockerd {self.engine.version}, {circumstances}", took)

    def mark_log(self):
        self.log_begins = len(self.log())

    def log(self):
        return (self.engine.directory / "dockerd.log").read_text(errors="replace")

    def wait_for_retry(self):
        """Until the engine has found that plugind is not there, and waits before it tries again."""
        wait_until(lambda: "retrying in" in self.log()[self.log_begins:], "the engine to miss plugind", 30)

    @contextlib.contextmanager
    def refusing(self):
        """Something that answers every call with an error is in plugind's place."""
        self.plugind.stop()
        with ThreadingUnixStreamServer(str(self.plugind.socket), Refusal) as server:
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            yield
            server.shutdown()
            thread.join()
        self.plugind.start()

    def crash(self):
        self.dockerd_runs = False
        self.engine.crash_host()
        self.plugind.process.wait()

    def boot(self, kind=Plugind):
        self.engine.boot()
        self.use(kind)

    def store(self, table):
        with contextlib.closing(
                sqlite3.connect(f"file:{self.engine.directory}/state/plugind.db?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(f"SELECT * FROM {table}")]


class Town(Lab):
    """Two networks and containers of all restart policies."""

    # name: networks, restart policy, options
    PEOPLE = {
        "ada": (["lan"], "always", ["--ip", "10.77.0.50", "--ip6", "fd77::50"]),
        "bob": (["lan"], "unless-stopped", []),
        "cleo": (["lan", "yard"], "always", []),
        "dora": (["lan"], "no", ["--ip", "10.77.0.60"]),
        "eve": (["yard"], "no", []),
        "fred": (["yard"], "unless-stopped", []),
    }
    FIXED = {"ada": "10.77.0.50", "dora": "10.77.0.60"}
    STOPPED_BY_HAND = {"fred"}

    def __init__(self, host):
        self.host = host
        super().__init__(host.engine, host.plugind)

    def look(self):
        """Without what differs from boot to boot: numbers of namespaces, link-layer address of the engine's bridge, and
        who switched forwarding on: the engine then has its policy in FORWARD, plugind its guard."""
        state = Counter()
        for line, count in super().look().items():
            line = re.sub("^namespace [0-9]+$", "namespace", line)
            line = re.sub('("name": "FORWARD", "policy": )"(accept|drop)"', r"\1…", line)
            if '"name": "guard"' in line:
                line = re.sub(r'"elem": \[\[.*\]\], ', "", line)
            line = re.sub(r"^(link docker0 .*)(\b[0-9a-f]{2}:){5}[0-9a-f]{2}", r"\1", line)
            state[line] += count
        return state

    def build(self):
        self.network("lan", "--subnet", "10.77.0.0/24", "--ipv6", "--subnet", "fd77::/64")
        self.network("yard")
        for name, (networks, policy, options) in self.PEOPLE.items():
            self.docker("create", *self.run_arguments(name, networks[0], "--restart", policy, *options)[2:])
            for network in networks[1:]:
                self.docker("network", "connect", network, name)
            self.docker("start", name)
        for name in self.STOPPED_BY_HAND:
            self.docker("stop", name)
        assert self.running() == set(self.PEOPLE) - self.STOPPED_BY_HAND

    def running(self):
        return set(self.engine.docker("ps", "--format", "{{.Names}}").split())

    def those_with_policy(self, *policies):
        return {name for name, (_, policy, _) in self.PEOPLE.items() if policy in policies} - self.STOPPED_BY_HAND

    def check(self, expected):
        """Exactly these run, have their addresses, are reached, and plugind knows them and nobody else."""
        wait_until(lambda: self.running() >= expected, f"{sorted(expected)} to run", 30)
        assert self.running() == expected
        people = self.networks_of(expected)
        for name in expected & set(self.FIXED):
            assert people[name]["lan"]["IPAddress"] == self.FIXED[name]
        self.assert_nothing_is_given_twice(people)
        endpoints = [endpoint for networks in people.values() for endpoint in networks.values()]
        # Rows of endpoints go a moment after the answer.
        ids = sorted(endpoint["EndpointID"] for endpoint in endpoints)
        wait_until(lambda: sorted(row["id"] for row in self.host.store("endpoint")) == ids,
                   "plugind to know these endpoints and no other")
        gateways = 3
        assert len(self.host.store("address")) == gateways + sum(
            bool(endpoint[key]) for endpoint in endpoints for key in ("IPAddress", "GlobalIPv6Address"))
        self.assert_they_reach_each_other(people)

    def start_the_rest(self, everybody):
        """Starts those who do not come back by themselves."""
        for name in sorted(everybody - self.running()):
            self.docker("start", name)
        self.check(everybody)

    def networks_of(self, names):
        """Of each container, its endpoint on each of its networks."""
        inspected = json.loads(self.engine.docker("inspect", *sorted(names))) if names else []
        return {container["Name"].lstrip("/"): container["NetworkSettings"]["Networks"] for container in inspected}

    @staticmethod
    def assert_nothing_is_given_twice(people):
        endpoints = [endpoint for networks in people.values() for endpoint in networks.values()]
        for key in ("EndpointID", "IPAddress", "GlobalIPv6Address", "MacAddress"):
            given = [endpoint[key] for endpoint in endpoints if endpoint[key]]
            assert len(given) == len(set(given)), f"{key} was given twice: {sorted(given)}"

    def assert_they_reach_each_other(self, people):
        """On each network, each container reaches the next one, in a ring."""
        for network in {network for networks in people.values() for network in networks}:
            there = sorted(name for name in people if network in people[name])
            for source, target in zip(there, there[1:] + there[:1]):
                if source != target:
                    self.assert_reaches_at_all_addresses(source, target, people[target][network])

    def assert_reaches_at_all_addresses(self, source, target, endpoint):
        """By name and by address, in one command, since there are many of them."""
        targets = [f"-4 {target}", f"-4 {endpoint['IPAddress']}"]
        if endpoint["GlobalIPv6Address"]:
            targets += [f"-6 {target}", f"-6 {endpoint['GlobalIPv6Address']}"]
        ping = "busybox ping -c 1 -W 1 $target"
        self.exec(source, "sh", "-c", f"for target; do {ping} || {ping} || exit; done", "sh", *targets)

    def assert_reaches_without_engine(self, pids, source, target):
        self.on_host("nsenter", "--target", str(pids[source]), "--net", "busybox", "ping", "-c", "1", "-W", "3", target)

    def close(self):
        super().close()
        left = {table: self.host.store(table) for table in TABLES}
        assert not any(left.values()), f"plugind's store is not empty: {left}"


@contextlib.contextmanager
def beside(work):
    """Does the work at the same time as what is inside of this, and waits for its end."""
    with ThreadPoolExecutor(1) as pool:
        done = pool.submit(work)
        yield
        done.result()


@pytest.mark.ways("options", "how", "meanwhile")
@pytest.mark.parametrize("meanwhile", ["plugind stays", "plugind late", "plugind killed"])
@pytest.mark.parametrize("how", ["stop", "kill"])
@pytest.mark.parametrize("options", [[], [LIVE_RESTORE]], ids=["containers end", "live-restore"])
def test_containers_are_as_they_should_be_after_the_engine_comes_back(host, town, options, how, meanwhile):
    host.restart_with(*options)
    town.build()
    everybody = town.running()
    pids = {name: town.inspect(name)["State"]["Pid"] for name in everybody}
    host.end(how)
    if meanwhile == "plugind killed":
        host.plugind.kill()
    elif meanwhile == "plugind late":
        assert host.plugind.stop() == 0
    if options:
        # No engine, perhaps no plugind: what was there works.
        town.assert_reaches_without_engine(pids, "bob", "10.77.0.50")
    with host.starting() as took:
        if meanwhile == "plugind late":
            host.wait_for_retry()
        if meanwhile != "plugind stays":
            host.plugind.start()
    host.measured_start(meanwhile, took[0])
    if options:
        expected = everybody
    elif how == "stop":
        expected = town.those_with_policy("always", "unless-stopped")
    else:
        # An engine that was killed ends, when it starts, the containers that outlived it, and takes that for a stop by
        # hand. It is so with its built-in network, too.
        expected = town.those_with_policy("always")
    town.check(expected)
    town.start_the_rest(everybody)


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_links_that_the_engine_does_not_know_outlive_it(host, town, how):
    """One in each container: engine 28.5.2 ends with `close of closed channel` when a second one leaves a sandbox that
    it has restored (RemoveInterface in libnetwork/osl/interface_linux.go)."""
    host.restart_with(LIVE_RESTORE)
    town.network("lan", "--subnet", "10.77.0.0/24", "--ipv6", "--subnet", "fd77::/64", "-o", "plugind.attach=direct")
    everybody = {"ada", "bob", "cleo"}
    for name in everybody:
        town.container(name, "lan", *(["--ip", "10.77.0.50"] if name == "ada" else []))
    before = town.networks_of(everybody)
    pids = {name: town.inspect(name)["State"]["Pid"] for name in everybody}
    host.end(how)
    host.plugind.kill()
    town.assert_reaches_without_engine(pids, "bob", "10.77.0.50")
    with host.starting():
        host.plugind.start()
    assert town.running() == everybody and town.networks_of(everybody) == before
    town.assert_they_reach_each_other(before)
    town.docker("restart", "ada")
    town.docker("rm", "--force", "bob")
    town.docker("network", "disconnect", "lan", "cleo")
    wait_until(lambda: list(town.links_inside("cleo")) == ["lo"], "the link to be gone")
    assert town.running() == {"ada", "cleo"} and town.address("ada", "lan") == "10.77.0.50"
    town.container("dora", "lan")
    town.assert_they_reach_each_other(town.networks_of({"ada", "dora"}))


@pytest.mark.ways("order")
@pytest.mark.parametrize("order", ["plugind first", "plugind late", "socket activation"])
def test_a_host_comes_back_after_it_lost_its_power(host, town, order):
    host.restart_with()
    town.build()
    everybody = town.running()
    host.crash()
    host.boot(ActivatedPlugind if order == "socket activation" else Plugind)
    town.plugind = host.plugind
    if order != "plugind late":
        host.plugind.start()
    with host.starting() as took:
        if order == "plugind late":
            host.wait_for_retry()
            host.plugind.start()
    host.measured_start(f"host booted, {order}", took[0])
    town.check(town.those_with_policy("always", "unless-stopped"))
    town.start_the_rest(everybody)
    # The packet filter was empty after the boot: what the first built-in network brings along was there before.
    town.container("guest", town.network("built-in", driver="bridge"))


@pytest.mark.one_engine
def test_nothing_is_given_twice_when_plugind_is_killed_again_and_again_while_the_engine_stops_and_starts(
        host, town):
    host.restart_with()
    town.build()
    expected = town.those_with_policy("always", "unless-stopped")
    with beside(lambda: host.end("stop")):
        for _ in range(3):
            host.plugind.kill_and_start()
    with host.starting():
        for _ in range(6):
            host.plugind.kill_and_start()
    # A call that was cut off after its body was sent is repeated without it, and fails.
    up = town.running()
    people = town.networks_of(up)
    town.assert_nothing_is_given_twice(people)
    known = {row["id"] for row in host.store("endpoint") if row["phase"] != "deleting"}
    used = {endpoint["EndpointID"] for networks in people.values() for endpoint in networks.values()}
    assert used <= known
    host.note(f"plugind killed again and again, {len(up)} of {len(expected)} containers came back; it has "
              f"{len(known - used)} endpoints that the engine has not deleted")
    town.assert_they_reach_each_other(people)


def test_a_removal_that_begins_while_plugind_is_down_is_complete_once_it_is_back(host, town):
    host.restart_with()
    town.network("lan", "--subnet", "10.77.0.0/24", "--ipv6", "--subnet", "fd77::/64")
    town.container("ada", "lan")
    for command in ["rm", "--force", "ada"], ["network", "rm", "lan"]:
        host.plugind.kill()
        host.mark_log()
        with beside(lambda: town.docker(*command)):
            host.wait_for_retry()
            host.plugind.start()
    # close() finds nothing left, on the host and in the store.


def test_what_is_removed_behind_pluginds_back_is_freed_with_its_network(host, town):
    host.restart_with()
    town.network("lan", "--subnet", "10.77.0.0/24", "--ipv6", "--subnet", "fd77::/64")
    town.container("ada", "lan", "--ip", "10.77.0.50")
    town.container("bob", "lan")
    with host.refusing():
        town.docker("rm", "--force", "ada")
    assert len(host.store("endpoint")) == 2
    words = town.refused(*town.run_arguments("ada", "lan", "--ip", "10.77.0.50"))
    host.note(f"an address that was released while plugind refused everything: {words.splitlines()[0]}")
    assert "10.77.0.50" in words and "taken" in words
    town.remove_containers()
    town.container("cleo", "lan")
    town.remove_containers()
    # close() removes the network, and with it what was left.


def test_a_network_removed_behind_pluginds_back_stays(host, town):
    host.restart_with()
    town.network("lan", "--subnet", "10.77.0.0/24")
    network = town.inspect("lan")["Id"]
    with host.refusing():
        town.docker("network", "rm", "lan")
    words = town.refused("network", "create", "--driver", "plugind", "--ipam-driver", "plugind",
                         "--subnet", "10.77.0.0/24", "lan")
    host.note(f"a subnet that was released while plugind refused everything: {words}")
    assert "overlaps" in words
    [pool] = host.store("pool")
    assert host.plugind.call("/IpamDriver.ReleasePool", {"PoolID": pool["id"]})[0] == 200
    assert host.plugind.call("/NetworkDriver.DeleteNetwork", {"NetworkID": network})[0] == 200


@pytest.mark.one_engine
def test_an_engine_starts_without_plugind_if_late_and_its_containers_can_be_started_by_hand(host, town):
    host.restart_with()
    town.network("lan")
    town.container("ada", "lan", "--restart", "always")
    host.end("stop")
    with host.starting() as took:
        pass
    with_plugind = took[0]
    wait_until(lambda: town.running() == {"ada"}, "ada to run")
    host.end("stop")
    host.plugind.stop()
    with host.starting() as took:
        pass
    state = town.inspect("ada")["State"]
    host.note(f"with one network and one container dockerd started in {with_plugind:.1f} s with plugind, in "
              f"{took[0]:.1f} s without; the container is {state['Status']}: {state['Error']}")
    host.plugind.start()
    town.docker("start", "ada")
    town.container("bob", "lan")
    town.assert_they_reach_each_other(town.networks_of(["ada", "bob"]))
