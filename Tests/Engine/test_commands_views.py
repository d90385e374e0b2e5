# SPDX-License-Identifier: Apache-2.0
"""What the commands that show something say of real containers: `networks`, `endpoints`, `ports`, `inspect`, `status`."""

import json

from engine import run
from lab import wait_until
from plugind import BINARY


def tool(lab, *arguments):
    """A command of plugind's next to the engine: its status, and what it prints."""
    command = lab.plugind.command
    socket = command[command.index("--control-socket") + 1]
    return run(*lab.engine.namespaces, "env", f"PLUGIND_CONTROL_SOCKET={socket}", BINARY, *arguments)


def table(lab, *arguments):
    done = tool(lab, *arguments, "--engine-socket", lab.engine.directory / "docker.sock")
    assert done.returncode == 0, done.stderr
    assert all(len(line) <= 80 for line in done.stdout.splitlines()), done.stdout
    return done.stdout


def answer(lab, *arguments):
    done = tool(lab, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_what_there_is_is_shown_by_name(steady_lab):
    lab = steady_lab
    lab.network("lan", "--subnet", "10.88.0.0/24")
    lab.container("web", "lan", "--publish", "8080:80")
    lab.container("ada", "lan")
    network, endpoint = lab.inspect("lan")["Id"], lab.endpoint("web", "lan")

    [shown] = answer(lab, "networks")["networks"]
    assert (shown["id"], shown["bridge"], shown["link"], shown["endpoints"]) == (network, lab.bridge("lan"), "up", 2)
    assert shown["subnets"] == [{"subnet": "10.88.0.0/24", "gateway": "10.88.0.1", "mode": "nat"}]
    first = table(lab, "networks").splitlines()[1]
    assert first.split() == [network[:12], "lan", lab.bridge("lan"), "2", "nat"]

    shown = {one["id"]: one for one in answer(lab, "endpoints")["endpoints"]}
    web = shown[endpoint["EndpointID"]]
    assert (web["ipv4"], web["mac"], web["link"]) == (f"{endpoint['IPAddress']}/24", endpoint["MacAddress"], "up")
    for arguments in (["endpoints"], ["endpoints", "--network", "lan"]):
        words = [line.split() for line in table(lab, *arguments).splitlines()]
        assert [web["id"][:12], "web", "lan", web["hostLink"], "up"] in words, words

    ports = answer(lab, "ports")["ports"]
    assert [(port["hostAddress"], port["how"]) for port in ports] == [("0.0.0.0", "direct"), ("::", "forwarded")]
    words = [line.split() for line in table(lab, "ports").splitlines()]
    assert ["0.0.0.0:8080", "tcp", f"{endpoint['IPAddress']}:80", "direct", "web"] in words, words

    for text in ("web", endpoint["IPAddress"], web["id"][:12]):
        assert table(lab, "inspect", text).startswith(f"endpoint {web['id']}\n"), text
    assert table(lab, "inspect", "lan").startswith(f"network {network}\n")
    assert tool(lab, "inspect", "nobody").returncode == 1


def test_a_port_that_was_put_back_is_counted(steady_lab):
    lab = steady_lab
    lab.network("lan")
    lab.container("web", "lan")
    before = answer(lab, "status")
    assert (before["networks"], before["endpoints"], before["owed"]["rules"]) == (1, 1, False)
    lab.on_host("ip", "link", "set", answer(lab, "endpoints")["endpoints"][0]["hostLink"], "down")
    wait_until(lambda: ups(answer(lab, "status")) > ups(before), "the repair to be counted")


def ups(status):
    return status["repairs"].get("up", 0)
