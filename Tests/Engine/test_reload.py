# SPDX-License-Identifier: Apache-2.0
"""The configuration anew while plugind runs, by SIGHUP and by command; and what a command shows while it waits."""

import json
import os
import pty
import re
import signal
import subprocess

import pytest

from ipam import LonePlugind
from lab import wait_until
from plugind import BINARY

NETWORK, ENDPOINT = "a" * 64, "b" * 64


@pytest.fixture
def plugind(binary, tmp_path):
    plugind = LonePlugind(tmp_path)
    # For the file to say.
    at = plugind.command.index("--log-level")
    del plugind.command[at:at + 2]
    try:
        plugind.start()
        yield plugind
    finally:
        plugind.close()


def lines(plugind):
    return plugind.log.read_text().splitlines()


def hang_up(plugind, **settings):
    """Sends SIGHUP with other settings in the file; the lines that were logged until that was done, or refused."""
    before = len(lines(plugind))
    plugind.configure(**settings)
    os.kill(plugind.pid, signal.SIGHUP)
    ends = ("Reloaded the configuration", "Cannot reload the configuration")
    wait_until(lambda: any(end in line for line in lines(plugind)[before:] for end in ends), "the reload is logged")
    return lines(plugind)[before:]


def run(plugind, *arguments):
    return subprocess.run(
        [BINARY, *arguments], text=True, capture_output=True, timeout=60, stdin=subprocess.DEVNULL,
        env={**os.environ, "PLUGIND_CONTROL_SOCKET": f"{plugind.directory}/control.sock"})


def reload(plugind, **settings):
    plugind.configure(**settings)
    return json.loads(plugind.tool("config", "reload", "--json"))


def of(setting, change):
    return [entry for entry in change["settings"] if entry["setting"] == setting]


def test_pools_that_are_there_follow_the_new_defaults(plugind):
    pool, own = plugind.pool("10.77.0.0/24"), plugind.pool("10.78.0.0/24", quarantine="1h", order="lru")
    given = {each: each.give("ada") for each in (pool, own)}
    logged = hang_up(plugind, sticky="off", quarantine="off", order="sequential")
    for change in ("setting=sticky to=off", "setting=quarantine to=off", "setting=order to=sequential"):
        setting, to = change.split()
        assert any("NOTICE Changed a setting" in line and setting in line and to in line for line in logged), logged
    for each, address in given.items():
        each.take_back(address)
    assert pool.give("bob") == given[pool]
    assert own.give("bob") != given[own]


def test_pools_are_chosen_by_the_new_blocks_and_reservations_are_kept(plugind):
    block = {"base": "10.90.0.0/16", "size": 24}
    held = plugind.pool("10.77.0.0/24").give("ada", "10.77.0.5")
    change = reload(
        plugind, default_address_pools=[block], forbidden_pools=["10.90.0.0/24"],
        reservations=[{"name": "db", "address": "10.90.1.9"}, {"name": "web", "address": held}])
    assert all(entry["applied"] for entry in change["settings"]) and len(change["settings"]) == 3
    assert len(change["remarks"]) == 1 and f"{held} is reserved for container web, and held" in change["remarks"][0]
    assert any("A reservation is not as the configuration has it" in line for line in lines(plugind))
    pool = plugind.pool()
    assert pool.subnet == "10.90.1.0/24"
    assert "is reserved for container db" in pool.refuse("ada", "10.90.1.9")
    change = reload(plugind, default_address_pools=[block], forbidden_pools=["10.90.0.0/24"])
    assert [entry["setting"] for entry in change["settings"]] == ["reservations"]
    assert pool.give("ada", "10.90.1.9") == "10.90.1.9"
    # The same is said at a start, and an address that is held stays its holder's.
    before = len(lines(plugind))
    plugind.start_with(reservations=[{"name": "web", "address": held}])
    assert any(f"{held} is reserved for container web" in line for line in lines(plugind)[before:])


def test_how_much_is_logged_and_how(plugind):
    plugind.pool()
    assert not any(" DEBUG " in line for line in lines(plugind))
    assert hang_up(plugind, log_level="debug")[0].split(" ", 1)[1] == (
        "NOTICE Changed a setting from=info setting=log-level to=debug")
    plugind.pool()
    wait_until(lambda: any(" DEBUG " in line for line in lines(plugind)), "a line at debug")
    logged = [json.loads(line) for line in hang_up(plugind, log_level="notice", log_format="json")
              if line.startswith("{")]
    assert {(line["level"], line.get("setting")) for line in logged} >= {
        ("notice", "log-level"), ("notice", "log-format")}
    # Answered once the level is the new one.
    plugind.tool("config", "reload")
    before = len(lines(plugind))
    plugind.pool()
    assert lines(plugind)[before:] == []


@pytest.mark.parametrize("settings, words", [
    ({"stickyy": "1h"}, "line 1: unknown setting ‘stickyy’; did you mean ‘sticky’?"),
    ({"sticky": "off", "gc": "maybe"}, "line 1: gc: ‘maybe’ is not a mode of garbage collection"),
])
def test_a_bad_file_changes_nothing(plugind, settings, words):
    pool = plugind.pool("10.77.0.0/24")
    given = pool.give("ada")
    logged = hang_up(plugind, **settings)
    assert any("ERROR Cannot reload the configuration, going on with what was" in line and words in line
               for line in logged), logged
    done = run(plugind, "config", "reload")
    assert done.returncode == 1 and words in done.stderr and done.stdout == "", done
    pool.take_back(given)
    assert pool.give("ada") == given


def test_what_cannot_change_waits_for_the_next_start(plugind):
    change = reload(plugind, tcp_address="127.0.0.1:9478", mac_claims="on", gc="on")
    assert [(entry["setting"], entry["applied"]) for entry in change["settings"]] == [
        ("tcp-address", False), ("gc", True), ("mac-claims", False)]
    assert of("gc", change) == [{"setting": "gc", "from": "report", "to": "on", "applied": True}]
    event = json.loads(plugind.tool("events", "--kind", "configuration.reloaded", "--json"))
    assert event["fields"] == {"changed": "gc", "refused": "tcp-address, mac-claims"}
    # Still, and said again.
    done = run(plugind, "config", "reload")
    assert done.returncode == 0 and "waits for the next start  tcp-address\n    off → 127.0.0.1:9478\n" in done.stdout, done
    assert "gc" not in done.stdout
    plugind.configure()
    assert run(plugind, "config", "reload").stdout == "changed  gc\n    on → report\n"
    assert run(plugind, "config", "reload").stdout == "The configuration is as it was.\n"
    plugind.stop()
    assert run(plugind, "config", "reload").returncode == 3


def test_garbage_collection_follows(plugind):
    def policy():
        answer = json.loads(plugind.tool("gc", "--dry-run", "--json"))
        return answer["mode"], answer["graceSeconds"]

    assert policy() == ("report", 600)
    reload(plugind, gc="on", gc_grace="1s", engine_socket="/nonexistent/docker.sock")
    assert policy() == ("on", 1)
    assert json.loads(plugind.tool("status", "--json"))["engineSocket"] == "/nonexistent/docker.sock"
    # A pool that nobody uses is looked at by itself, and the engine asked.
    plugind.pool("10.77.0.0/24")
    wait_until(lambda: any("Cannot tell what is garbage" in line for line in lines(plugind)), "the engine is asked")
    reload(plugind)
    assert policy() == ("report", 600) and "engineSocket" not in json.loads(plugind.tool("status", "--json"))


def test_metrics_move_and_end(plugind):
    def answers(port):
        """From within plugind's namespace."""
        done = subprocess.run(
            [*plugind.namespace.enter, "/usr/bin/python3", "-c",
             f"import urllib.request as r; print(r.urlopen('http://127.0.0.1:{port}/metrics', timeout=30).status)"],
            text=True, capture_output=True, timeout=60)
        return done.stdout == "200\n"

    assert not answers(9477)
    assert of("metrics-address", reload(plugind, metrics_address="127.0.0.1:9477"))[0]["applied"]
    assert answers(9477)
    reload(plugind, metrics_address="127.0.0.1:9478")
    wait_until(lambda: answers(9478) and not answers(9477), "metrics are at the other port alone")
    # It has to be had, or nothing changes.
    plugind.configure(metrics_address="192.0.2.1:9478", sticky="1h")
    done = run(plugind, "config", "reload")
    assert done.returncode == 1 and "metrics-address: " in done.stderr and "192.0.2.1:9478" in done.stderr, done
    assert answers(9478)
    assert {entry["setting"] for entry in reload(plugind, sticky="1h")["settings"]} == {"metrics-address", "sticky"}
    wait_until(lambda: not answers(9478), "metrics are nowhere")


def test_certificates_are_read_anew_in_files_of_the_same_name(plugind):
    files = {"tls_certificate": f"{plugind.directory}/cert.pem", "tls_key": f"{plugind.directory}/key.pem"}

    def make(name):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
             "2", "-subj", f"/CN={name}", "-keyout", files["tls_key"], "-out", files["tls_certificate"]],
            check=True, capture_output=True, timeout=60)

    def served():
        """The subject of the certificate that a client sees."""
        script = "import ssl; print(ssl.get_server_certificate(('127.0.0.1', 9478)))"
        pem = plugind.on_host("/usr/bin/python3", "-c", script)
        return subprocess.run(
            ["openssl", "x509", "-noout", "-subject"], input=pem, text=True, capture_output=True, check=True,
            timeout=60).stdout.strip()

    settings = {"tcp_address": "127.0.0.1:9478", "tls_client_auth": "off", **files}
    make("one")
    plugind.start_with(**settings)
    assert served().endswith("one")
    make("two")
    assert served().endswith("one")
    assert reload(plugind, **settings)["settings"] == []
    assert served().endswith("two")
    (plugind.directory / "cert.pem").write_text("no certificate")
    plugind.configure(**settings, sticky="1h")
    done = run(plugind, "config", "reload")
    assert done.returncode == 1 and "tls-certificate" in done.stderr, done
    assert served().endswith("two")


def test_published_ports_are_published_in_the_other_way(plugind):
    def driver(method, **request):
        status, answer = plugind.call(f"/NetworkDriver.{method}", request)
        assert status == 200, f"{method} is answered {status} {answer}"

    def is_led():
        return ". 8080" in plugind.on_host("nft", "list", "map", "inet", "plugind", "ports4")

    def is_held():
        return ":8080" in plugind.on_host("ss", "-ltnH")

    driver("CreateNetwork", NetworkID=NETWORK, Options={}, IPv6Data=[],
           IPv4Data=[{"Pool": "10.9.0.0/24", "Gateway": "10.9.0.1/24"}])
    driver("CreateEndpoint", NetworkID=NETWORK, EndpointID=ENDPOINT, Options={},
           Interface={"Address": "10.9.0.2/24", "AddressIPv6": "", "MacAddress": ""})
    driver("Join", NetworkID=NETWORK, EndpointID=ENDPOINT, SandboxKey="/nonexistent", Options={})
    driver("ProgramExternalConnectivity", NetworkID=NETWORK, EndpointID=ENDPOINT, Options={
        "com.docker.network.portmap": [{"Proto": 6, "IP": "", "Port": 80, "HostIP": "", "HostPort": 8080,
                                        "HostPortEnd": 8080}]})
    assert is_led() and is_held()
    reload(plugind, publish="respect-host")
    assert not is_led() and is_held()
    reload(plugind)
    assert is_led() and is_held()


def test_a_wait_is_shown_on_a_terminal_alone(plugind):
    def ask(*arguments):
        terminal, end = pty.openpty()
        process = subprocess.Popen(
            [BINARY, "pools", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=end,
            env={**os.environ, "PLUGIND_CONTROL_SOCKET": f"{plugind.directory}/control.sock"})
        os.close(end)
        return process, terminal

    def read(terminal, until=None):
        """What comes on the terminal: until `until` says that it is enough, or to its end."""
        text = b""
        while until is None or not until(text):
            try:
                piece = os.read(terminal, 4096)
            except OSError:
                # The other end is closed.
                break
            if not piece:
                break
            text += piece
        return text

    # It does not answer, for as long as this wants it.
    os.kill(plugind.pid, signal.SIGSTOP)
    try:
        asked, terminal = ask()
        other, silent = ask("--json")
        shown = read(terminal, lambda text: text.count(b"\r") >= 2)
    finally:
        os.kill(plugind.pid, signal.SIGCONT)
    shown += read(terminal)
    text = shown.decode()
    assert re.fullmatch("(\rAsking plugind … [0-9]+ s){2,}\r\x1b\\[K", text), text
    assert read(silent) == b""
    for process, end in ((asked, terminal), (other, silent)):
        assert process.communicate(timeout=60)[0] != b"" and process.returncode == 0
        os.close(end)


def test_the_configuration_is_checked_and_printed_as_json(plugind):
    plugind.configure(sticky="1h")
    file = str(plugind.directory / "config.yaml")
    assert json.loads(run(plugind, "config", "check", file, "--json").stdout) == {"file": file, "usable": True}
    printed = json.loads(run(plugind, "config", "print", "--config", file, "--gc", "on", "--json").stdout)
    assert printed["sticky"] == {"value": "1h", "source": "file", "place": f"{file}, line 1", "live": True}
    assert printed["gc"] == {"value": "on", "source": "flag", "place": "--gc", "live": True}
    assert printed["mac-claims"] == {"value": "off", "source": "default", "live": False}
    assert printed["reservations"]["value"] == [] and printed["default-address-pools"]["value"][0]["size"] == 24
    plugind.configure(sticki="1h")
    done = run(plugind, "config", "check", file, "--json")
    assert done.returncode == 1 and not json.loads(done.stdout)["usable"]
    assert f"Error: {json.loads(done.stdout)['error']}\n" == done.stderr
