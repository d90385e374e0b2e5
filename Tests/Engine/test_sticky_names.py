# SPDX-License-Identifier: Apache-2.0
"""Addresses that stay with the names that only engines from 29 on send: what such an engine was recorded to send, and
calls made by hand, to a plugind without an engine."""

import contextlib
import json
import re
import time

import pytest

import replay
from ipam import NAME, LonePlugind
from lab import wait_until
from plugind import Connection

MAC, OTHER_MAC = "02:11:22:33:44:55", "02:11:22:33:44:66"
MOMENT = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"


@pytest.fixture(scope="module")
def shared_plugind(binary, tmp_path_factory):
    with contextlib.closing(LonePlugind(tmp_path_factory.mktemp("names"))) as plugind:
        plugind.start()
        yield plugind


@pytest.fixture
def lone_plugind(shared_plugind):
    yield shared_plugind
    shared_plugind.release_pools()
    for table in ("pool", "address", "rest"):
        assert shared_plugind.rows(table) == [], f"{table}: something is left"


@pytest.fixture
def own_plugind(binary, tmp_path):
    """One for a test that wants settings of its own."""
    with contextlib.closing(LonePlugind(tmp_path)) as plugind:
        yield plugind


@pytest.fixture(params=["plugind stays", "plugind killed in between"])
def meanwhile(request, lone_plugind):
    """What is done between two steps."""
    return lone_plugind.kill_and_start if "killed" in request.param else lambda: None


def newer_engines_recordings():
    """Those in which a name asks a pool more than once."""
    for recording in sorted(replay.RECORDINGS.glob("head-*.jsonl")):
        asked = [exchange["request"]["PoolID"] + exchange["request"]["Options"][NAME]
                 for exchange in map(json.loads, recording.read_text().splitlines()) if is_by_name(exchange)]
        if len(asked) > len(set(asked)):
            yield recording


def is_by_name(exchange):
    """Whether somebody with a name asks for any address."""
    request = exchange["request"] or {}
    return (exchange["path"] == "/IpamDriver.RequestAddress" and NAME in (request.get("Options") or {})
            and not request["Address"])


@pytest.mark.parametrize("recording", newer_engines_recordings(), ids=lambda recording: recording.stem)
def test_who_comes_back_in_a_session_of_a_newer_engine_gets_the_address_it_had(lone_plugind, recording):
    held, claims = {}, {}
    with Connection(lone_plugind.socket) as connection:
        session = replay.Session(connection)
        for exchange in replay.load(recording):
            request, status, answer = session.play(exchange)
            if status != 200:
                continue
            if is_by_name(exchange):
                address, holder = answer["Address"].split("/")[0], (request["PoolID"], request["Options"][NAME])
                assert address == claims.pop(holder, address), f"{holder[1]} has come back to another address"
                held[request["PoolID"], address] = holder
            elif exchange["path"] == "/IpamDriver.ReleaseAddress" and request:
                key = request["PoolID"], request["Address"]
                if key in held:
                    claims[held.pop(key)] = request["Address"]
        session.delete_everything()


def test_a_recording_has_somebody_who_comes_back():
    assert {"head-container-stop-start-rm", "head-container-restart"} <= {
        recording.stem for recording in newer_engines_recordings()}


def test_a_name_that_stops_and_starts_has_the_address_it_had(lone_plugind, meanwhile):
    pools = [lone_plugind.pool("10.77.0.0/24"), lone_plugind.pool("fd77::/64")]
    given = [(pool.gateway(), pool.give("ada"), pool.give("bob"), pool.give("cleo")) for pool in pools]
    for pool, (_, ada, bob, cleo) in zip(pools, given):
        meanwhile()
        pool.take_back(cleo, ada, bob)
        meanwhile()
        assert pool.give("dora") not in (ada, bob, cleo)
        assert [pool.give(name) for name in ("ada", "bob", "cleo")] == [ada, bob, cleo]


def test_a_name_keeps_an_address_in_each_pool(lone_plugind):
    first, second = lone_plugind.pool("10.77.0.0/24"), lone_plugind.pool("10.78.0.0/24")
    second.give("bob")
    given = first.give("ada"), second.give("ada")
    first.take_back(given[0])
    second.take_back(given[1])
    assert (second.give("ada"), first.give("ada")) == tuple(reversed(given))


def test_a_container_that_is_made_anew_under_its_name_has_the_address_it_had(lone_plugind, meanwhile):
    # Compose makes the new one under another name, removes the old one, renames the new one and only then starts it.
    pool = lone_plugind.pool("10.77.0.0/24")
    old = pool.give("web-1")
    meanwhile()
    pool.take_back(old)
    meanwhile()
    assert pool.give("web-1") == old


def test_a_container_that_was_renamed_leaves_its_address_to_its_old_name(lone_plugind):
    # Others rename the old one, start the new one beside it, and remove the old one in the end.
    pool = lone_plugind.pool("10.77.0.0/24")
    old = pool.give("web")
    new = pool.give("web")
    assert new != old, "the old one has it still"
    pool.take_back(old)
    pool.take_back(new)
    assert pool.give("web") == new, "the newest of its addresses"


def test_a_made_up_mac_address_does_not_matter_where_there_is_a_name(lone_plugind):
    pool = lone_plugind.pool("10.77.0.0/24")
    address = pool.give("ada", mac=MAC)
    pool.take_back(address)
    assert pool.give("bob", mac=MAC) != address
    assert pool.give("ada", mac=OTHER_MAC) == address


def test_an_address_that_is_held_is_refused_with_its_holder_and_since_when(lone_plugind, meanwhile):
    pool = lone_plugind.pool("10.77.0.0/24")
    pool.give("ada", "10.77.0.50")
    meanwhile()
    words = pool.refuse("bob", "10.77.0.50")
    assert "10.77.0.50" in words and "container ada" in words and re.search(f"since {MOMENT}", words), words


def test_a_fixed_address_of_a_stopped_container_is_refused_with_its_holder_and_until_when(lone_plugind, meanwhile):
    pool = lone_plugind.pool("10.77.0.0/24")
    pool.give("ada", "10.77.0.50")
    pool.take_back("10.77.0.50")
    meanwhile()
    words = pool.refuse("bob", "10.77.0.50")
    assert "10.77.0.50" in words and "container ada" in words and re.search(MOMENT, words), words
    assert pool.give("ada", "10.77.0.50") == "10.77.0.50"


def test_an_address_that_was_not_fixed_can_be_had_by_number_when_its_holder_is_gone(lone_plugind):
    pool = lone_plugind.pool("10.77.0.0/24")
    address = pool.give("ada")
    pool.take_back(address)
    assert pool.give("bob", address) == address
    assert pool.give("ada") != address


def test_a_fixed_address_is_chosen_for_nobody_else_though_everything_else_is_given(lone_plugind, meanwhile):
    pool = lone_plugind.pool("10.77.0.0/29")
    pool.gateway()
    pool.give("ada", "10.77.0.3")
    pool.take_back("10.77.0.3")
    meanwhile()
    given = {pool.give(f"c{number}") for number in range(4)}
    assert given == {"10.77.0.2", "10.77.0.4", "10.77.0.5", "10.77.0.6"}
    assert "no address is free in 10.77.0.0/29" in pool.refuse("late")
    assert pool.give("ada") == "10.77.0.3"


def test_a_full_pool_gives_claims_away_the_oldest_first_and_says_so(lone_plugind, meanwhile):
    pool = lone_plugind.pool("10.77.0.0/29")
    pool.gateway()
    given = {name: pool.give(name) for name in ("ada", "bob", "cleo", "dora", "eve")}
    for name in ("cleo", "ada", "eve"):
        pool.take_back(given[name])
        time.sleep(0.002)
    meanwhile()
    assert [pool.give("new"), pool.give("newer")] == [given["cleo"], given["ada"]]
    assert pool.give("eve") == given["eve"], "who still has a claim"
    assert "no address is free in 10.77.0.0/29" in pool.refuse("newest")
    for name in ("cleo", "ada"):
        assert re.search(rf"NOTICE .*{re.escape(given[name])}.*{name}", lone_plugind.last_lines(50))
        assert any(given[name] in row["subject"] and "no other is left" in row["reason"] and f"{name} " in row["reason"]
                   for row in lone_plugind.rows("audit"))


def test_nothing_is_kept_where_that_is_switched_off(lone_plugind):
    pool = lone_plugind.pool("10.77.0.0/24", sticky="off")
    address = pool.give("ada")
    pool.take_back(address)
    assert pool.give("ada") != address


def test_a_claim_ends_when_its_time_is_over(lone_plugind):
    pool = lone_plugind.pool("10.77.0.0/30", sticky="1s", quarantine="0")
    pool.gateway()
    pool.give("ada", "10.77.0.2")
    pool.take_back("10.77.0.2")
    wait_until(lambda: pool.plugind.call(
        "/IpamDriver.RequestAddress", pool.request("bob", "10.77.0.2"))[0] == 200, "the claim to end")


RESERVED = {
    "by an option": ({"reserve": f"web=10.77.0.2,{MAC}=10.77.0.3"}, {}),
    "in the configuration file": ({}, {"reservations": [
        {"name": "web", "addresses": ["10.77.0.2", "fd77::2"]}, {"mac": MAC, "address": "10.77.0.3"}]}),
}


@pytest.mark.parametrize("options, settings", RESERVED.values(), ids=RESERVED)
def test_a_reserved_address_is_for_whom_it_is_reserved(own_plugind, options, settings):
    plugind = own_plugind
    plugind.start_with(**settings)
    pool = plugind.pool("10.77.0.0/29", **options)
    assert pool.gateway() == "10.77.0.1"
    assert {pool.give(name) for name in ("ada", "bob", "cleo")} == {"10.77.0.4", "10.77.0.5", "10.77.0.6"}
    assert "no address is free in 10.77.0.0/29" in pool.refuse("dora")
    words = pool.refuse("ada", "10.77.0.2")
    assert "10.77.0.2" in words and "reserved" in words and "web" in words, words
    words = pool.refuse("ada", "10.77.0.3", mac=OTHER_MAC)
    assert "10.77.0.3" in words and "reserved" in words and MAC in words, words
    plugind.kill_and_start()
    assert pool.give("web") == "10.77.0.2"
    assert pool.give("printer", mac=MAC) == "10.77.0.3"
    words = pool.refuse("web")
    assert "10.77.0.2" in words and "container web" in words and re.search(f"since {MOMENT}", words), words
    if settings:
        other = plugind.pool("fd77::/64")
        assert other.give("web") == "fd77::2"


def test_an_address_is_reserved_and_set_free_by_command(own_plugind):
    plugind = own_plugind
    plugind.start_with()
    pool = plugind.pool("10.77.0.0/29")
    pool.gateway()
    assert "10.77.0.2" in plugind.tool("reserve", "add", "web", "10.77.0.2", "fd77::2")
    plugind.kill_and_start()
    assert {pool.give(name) for name in ("ada", "bob", "cleo", "dora")} == {
        f"10.77.0.{number}" for number in range(3, 7)}
    assert pool.give("web") == "10.77.0.2"
    pool.take_back("10.77.0.2")
    words = pool.refuse("eve", "10.77.0.2")
    assert "10.77.0.2" in words and "reserved" in words and "web" in words, words
    assert "10.77.0.2" in plugind.tool("reserve", "list")
    plugind.tool("reserve", "remove", "10.77.0.2", "fd77::2")
    plugind.kill_and_start()
    assert pool.give("eve", "10.77.0.2") == "10.77.0.2"
    assert plugind.rows("reservation") == []


def test_mac_addresses_are_asked_for_where_the_configuration_says_so(own_plugind):
    plugind = own_plugind
    plugind.start_with()
    assert not plugind.needs_mac_addresses()
    plugind.start_with(mac_claims="on")
    assert plugind.needs_mac_addresses()
    plugind.start_with(mac_claims="off")
    assert not plugind.needs_mac_addresses()
