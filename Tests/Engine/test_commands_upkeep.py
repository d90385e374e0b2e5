# SPDX-License-Identifier: Apache-2.0
"""The commands audit, gc, reconcile and config, with plugind alone in a namespace."""

import json
import os
import subprocess

import pytest

from ipam import LonePlugind
from lab import wait_until
from plugind import BINARY

NETWORK, ENDPOINT, LATE = "a" * 64, "b" * 64, "c" * 64


@pytest.fixture
def plugind(binary, tmp_path):
    plugind = LonePlugind(tmp_path)
    try:
        yield plugind
    finally:
        plugind.close()


def driver(plugind, method, **request):
    status, answer = plugind.call(f"/NetworkDriver.{method}", request)
    assert status == 200, f"{method} is answered {status} {answer}"


def network(plugind):
    driver(plugind, "CreateNetwork", NetworkID=NETWORK, Options={}, IPv6Data=[],
           IPv4Data=[{"Pool": "10.9.0.0/24", "Gateway": "10.9.0.1/24"}])


def dead_endpoint(plugind, identifier, address):
    """One whose container died: the namespace is gone, and the pair with it."""
    driver(plugind, "CreateEndpoint", NetworkID=NETWORK, EndpointID=identifier, Options={},
           Interface={"Address": address, "AddressIPv6": "", "MacAddress": ""})
    driver(plugind, "Join", NetworkID=NETWORK, EndpointID=identifier, SandboxKey="/nonexistent", Options={})
    plugind.on_host("ip", "link", "delete", f"pdh{identifier[:12]}")


def run(plugind, *arguments, **variables):
    """Any end of a command, whatever it is."""
    return subprocess.run(
        [BINARY, *arguments], text=True, capture_output=True, timeout=60, stdin=subprocess.DEVNULL,
        env={**os.environ, "PLUGIND_CONTROL_SOCKET": f"{plugind.directory}/control.sock", **variables})


def asked(plugind, *arguments):
    """A command's answer in JSON, after the same without."""
    text = plugind.tool(*arguments)
    # An id that is no longer than a line is never wider than one.
    assert all(len(line) <= 80 for line in text.splitlines()), text
    assert "\x1b" not in text
    return json.loads(plugind.tool(*arguments, "--json"))


def suspects(answer):
    return {suspect["subject"]: suspect for suspect in answer["suspects"]}


def test_garbage_is_shown_by_a_dry_run_and_freed_by_a_look(plugind):
    # The daemon's own looks are an hour apart: the first one is that of the command.
    plugind.start_with(gc="on", gc_grace="1s")
    network(plugind)
    plugind.start_with(gc="on", gc_grace="1h")
    dead_endpoint(plugind, ENDPOINT, "10.9.0.2/24")
    before = plugind.rows("audit"), plugind.rows("endpoint")
    answer = asked(plugind, "gc", "--dry-run")
    assert answer["dryRun"] and answer["mode"] == "on" and answer["graceSeconds"] == 3600
    suspect = suspects(answer)[f"endpoint {ENDPOINT}"]
    assert suspect["outcome"] == "waiting" and suspect["suspectForSeconds"] == 0
    assert suspect["decidedInSeconds"] == 3600
    assert "its link and its sandbox are gone" in suspect["reason"]
    assert (plugind.rows("audit"), plugind.rows("endpoint")) == before
    assert suspects(asked(plugind, "gc"))[f"endpoint {ENDPOINT}"]["outcome"] == "waiting"

    plugind.start_with(gc="on", gc_grace="1s")
    wait_until(lambda: not suspects(asked(plugind, "gc")), "the garbage to be freed")
    wait_until(lambda: plugind.rows("endpoint") == [], "its row to go with its link")
    lines = asked(plugind, "audit", "--subject", f"endpoint {ENDPOINT}")["entries"]
    assert [line["decision"] for line in lines] == ["freeing", "freed"]
    assert asked(plugind, "audit", "--last", "1", "--subject", ENDPOINT)["entries"] == lines[-1:]
    assert asked(plugind, "audit", "--subject", "no such thing")["entries"] == []


def test_garbage_collection_that_is_off_is_refused_but_for_a_dry_run(plugind):
    plugind.start_with(gc="off")
    network(plugind)
    dead_endpoint(plugind, ENDPOINT, "10.9.0.2/24")
    done = run(plugind, "gc")
    assert done.returncode == 1 and done.stderr.startswith("Error: garbage collection is off;"), done
    assert set(suspects(asked(plugind, "gc", "--dry-run"))) == {f"endpoint {ENDPOINT}"}


def test_differences_are_shown_by_a_dry_run_and_mended(plugind):
    plugind.start_with()
    network(plugind)
    bridge = f"br-{NETWORK[:12]}"
    assert asked(plugind, "reconcile", "--dry-run") == {"differences": [], "dryRun": True}
    # What somebody keeps changing is left alone after the fifth time, and whether the host is a router is not followed.
    for _ in range(5):
        plugind.on_host("ip", "link", "set", bridge, "down")
        wait_until(lambda: "UP" in flags(plugind, bridge), "the bridge to be up again")
    plugind.on_host("ip", "link", "set", bridge, "down")
    wait_until(lambda: "keeps changing" in plugind.log.read_text(), "plugind to leave the bridge alone")
    plugind.on_host("sysctl", "-q", "-w", "net.ipv4.ip_forward=0")
    answer = asked(plugind, "reconcile", "--dry-run")
    found = {difference["subject"]: difference for difference in answer["differences"]}
    assert set(found) == {"host", f"network {NETWORK}"}, answer
    assert found["host"]["repairs"] == ["forwarding of IPv4"]
    assert "up" in found[f"network {NETWORK}"]["repairs"] and found[f"network {NETWORK}"]["link"] == bridge
    assert {difference["outcome"] for difference in answer["differences"]} == {"wouldMend"}
    assert "UP" not in flags(plugind, bridge), "a dry run touches nothing"

    mended = json.loads(plugind.tool("reconcile", "--json"))
    assert {difference["subject"] for difference in mended["differences"]} == set(found), mended
    assert {difference["outcome"] for difference in mended["differences"]} == {"mended"}
    assert "UP" in flags(plugind, bridge)
    assert plugind.on_host("cat", "/proc/sys/net/ipv4/ip_forward").strip() == "1"
    assert plugind.tool("reconcile") == "The host is as it should be; nothing was to be done.\n"


def flags(plugind, link):
    return json.loads(plugind.on_host("ip", "-j", "link", "show", "dev", link))[0]["flags"]


def test_no_daemon_is_exit_code_3(plugind):
    for command in ("audit", "gc", "reconcile"):
        done = run(plugind, command)
        assert done.returncode == 3 and done.stderr.startswith("Error: cannot reach plugind at "), done
    assert run(plugind, "audit", "--last", "0").returncode == 64


def test_the_configuration_is_checked_and_printed_without_a_daemon(plugind):
    plugind.configure(sticky="1h", forbidden_pools=["10.0.0.0/8"])
    file = str(plugind.directory / "config.yaml")
    assert run(plugind, "config", "check", file).stdout == f"{file} can be used\n"
    printed = run(plugind, "config", "print", "--config", file, "--gc", "on", PLUGIND_ORDER="random")
    assert printed.returncode == 0, printed
    lines = printed.stdout.splitlines()
    assert "gc: on  # from --gc" in lines and "- 10.0.0.0/8" in lines
    assert "order: random  # from PLUGIND_ORDER" in lines
    assert f"sticky: 1h  # from {file}, line 1" in lines
    (plugind.directory / "printed.yaml").write_text(printed.stdout)
    again = run(plugind, "config", "check", str(plugind.directory / "printed.yaml"))
    assert again.returncode == 0, again
    plugind.configure(sticki="1h")
    done = run(plugind, "config", "check", file)
    assert done.returncode == 1
    assert done.stderr == f"Error: {file}, line 1: unknown setting ‘sticki’; did you mean ‘sticky’?\n"
    plugind.configure()
