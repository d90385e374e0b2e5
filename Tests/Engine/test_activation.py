# SPDX-License-Identifier: Apache-2.0
"""plugind behind a socket that somebody else listens on: the first call starts it, and no call is lost."""

import os
import re
import signal
import socket
import stat
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import hoststate
import measured
from engine import REPOSITORY
from lab import Lab
from plugind import BINARY, ActivatedPlugind, Connection, Plugind

POOL = {"AddressSpace": "plugind-local", "Pool": "10.77.0.0/24", "SubPool": "", "Options": None, "V6": False}


@pytest.fixture
def namespace():
    holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "ip link set lo up; echo; exec sleep infinity"],
                              stdout=subprocess.PIPE)
    holder.stdout.readline()
    yield ["nsenter", "--target", str(holder.pid), "--net", "--"]
    holder.kill()
    holder.wait()


@pytest.fixture
def lone_plugind(binary, namespace, tmp_path):
    plugind = ActivatedPlugind(tmp_path / "plugins", tmp_path / "state", tmp_path / "plugind.log", namespace)
    plugind.start()
    yield plugind
    plugind.stop()


def timed_call(plugind, path, request=None):
    begin = time.monotonic()
    status, answer = plugind.call(path, request)
    return status, answer, time.monotonic() - begin


def freeze(pid):
    os.kill(pid, signal.SIGSTOP)
    while not all(Path(task, "stat").read_text().rsplit(")")[-1].split()[0] == "T"
                  for task in Path(f"/proc/{pid}/task").iterdir()):
        time.sleep(0.002)


def test_the_first_call_starts_plugind_and_is_answered(lone_plugind):
    assert lone_plugind.pid is None
    status, answer, took = timed_call(lone_plugind, "/Plugin.Activate")
    measured.seconds("first call, which starts plugind", took)
    measured.seconds("next call", timed_call(lone_plugind, "/Plugin.Activate")[2])
    assert status == 200 and answer == {"Implements": ["NetworkDriver", "IpamDriver"]}
    assert lone_plugind.pid is not None


def test_what_was_done_before_a_kill_is_known_to_the_call_that_starts_the_next(lone_plugind):
    status, pool = lone_plugind.call("/IpamDriver.RequestPool", POOL)
    assert status == 200, pool
    lone_plugind.kill()
    assert lone_plugind.pid is None
    overlapping = {**POOL, "Pool": "10.77.0.0/25"}
    status, words, took = timed_call(lone_plugind, "/IpamDriver.RequestPool", overlapping)
    measured.seconds("first call after kill -9", took)
    assert status == 409 and "overlaps" in words["Error"]


def test_calls_that_come_together_while_plugind_starts_are_all_answered(lone_plugind):
    pool = lone_plugind.call("/IpamDriver.RequestPool", {**POOL, "Pool": "10.64.0.0/16"})[1]["PoolID"]
    request = {"PoolID": pool, "Address": "", "Options": None}
    addresses = set()
    for _ in range(3):
        lone_plugind.kill()
        connections = [Connection(lone_plugind.socket) for _ in range(300)]
        freeze(lone_plugind.launcher)
        for connection in connections:
            connection.connect()
        os.kill(lone_plugind.launcher, signal.SIGCONT)
        begin = time.monotonic()
        with ThreadPoolExecutor(len(connections)) as threads:
            calls = [threads.submit(connection.call, "/IpamDriver.RequestAddress", request)
                     for connection in connections]
            answers = [call.result() for call in calls]
        for connection in connections:
            connection.close()
        measured.seconds("300 calls at once to a plugind that does not run, until the last answer",
                         time.monotonic() - begin)
        assert [answer for status, answer in answers if status != 200] == []
        addresses.update(answer["Address"] for _, answer in answers)
    assert len(addresses) == 900


def test_a_queue_of_hundreds_of_connections_turns_nobody_away_while_plugind_is_stopped(lone_plugind):
    # The engine's client does not wait for room in a full queue: it gets an error and tries again after a second.
    lone_plugind.call("/Plugin.Activate")
    pid = lone_plugind.pid
    freeze(pid)
    waiting = []
    try:
        for _ in range(1000):
            waiting.append(socket.socket(socket.AF_UNIX))
            waiting[-1].setblocking(False)
            waiting[-1].connect(str(lone_plugind.socket))
    finally:
        os.kill(pid, signal.SIGCONT)
        for connection in waiting:
            connection.close()
    assert lone_plugind.call("/Plugin.Activate")[0] == 200


def test_sigterm_ends_plugind_and_leaves_the_socket_to_its_owner(lone_plugind):
    lone_plugind.call("/Plugin.Activate")
    before = lone_plugind.socket.stat()
    lone_plugind.terminate()
    assert lone_plugind.socket.stat().st_ino == before.st_ino and stat.S_ISSOCK(before.st_mode)
    assert lone_plugind.pid is None
    assert lone_plugind.call("/Plugin.Activate")[0] == 200


def test_a_call_that_waits_while_plugind_ends_is_answered_by_the_next(lone_plugind):
    lone_plugind.call("/Plugin.Activate")
    first = lone_plugind.pid
    with ThreadPoolExecutor(1) as threads:
        freeze(first)
        with Connection(lone_plugind.socket) as early:
            early.connect()
            call = threads.submit(early.call, "/Plugin.Activate")
            os.kill(first, signal.SIGKILL)
            assert call.result()[0] == 200
    assert lone_plugind.pid != first


@pytest.mark.parametrize("passed, words", [
    ("2", "the service manager passed ‘2’ sockets (LISTEN_FDS), plugind serves exactly one"),
    ("0", "the service manager passed ‘0’ sockets (LISTEN_FDS), plugind serves exactly one"),
    ("1", "the descriptor 3 that the service manager passed is not a socket"),
])
def test_what_is_no_listening_socket_is_an_error_in_words_and_nothing_is_touched(binary, tmp_path, passed, words):
    # sh becomes plugind, which keeps its number.
    command = 'exec 3</dev/null; LISTEN_PID=$$ LISTEN_FDS=$1 exec "$2" serve --state-dir "$3/s" --plugin-dir "$3/p"'
    done = subprocess.run(
        ["sh", "-c", command, "sh", passed, BINARY, tmp_path], text=True, stderr=subprocess.PIPE, timeout=20)
    assert done.returncode == 1
    assert words in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_variables_for_another_process_are_ignored(binary, namespace, tmp_path):
    plugind = Plugind(tmp_path / "plugins", tmp_path / "state", tmp_path / "plugind.log",
                      [*namespace, "env", "LISTEN_PID=1", "LISTEN_FDS=1"])
    plugind.start()
    assert plugind.stop() == 0
    assert not plugind.socket.exists()


def test_the_capabilities_of_the_service_unit_are_enough(binary, namespace, tmp_path):
    unit = (REPOSITORY / "systemd/plugind.service").read_text()
    granted = re.search("^CapabilityBoundingSet=(.*)$", unit, re.MULTILINE)[1].lower().replace("cap_", "+").split()
    before = hoststate.read(namespace, with_engine=False)
    plugind = ActivatedPlugind(tmp_path / "plugins", tmp_path / "state", tmp_path / "plugind.log",
                               [*namespace, "setpriv", "--bounding-set", ",".join(["-all", *granted]), "--"])
    plugind.start()
    succeed(plugind, "/IpamDriver.RequestPool", POOL)
    network, endpoint = {"NetworkID": "a" * 64}, {"NetworkID": "a" * 64, "EndpointID": "b" * 64}
    data = {"AddressSpace": "plugind-local", "Pool": "10.77.0.0/24", "Gateway": "10.77.0.1/24"}
    succeed(plugind, "/NetworkDriver.CreateNetwork", {**network, "Options": {}, "IPv4Data": [data], "IPv6Data": []})
    interface = {"Address": "10.77.0.2/24", "AddressIPv6": "", "MacAddress": ""}
    succeed(plugind, "/NetworkDriver.CreateEndpoint", {**endpoint, "Interface": interface, "Options": {}})
    succeed(plugind, "/NetworkDriver.Join", {**endpoint, "SandboxKey": "/run/docker/netns/none", "Options": {}})
    assert len(hoststate.read(namespace, with_engine=False)) > len(before)
    for method, request in ("Leave", endpoint), ("DeleteEndpoint", endpoint), ("DeleteNetwork", network):
        succeed(plugind, f"/NetworkDriver.{method}", request)
    hoststate.assert_same(before, lambda: hoststate.read(namespace, with_engine=False))
    assert "Operation not permitted" not in plugind.log.read_text()
    plugind.stop()


def succeed(plugind, path, request):
    status, answer = plugind.call(path, request)
    assert status == 200, answer


@pytest.mark.one_engine
def test_an_engine_does_not_notice_that_plugind_is_started_by_its_calls(engine, plugind):
    plugind.stop()
    activated = ActivatedPlugind("/run/docker/plugins", "/run/engine/state", plugind.log, engine.namespaces,
                                 seen_as=engine.directory / "plugins")
    activated.start()
    lab = Lab(engine, activated)
    lab.network("lan", "--subnet", "10.77.0.0/24", "--ipv6", "--subnet", "fd77::/64")
    lab.container("ada", "lan")
    activated.kill()
    lab.container("bob", "lan")
    activated.terminate()
    lab.assert_reaches("bob", "ada", "ada/6")
    lab.docker("restart", "ada")
    lab.assert_reaches("bob", "ada", "ada/6")
    activated.kill()
    lab.close()
    activated.stop()
    plugind.start()
