# SPDX-License-Identifier: Apache-2.0
"""What `plugind topology` draws of real containers, one of which is cut off.

With PLUGIND_WRITE_PICTURES=1 the pictures in docs/ are made from it.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from engine import REPOSITORY
from ipam import LonePlugind
from lab import Namespace, wait_until
from plugind import BINARY
from terminal import picture, plain, printed_on

PICTURES = REPOSITORY / "docs/pictures"
NETWORKS = {
    "front": ("--subnet", "10.88.1.0/24", "--ipv6", "--subnet", "fd00:88:1::/64"),
    "back": ("--subnet", "10.88.2.0/24", "--internal"),
    "shop": ("--subnet", "10.88.3.0/24", "--opt", "com.docker.network.driver.mtu=1400"),
}
CONTAINERS = {
    "front": {
        "web": ("--publish", "8080:80"), "mail": ("--publish", "192.0.2.10:25:25"), "dns": (), "backup": ()},
    "back": {"db": (), "cache": ()},
    "shop": {"till": ("--publish", "8443:443", "--publish", "127.0.0.1:9000:9000/udp"), "stock": ()},
}
CUT_OFF = "cache"


@pytest.fixture
def busy(steady_lab):
    """A host with an uplink, three networks and eight containers."""
    lab = steady_lab
    with uplink(lab):
        for network, options in NETWORKS.items():
            lab.network(network, *options)
            for container, arguments in CONTAINERS[network].items():
                lab.container(container, network, *arguments)
        lab.docker("network", "connect", "back", "web")
        yield lab
        lab.remove_containers()


@contextlib.contextmanager
def uplink(lab):
    """A link with default routes, whose other end is in a namespace of its own."""
    host, outside = lab.host_namespace(), Namespace.new()
    try:
        host.run(*f"ip link add eth0 type veth peer name eth0 netns {outside.path}".split())
        for command in (
                "ip link set eth0 up", "ip address add 192.0.2.10/24 dev eth0", "ip route add default via 192.0.2.1",
                "ip -6 address add 2001:db8::10/64 dev eth0 nodad", "ip -6 route add default via 2001:db8::1"):
            host.run(*command.split())
        yield
        host.run("ip", "link", "delete", "eth0")
    finally:
        host.close()
        # Where a failure left the link it goes with the namespace.
        outside.close()


def cut_off(lab, port):
    """Takes a port out of its bridge for good."""
    insist(
        lab.plugind, lambda: lab.on_host("ip", "link", "set", port, "nomaster"),
        lambda: "master" in lab.host_link(port))


def insist(plugind, change, is_put_back):
    """Changes something until plugind leaves it alone, for a minute: the sixth time within one."""
    begin = len(plugind.log.read_text())
    for _ in range(5):
        change()
        wait_until(is_put_back, "what was changed to be put back", deadline=30)
    change()
    wait_until(
        lambda: "keeps changing" in plugind.log.read_text()[begin:], "plugind to leave it alone", deadline=30)


def command(lab, *arguments):
    control = lab.plugind.command[lab.plugind.command.index("--control-socket") + 1]
    return [
        *lab.engine.namespaces, "env", f"PLUGIND_CONTROL_SOCKET={control}", BINARY, "topology",
        "--engine-socket", lab.engine.directory / "docker.sock", *arguments]


def drawn(lab, *arguments, **variables):
    """What is printed where there is no terminal."""
    done = subprocess.run(
        [str(part) for part in command(lab, *arguments)], text=True, capture_output=True, timeout=60,
        stdin=subprocess.DEVNULL, env={**os.environ, "LC_ALL": "C.UTF-8", **variables})
    assert done.returncode == 0, done.stderr
    return done.stdout


def everything(lab):
    """What must be in every drawing: names, addresses, links and published ports."""
    words = {"eth0", "192.0.2.10/24", *NETWORKS}
    for network, containers in CONTAINERS.items():
        words |= {lab.bridge(network), *containers}
        for container in containers:
            endpoint = lab.endpoint(container, network)
            words |= {endpoint["IPAddress"], endpoint["GlobalIPv6Address"], endpoint["MacAddress"]}
    words |= {
        "0.0.0.0:8080/tcp", "[::]:8080/tcp", "192.0.2.10:25/tcp", "0.0.0.0:8443/tcp", "[::]:8443/tcp",
        "127.0.0.1:9000/udp", f"{lab.address('till', 'shop')}:443"}
    return words - {""}


def test_a_busy_host_is_drawn_in_every_way_with_its_problem(busy):
    lab = busy
    words = everything(lab)
    bridges = {lab.bridge(network) for network in NETWORKS}
    endpoint = lab.endpoint(CUT_OFF, "back")["EndpointID"]
    # For a minute from here on.
    cut_off(lab, "pdh" + endpoint[:12])
    check_json(json.loads(drawn(lab, "--json")), bridges, endpoint)

    text = drawn(lab)
    assert missing(words, text) == set(), text
    assert all(len(line) <= 80 for line in text.splitlines()) and "\x1b" not in text, text
    lines = text.splitlines()
    [marked] = [number for number, line in enumerate(lines) if re.search(rf"! {CUT_OFF} ", line)]
    assert "! the port is not in the network's bridge" in " ".join(lines[marked + 1:marked + 4]), text
    assert "3 networks, 8 containers, 6 published ports, 1 problem" in text, text

    ascii_text = drawn(lab, LC_ALL="C")
    assert ascii_text.isascii() and missing(words, ascii_text) == set(), ascii_text
    coloured = printed_on(100, *command(lab))
    assert all(len(line) <= 100 for line in plain(coloured).splitlines()), coloured
    assert "\x1b[31m! \x1b[0m\x1b[1mcache" in coloured and "\x1b[32m● \x1b[0m" in coloured, coloured
    one = drawn(lab, "--network", "shop")
    assert "till" in one and "front" not in one and CUT_OFF not in one, one

    svg = drawn(lab, "--svg", "-")
    check_svg(svg, words)
    file = lab.engine.directory / "topology.svg"
    assert drawn(lab, "--svg", file) == "" and file.read_text() == svg

    dot = drawn(lab, "--dot")
    assert missing(words, dot) == set(), dot
    assert re.search(rf'label="{CUT_OFF}\\n[^"]*! the port is not in the network\'s bridge".*color=red', dot), dot

    if os.environ.get("PLUGIND_WRITE_PICTURES"):
        PICTURES.mkdir(exist_ok=True)
        (PICTURES / "topology.svg").write_text(svg)
        (PICTURES / "topology-terminal.svg").write_text(picture("plugind topology", coloured))


def check_json(answer, bridges, cut_off):
    assert len(answer["networks"]) == 3 and len(answer["endpoints"]) == 9 and answer["problems"] == []
    [eth0] = [link for link in answer["links"] if link["name"] == "eth0"]
    assert eth0["defaultRoutes"] == ["ipv4", "ipv6"] and eth0["state"] == "up", eth0
    assert {"192.0.2.10/24", "2001:db8::10/64"} <= set(eth0["addresses"]), eth0
    assert bridges <= {link["name"] for link in answer["links"]}
    assert not any(link["name"].startswith(("pdh", "pds")) for link in answer["links"])
    [cut] = [one for one in answer["endpoints"] if one["id"] == cut_off]
    assert (cut["link"], cut["problems"]) == ("detached", ["the port is not in the network's bridge"])
    others = answer["networks"] + answer["endpoints"] + answer["ports"]
    assert [one for one in others if one["problems"]] == [cut]
    assert len(answer["ports"]) == 6, answer["ports"]


def check_svg(svg, words):
    document = ElementTree.fromstring(svg)
    texts = [element.text for element in document.iter("{http://www.w3.org/2000/svg}text")]
    assert missing(words, "\n".join(texts)) == set(), texts
    assert any("not in the network's bridge" in text for text in texts), texts
    # The sign of the host, the container's, its problem's and that of the legend; and the container's box.
    classes = [element.get("class") for element in document.iter()]
    assert classes.count("warning") == 4 and classes.count("bad") == 1, classes
    boxes = [element for element in document.iter() if element.get("class") in ("card", "bad", "pill", "lane")]
    width, height = float(document.get("width")), float(document.get("height"))
    for box in boxes:
        x, y, right, bottom = corners(box)
        assert 0 <= x and right <= width and 0 <= y and bottom <= height, box.attrib
    cards = [corners(box) for box in boxes if box.get("class") != "lane"]
    for number, one in enumerate(cards):
        assert not any(overlap(one, other) for other in cards[number + 1:]), one


def corners(box):
    x, y, width, height = (float(box.get(name)) for name in ("x", "y", "width", "height"))
    return x, y, x + width, y + height


def overlap(one, other):
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def missing(words, text):
    return {word for word in words if word not in text}


def test_graphviz_reads_the_graph(steady_lab):
    if not shutil.which("dot"):
        pytest.skip("no dot of Graphviz on this machine")
    lab = steady_lab
    lab.network("lan")
    lab.container("web", "lan", "--publish", "8080:80")
    graph = drawn(lab, "--dot")
    done = subprocess.run(["dot", "-Tplain"], input=graph, text=True, capture_output=True, timeout=60)
    assert done.returncode == 0 and not done.stderr, done.stderr
    assert sum(line.startswith("edge ") for line in done.stdout.splitlines()) == 3, done.stdout


def test_a_bridge_that_is_down_is_marked(binary, tmp_path):
    plugind = LonePlugind(tmp_path)
    try:
        plugind.start()
        network, bridge = "a" * 64, "br-" + "a" * 12
        status, answer = plugind.call("/NetworkDriver.CreateNetwork", {
            "NetworkID": network, "Options": {}, "IPv6Data": [],
            "IPv4Data": [{"Pool": "10.9.0.0/24", "Gateway": "10.9.0.1/24"}]})
        assert status == 200, answer
        insist(
            plugind, lambda: plugind.on_host("ip", "link", "set", bridge, "down"),
            lambda: "UP" in json.loads(plugind.on_host("ip", "-j", "link", "show", "dev", bridge))[0]["flags"])
        [shown] = json.loads(plugind.tool("topology", "--json"))["networks"]
        assert shown["id"] == network and shown["link"] == "down" and "the link is down" in shown["problems"], shown
        lone = ("topology", "--engine-socket", "off")
        text = plugind.tool(*lone)
        assert "! aaaaaaaaaaaa " in text and "! the link is down" in text, text
        assert "! the link is down" in plugind.tool(*lone, "--dot")
        classes = [one.get("class") for one in ElementTree.fromstring(plugind.tool(*lone, "--svg", "-")).iter()]
        assert "bridge broken" in classes and "warning" in classes, classes
    finally:
        plugind.close()


def test_no_daemon_is_exit_code_3(binary, tmp_path):
    done = subprocess.run(
        [binary, "topology", "--control-socket", tmp_path / "none.sock"], text=True, capture_output=True, timeout=60)
    assert done.returncode == 3 and done.stderr.startswith("Error: cannot reach plugind at "), done
