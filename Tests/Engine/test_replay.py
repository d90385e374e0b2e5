# SPDX-License-Identifier: Apache-2.0
"""Every recorded session, played against a plugind that is alone in a network namespace: never a crash, never a
failure without a reason, never a leftover."""

import random
import sqlite3
import subprocess
from collections import Counter

import pytest

import hoststate
import replay
from conftest import PLAYS_ALL, SEED
from plugind import Connection, Plugind

RECORDINGS = sorted(replay.RECORDINGS.glob("*.jsonl"))
TABLES = ("network", "endpoint", "pool", "address", "rest", "reservation")

# Where plugind, which is not the plugin that was recorded, refuses what that one granted: part of the recording's name,
# and words of the reason.
EXPECTED_REFUSALS = [
    ("", "overlaps"),
    # plugind keeps its state and asks for no replay: to have addresses asked for twice is not a replay but a mistake.
    ("request-replay", "is taken"),
    ("request-replay", "is not known"),
    # The engine lost track of endpoints and never had them deleted.
    ("daemon-killed", "active endpoint"),
    # Repeated calls come with an empty body.
    ("plugin-closes-without-answer", ""),
]


def is_expected(recording, reason):
    return any(name in recording.name and words in reason for name, words in EXPECTED_REFUSALS)


@pytest.fixture(scope="module")
def namespace():
    holder = subprocess.Popen(["unshare", "--net", "sh", "-c", "ip link set lo up; echo; exec sleep infinity"],
                              stdout=subprocess.PIPE)
    holder.stdout.readline()
    yield ["nsenter", "--target", str(holder.pid), "--net", "--"]
    holder.kill()
    holder.wait()


@pytest.fixture(scope="module")
def lone_plugind(binary, namespace, tmp_path_factory):
    directory = tmp_path_factory.mktemp("replay")
    plugind = Plugind(directory / "plugins", directory / "state", directory / "plugind.log", namespace)
    plugind.state = directory / "state"
    plugind.start()
    yield plugind
    assert plugind.stop() == 0, "plugind does not end with status 0 on SIGTERM"


@pytest.fixture(scope="module")
def connection(lone_plugind):
    """One connection for all, as an engine keeps it."""
    with Connection(lone_plugind.socket) as connection:
        yield connection


def stored(plugind):
    """How many rows each table of plugind's state has."""
    rows = Counter()
    for file in plugind.state.iterdir():
        if file.read_bytes()[:15] == b"SQLite format 3":
            with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as database:
                for table in TABLES:
                    rows[table] += database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    return rows


@pytest.fixture(scope="module")
def clean(lone_plugind, connection, namespace):
    return hoststate.read(namespace, with_engine=False)


@pytest.fixture
def session(lone_plugind, connection, namespace, clean):
    process = lone_plugind.process
    session = replay.Session(connection)
    yield session
    session.delete_everything()
    assert process.poll() is None, f"plugind has ended:\n{lone_plugind.last_lines()}"
    hoststate.assert_same(clean, lambda: hoststate.read(namespace, with_engine=False), deadline=1)
    assert not +stored(lone_plugind), "plugind keeps what was deleted"


def each_of(recordings):
    return pytest.mark.parametrize("recording", recordings, ids=lambda recording: recording.stem)


each_recording = each_of(RECORDINGS)
# What is drawn by lot in each run anyway is played with every third, another third by the seed.
some_recordings = each_of(RECORDINGS if PLAYS_ALL else RECORDINGS[SEED % 3::3])


def test_there_are_recordings():
    assert len(RECORDINGS) > 100


@each_recording
def test_a_session_is_served(session, recording):
    for exchange in replay.load(recording):
        session.play(exchange)
    surprises = [refusal for refusal in session.refusals if not is_expected(recording, refusal[1])]
    assert surprises == [], "refused, though the recorded plugin granted it"


@each_recording
def test_a_call_that_comes_twice_is_answered_the_same(session, recording):
    for exchange in replay.load(recording):
        request, *first = session.play(exchange)
        second = session.call(exchange["path"], request)
        if exchange["path"] not in replay.GIVES_SOMETHING:
            assert list(second) == first, f"{exchange['path']} {request}"


@some_recordings
def test_calls_about_what_nobody_knows_are_survived(session, recording):
    dice = random.Random(f"{SEED} {recording.stem}")
    for exchange in replay.load(recording):
        session.play(replay.strangers(exchange, dice))


@some_recordings
def test_a_session_in_any_order_is_survived(session, recording):
    print(f"seed {SEED}")
    for exchange in replay.shuffled(replay.load(recording), f"{SEED} {recording.stem}"):
        session.play(exchange)
