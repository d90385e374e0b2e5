# SPDX-License-Identifier: Apache-2.0
"""HOW in `plugind ports` is what packets do: each way that it lists is tried from outside. There is no engine: see
edge.py."""

import json
from pathlib import Path

import pytest

from edge import (
    BRIDGE, FAILURE, HOST, HOST6, OUTSIDE, OUTSIDE6, PYTHON, port, wait_until)
from engine import output
from plugind import BINARY

SCTP = str(Path(__file__).with_name("sctp.py"))
OUTER = {"0.0.0.0": HOST, "::": HOST6}
CLIENT = {4: OUTSIDE, 6: OUTSIDE6}
PUBLISHED, UNPUBLISHED = 80, 81
# In seconds. A busy machine may lose a first packet, and TCP sends the next one a second later.
PATIENCE = 20


def mode(name):
    return {BRIDGE + "gateway_mode_ipv4": name, BRIDGE + "gateway_mode_ipv6": name}


NETWORKS = {
    "nat": {}, "respectful": {"plugind.publish": "respect-host"}, "routed": mode("routed"),
    "unprotected": mode("nat-unprotected")}


@pytest.fixture(scope="module")
def containers(edge):
    """By the id of the endpoint. Each answers on a port that is published and on one that is not, and counts SCTP."""
    made = {}
    for number, (name, options) in enumerate(NETWORKS.items(), 1):
        network = edge.network(name, f"10.70.{number}.0/24", f"fd70:{number}::/64", options=options)
        bindings = [port(protocol, PUBLISHED, 7000 + number) for protocol in ("tcp", "udp", "sctp")]
        web = edge.container(network, "web", 10, bindings)
        web.listen("tcp", PUBLISHED, UNPUBLISHED).listen("udp", PUBLISHED, UNPUBLISHED)
        web.place.run("nft", "-f", "-", text="""
            table inet lab {
                counter beginnings { }
                chain arrivals {
                    type filter hook input priority 0;
                    meta l4proto sctp counter name beginnings
                }
            }""")
        made[web.id] = web
    return made


def rows(edge):
    listed = output("env", f"PLUGIND_CONTROL_SOCKET={edge.directory}/control.sock", BINARY, "ports", "--json")
    return json.loads(listed)["ports"]


def sctp_packets(web):
    counters = json.loads(web.place.run("nft", "-j", "list", "counter", "inet", "lab", "beginnings"))["nftables"]
    return next(item["counter"]["packets"] for item in counters if "counter" in item)


def destination(row):
    """Where a client sends what goes that way."""
    if row["how"] in ("routed", "open"):
        return row["containerAddress"], row.get("containerPort", UNPUBLISHED)
    return OUTER[row["hostAddress"]], row["hostPort"]


def version(address):
    return 6 if ":" in address else 4


def test_every_way_is_among_those_that_are_listed(edge, containers):
    listed = {(containers[row["endpoint"]].network.name, row.get("protocol"), row["how"]) for row in rows(edge)}
    assert listed == {
        *(("nat", protocol, "direct") for protocol in ("tcp", "udp", "sctp")),
        ("respectful", "tcp", "forwarded"), ("respectful", "udp", "forwarded"), ("respectful", "sctp", "none"),
        *(("routed", protocol, "routed") for protocol in ("tcp", "udp", "sctp")),
        # An open container has its host's ports besides.
        *(("unprotected", protocol, "direct") for protocol in ("tcp", "udp", "sctp")), ("unprotected", None, "open")}


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_packets_go_as_is_said(edge, containers, protocol):
    for row in rows(edge):
        if row.get("protocol", protocol) != protocol:
            continue
        address, number = destination(row)
        outcome = edge.outside.connect(protocol, address, number, PATIENCE)
        web = containers[row["endpoint"]]
        # Who forwards is who the container sees.
        seen = web.network.gateways[version(row["containerAddress"])] if row["how"] == "forwarded" else \
            CLIENT[version(address)]
        assert outcome.seen == seen, f"{row}: {outcome}"


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_what_is_not_listed_is_not_reached(edge, containers, protocol):
    """At a container's own address, and at the host's ports of one that is routed."""
    listed = rows(edge)
    for web in containers.values():
        own = {row["how"] for row in listed if row["endpoint"] == web.id}
        for family, address in web.addresses.items():
            is_open = "open" in own
            assert edge.outside.connect(protocol, address, UNPUBLISHED, PATIENCE if is_open else FAILURE).is_reached \
                == is_open, f"{web.network.name}, {address}"
            if own == {"routed"}:
                host = {4: HOST, 6: HOST6}[family]
                assert not edge.outside.connect(protocol, host, web.ports[0]["HostPort"], FAILURE).is_reached


@pytest.mark.parametrize("family", [4, 6])
def test_sctp_goes_as_is_said(edge, containers, family):
    listed = [row for row in rows(edge) if row.get("protocol") == "sctp" and version(row["containerAddress"]) == family]
    # Those that must not arrive first: what comes after them by the same way shows that they had their time.
    for row in sorted(listed, key=lambda row: row["how"] != "none"):
        web = containers[row["endpoint"]]
        before = sctp_packets(web)
        address, number = destination(row)
        edge.outside.run(*PYTHON, SCTP, address, number)
        if row["how"] != "none":
            wait_until(lambda: sctp_packets(web) > before, f"SCTP to arrive: {row}", deadline=20)
    for row in listed:
        if row["how"] == "none":
            assert sctp_packets(containers[row["endpoint"]]) == 0, row
