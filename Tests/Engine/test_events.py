# SPDX-License-Identifier: Apache-2.0
"""`plugind events` of real containers, of repairs, and of a daemon that stops; `plugind pools exclude`, `include`."""

import contextlib
import json
import os
import signal
import subprocess
import tempfile

import pytest

from engine import run
from ipam import LonePlugind
from lab import wait_until
from plugind import BINARY, child


class Follower:
    """`plugind events --follow --json`, and what it has said."""

    def __init__(self, command):
        self.output = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [*command, "events", "--follow", "--since", "0", "--json"], stdin=subprocess.DEVNULL, stdout=self.output,
            stderr=subprocess.PIPE, text=True)

    def events(self, subject=""):
        self.output.seek(0)
        # The last line may not be whole yet.
        lines = self.output.read().split("\n")[:-1]
        return [event for event in map(json.loads, lines) if subject in event["subject"]]

    def kinds(self, subject=""):
        return [event["kind"] for event in self.events(subject)]

    def wait_for(self, kind, subject=""):
        wait_until(lambda: kind in self.kinds(subject), f"event {kind}", deadline=60)

    def signal(self, number):
        """To the command itself: what enters an engine's namespaces has it as a child."""
        os.kill(child(self.process.pid) or self.process.pid, number)

    def end(self):
        """Its exit status and what it said of its end."""
        _, error = self.process.communicate(timeout=60)
        return self.process.returncode, error

    def close(self):
        if self.process.poll() is None:
            self.signal(signal.SIGKILL)
            self.process.communicate(timeout=60)
        self.output.close()


@contextlib.contextmanager
def following(command):
    follower = Follower(command)
    try:
        yield follower
    finally:
        follower.close()


def of_engine(lab):
    command = lab.plugind.command
    return [*lab.engine.namespaces, "env",
            f"PLUGIND_CONTROL_SOCKET={command[command.index('--control-socket') + 1]}", BINARY]


def test_a_container_comes_and_goes(steady_lab):
    lab = steady_lab
    with following(of_engine(lab)) as follower:
        lab.network("lan", "--subnet", "10.87.0.0/24")
        lab.container("web", "lan", "--publish", "8087:80")
        network, endpoint = lab.inspect("lan")["Id"], lab.endpoint("web", "lan")
        lab.docker("rm", "--force", "web")
        lab.docker("network", "rm", "lan")
        subject = f"endpoint {endpoint['EndpointID']}"
        follower.wait_for("network.deleted", network)
        assert follower.kinds(subject) == [
            "endpoint.created", "endpoint.joined", "port.published", "port.withdrawn", "endpoint.left",
            "endpoint.deleted"]
        assert follower.kinds(f"network {network}") == ["network.created", "network.deleted"]
        address = f"address {endpoint['IPAddress']} of pool plugind-local/10.87.0.0/24"
        # The gateway's come before and after it.
        assert follower.kinds(address) == ["address.given", "address.released"]
        published = next(event for event in follower.events(subject) if event["kind"] == "port.published")
        assert "0.0.0.0:8087→80/tcp" in published["fields"]["ports"]
        serials = [event["serial"] for event in follower.events()]
        assert serials == list(range(serials[0], serials[0] + len(serials)))
        assert "events.lost" not in follower.kinds()
        # ^C.
        follower.signal(signal.SIGINT)
        assert follower.end() == (0, "")


def test_what_is_put_back_is_told(steady_lab):
    lab = steady_lab
    with following(of_engine(lab)) as follower:
        lab.network("lan", "--subnet", "10.87.0.0/24")
        lab.container("ada", "lan")
        network, bridge = f"network {lab.inspect('lan')['Id']}", lab.bridge("lan")
        lab.on_host("ip", "address", "delete", "10.87.0.1/24", "dev", bridge)
        follower.wait_for("repair.done", network)
        repair = next(event for event in follower.events(network) if event["kind"] == "repair.done")
        assert repair["fields"]["what"] == "address 10.87.0.1/24"


def test_excluded_addresses_are_given_to_no_container(steady_lab):
    lab = steady_lab
    command = of_engine(lab)
    lab.network("lan", "--subnet", "10.87.0.0/28")
    lab.container("ada", "lan", "--ip", "10.87.0.2")
    done = run(*command, "pools", "exclude", "10.87.0.0/28", "10.87.0.2-10.87.0.9", "10.87.0.12")
    assert done.returncode == 0, done.stderr
    assert "10.87.0.2 stays in use" in done.stdout
    # As many as there are: .1 is the gateway's.
    for name in ("bob", "cid", "dan", "eve"):
        lab.container(name, "lan")
        if name == "cid":
            lab.plugind.kill_and_start()
    given = {lab.address(name, "lan") for name in ("bob", "cid", "dan", "eve")}
    assert given == {"10.87.0.10", "10.87.0.11", "10.87.0.13", "10.87.0.14"}
    assert "no address is free" in lab.refused(*lab.run_arguments("fay", "lan"))
    done = run(*command, "pools", "include", "10.87.0.0/28", "10.87.0.5")
    assert done.returncode == 0, done.stderr
    lab.docker("rm", "--force", "fay")
    assert lab.address(lab.container("gus", "lan"), "lan") == "10.87.0.5"


# With plugind alone

@pytest.fixture
def lone(binary, tmp_path):
    plugind = LonePlugind(tmp_path)
    try:
        plugind.start()
        yield plugind
    finally:
        plugind.close()


def command_of(lone):
    return ["env", f"PLUGIND_CONTROL_SOCKET={lone.directory}/control.sock", BINARY]


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_a_follower_ends_with_the_daemon_and_says_so(lone, end):
    with following(command_of(lone)) as follower:
        follower.wait_for("daemon.started")
        lone.pool("10.9.0.0/24")
        follower.wait_for("pool.created")
        if end == signal.SIGTERM:
            assert lone.stop() == 0
        else:
            lone.kill()
        status, error = follower.end()
        assert status == 3 and "cannot reach plugind" in error, error


def test_what_happened_is_shown_for_people_and_for_programs(lone):
    lone.pool("10.9.0.0/30").give("web")
    text = lone.tool("events")
    assert all(len(line) <= 80 for line in text.splitlines()) and "\x1b" not in text, text
    assert "pool.created" in text and "given to container web" in " ".join(text.split())
    all_events = [json.loads(line) for line in lone.tool("events", "--json").splitlines()]
    assert [event["serial"] for event in all_events] == list(range(1, len(all_events) + 1))
    assert all_events[0]["kind"] == "daemon.started"
    for arguments, kinds in (
            (["--kind", "address"], ["address.given"]), (["--subject", "10.9.0.1"], ["address.given"]),
            (["--since", str(len(all_events) - 1)], ["address.given"]), (["--since", "1h"], None),
            (["--since", "2000-01-01T00:00:00Z"], None)):
        shown = [json.loads(line) for line in lone.tool("events", "--json", *arguments).splitlines()]
        assert [event["kind"] for event in shown] == (kinds or [event["kind"] for event in all_events]), arguments
    for arguments in (["--kind", "endpoints"], ["--since", "yesterday"]):
        assert run(*command_of(lone), "events", *arguments).returncode == 64, arguments
    lone.release_pools()


def test_exclusions_are_shown_survive_and_go_with_the_pool(lone):
    pool = lone.pool("10.9.0.0/29", exclude="10.9.0.6")
    held = pool.give("web")
    answer = json.loads(lone.tool("pools", "exclude", pool.id, "10.9.0.0/30", "10.9.0.6", "--json"))
    assert answer["exclusions"] == ["10.9.0.0/30", "10.9.0.6"]
    assert [one["address"] for one in answer["held"]] == [held]
    assert answer["excludedByOption"] == ["10.9.0.6"]
    lone.kill_and_start()
    shown = json.loads(lone.tool("pools", pool.id, "--json"))
    assert (shown["exclusions"], shown["excludedByOption"]) == (["10.9.0.0/30", "10.9.0.6"], ["10.9.0.6"])
    assert (shown["excluded"], shown["allocatable"], shown["used"], shown["usedOutside"]) == (4, 2, 1, 1)
    assert "by command" in lone.tool("pools", "10.9.0.0/29")
    pool.take_back(held)
    assert {pool.give("web"), pool.give()} == {"10.9.0.4", "10.9.0.5"}
    assert "10.9.0.6 excluded by the pool's option" in " ".join(
        lone.tool("pools", "include", pool.id, "10.9.0.4-10.9.0.6").split())
    lone.tool("pools", "include", pool.id, "10.9.0.0/30")
    assert pool.give() in ("10.9.0.1", "10.9.0.2", "10.9.0.3")
    for arguments, status in (
            (["exclude", pool.id, "10.10.0.1"], 1), (["include", pool.id, "10.9.0.6"], 1),
            (["exclude", "10.11.0.0/24", "10.11.0.1"], 1), (["exclude", pool.id, "10.9.0"], 64),
            (["exclude", pool.id], 64)):
        done = run(*command_of(lone), "pools", *arguments)
        assert done.returncode == status, (arguments, done.stderr)
    lone.tool("pools", "exclude", pool.id, "10.9.0.1")
    pool.release()
    assert lone.rows("exclusion") == []
    assert json.loads(lone.tool("audit", "--json", "--last", "2"))["entries"][0]["decision"] == "excluded"
