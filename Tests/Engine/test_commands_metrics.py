# SPDX-License-Identifier: Apache-2.0
"""Metrics and health of a live plugind, over its control socket and over TCP."""

import http.client
import json
import re
import socket

import pytest

from ipam import LonePlugind
from lab import wait_until

ADDRESS = ("127.0.0.1", 9477)


@pytest.fixture
def lone_plugind(binary, tmp_path):
    plugind = LonePlugind(tmp_path, metrics_address="127.0.0.1:9477")
    plugind.start()
    yield plugind
    plugind.close()


def over_control_socket(plugind, path):
    """Status, type and body."""
    connection = http.client.HTTPConnection("plugind", timeout=10)
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(plugind.directory / "control.sock"))
    return get(connection, path)


def over_tcp(plugind, path):
    """As above. The address is in plugind's namespace."""
    script = (
        "import http.client, json\n"
        f"connection = http.client.HTTPConnection(*{ADDRESS!r}, timeout=10)\n"
        f"connection.request('GET', {path!r})\n"
        "answer = connection.getresponse()\n"
        "print(json.dumps([answer.status, answer.headers['Content-Type'], answer.read().decode()]))\n")
    return tuple(json.loads(plugind.on_host("/usr/bin/python3", "-c", script)))


def get(connection, path):
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.headers["Content-Type"], answer.read().decode()


def values(text):
    """The samples of a text, by name and labels as they are written."""
    samples = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            assert name not in samples, f"{name} is there twice"
            samples[name] = float(value)
    return samples


WAYS = [over_control_socket, over_tcp]


@pytest.mark.parametrize("ask", WAYS)
def test_what_was_called_and_what_there_is_can_be_scraped(lone_plugind, ask):
    pool = lone_plugind.pool("10.99.0.0/29")
    address = pool.give("web")
    pool.give("db")
    pool.refuse("cache", address=address)
    pool.take_back(address)
    status, kind, text = ask(lone_plugind, "/metrics")
    assert (status, kind) == (200, "text/plain; version=0.0.4; charset=utf-8")
    samples = values(text)
    calls = 'plugind_request_duration_seconds_count{method="IpamDriver.%s",outcome="%s"}'
    assert samples[calls % ("RequestPool", "ok")] == 1
    assert samples[calls % ("RequestAddress", "ok")] == 2
    assert samples[calls % ("RequestAddress", "refused")] == 1
    assert samples[calls % ("ReleaseAddress", "ok")] == 1
    states = 'plugind_pool_addresses{pool="plugind-local/10.99.0.0/29",state="%s"}'
    assert {state: samples[states % state] for state in ("used", "sticky", "free")} == {
        "used": 1, "sticky": 1, "free": 4}
    assert samples['plugind_store_commit_duration_seconds_count{outcome="ok"}'] >= 4
    assert samples['plugind_audit_entries_total{decision="given"}'] == 3
    assert samples["plugind_networks"] == 0
    assert samples["plugind_ready"] == 1
    assert samples["process_resident_memory_bytes"] > 1 << 20
    assert re.search(r'^plugind_build_info\{version="[^"]+"\} 1$', text, re.MULTILINE)


@pytest.mark.parametrize("ask", WAYS)
def test_it_is_healthy(lone_plugind, ask):
    status, kind, body = ask(lone_plugind, "/health")
    assert (status, kind) == (200, "application/json")
    assert json.loads(body) == {"live": True, "ready": True, "reasons": []}


def test_over_tcp_nothing_else_is_served(lone_plugind):
    assert over_control_socket(lone_plugind, "/v1/pools")[0] == 200
    assert over_tcp(lone_plugind, "/v1/pools")[0] == 404


def test_without_the_setting_nobody_listens(lone_plugind):
    assert "127.0.0.1:9477" in lone_plugind.on_host("ss", "-Hltn")
    lone_plugind.start_with()
    assert lone_plugind.on_host("ss", "-Hltn").strip() == ""
    assert over_control_socket(lone_plugind, "/health")[0] == 200


def test_an_address_that_cannot_be_had_is_done_without(lone_plugind):
    lone_plugind.start_with(metrics_address="192.0.2.1:9477")
    wait_until(lambda: "Cannot serve metrics, going on without" in lone_plugind.last_lines(100), "the line in the log")
    assert over_control_socket(lone_plugind, "/health")[0] == 200
