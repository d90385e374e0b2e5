# SPDX-License-Identifier: Apache-2.0
"""Fixtures: an engine with plugind next to it once for all tests of that engine, a fresh lab for each test."""

import os
import random
import signal
import tempfile
import zlib
from collections import Counter

import pytest

import measured
import plugind as plugind_module
from edge import Edge, removed_in_order
from engine import Engine, Unavailable
from lab import Lab
from plugind import Plugind

# Without it, what differs little from engine to engine is played with one of them.
PLAYS_ALL = bool(os.environ.get("PLUGIND_TEST_ALL"))
ENGINES = ("installed", "sid")
WAYS = ("plugind stays", "plugind killed after each command")
SEED = int(os.environ.get("PLUGIND_TEST_SEED", random.randrange(1_000_000)))

unavailable = {}
versions = {}
# What test_faults.py did, by name; and all in all.
TALLY = Counter()
FAULTS = {"points": set(), "combinations": 0, "failed": 0}


@pytest.fixture(scope="session")
def binary():
    if not os.access(plugind_module.BINARY, os.X_OK):
        pytest.fail(f"{plugind_module.BINARY} is not there; build it or set PLUGIND_BINARY")
    return plugind_module.BINARY


@pytest.fixture(scope="session", params=ENGINES)
def engine(request, binary):
    with tempfile.TemporaryDirectory(prefix="plugind-test-", ignore_cleanup_errors=True) as directory:
        try:
            engine = Engine(request.param, f"{directory}/{request.param}")
        except Unavailable as reason:
            unavailable[request.param] = str(reason)
            pytest.skip(f"engine '{request.param}': {reason}")
        versions[request.param] = engine.version
        yield engine
        engine.stop()


@pytest.fixture(scope="session")
def plugind(engine):
    plugind = Plugind(
        "/run/docker/plugins", "/run/engine/state", engine.directory / "plugind.log", engine.namespaces,
        seen_as=engine.directory / "plugins")
    plugind.start()
    # What the first network of a driver brings along for good (chains of the packet filter, say) is no leftover.
    warm_up = Lab(engine, plugind)
    warm_up.container("first", warm_up.network("warm-up", "--ipv6"))
    warm_up.container("second", warm_up.network("built-in", driver="bridge"))
    warm_up.remove_containers()
    warm_up.remove_networks()
    yield plugind
    assert plugind.stop() == 0, "plugind does not end with status 0 on SIGTERM"


@pytest.fixture(params=WAYS)
def lab(request, engine, plugind):
    """A lab whose plugind stays, then one whose plugind is killed and started after every docker command."""
    yield from open_lab(engine, plugind, kills_plugind=request.param == WAYS[1])


@pytest.fixture
def steady_lab(engine, plugind):
    """A lab whose plugind is left alone."""
    yield from open_lab(engine, plugind, kills_plugind=False)


@pytest.fixture(scope="module")
def edge(request, binary, tmp_path_factory):
    """A host without an engine, for all tests of a module."""
    edge = Edge(tmp_path_factory.mktemp(request.module.__name__))
    yield edge
    removed_in_order(edge)


def open_lab(engine, plugind, kills_plugind):
    if not plugind.is_running():
        plugind.start()
    lab = Lab(engine, plugind, kills_plugind)
    yield lab
    lab.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A failure shows what plugind wrote last."""
    outcome = yield
    report = outcome.get_result()
    process = item.funcargs.get("plugind") or item.funcargs.get("lone_plugind")
    if "edge" in item.funcargs:
        process = item.funcargs["edge"].plugind
    if report.failed and process is not None:
        report.sections.append(("last lines of plugind", process.last_lines()))


def pytest_addoption(parser):
    parser.addoption(
        "--part", choices=["faults", "alone", *ENGINES],
        help="only the tests of failures, those of plugind alone, or those of one engine: parts may run side by side")


def pytest_configure(config):
    config.addinivalue_line("markers", "one_engine: differs so little from engine to engine that one will do, or the named")
    config.addinivalue_line("markers", "ways(*parameters): each engine plays one in four combinations of them, by the seed")


def pytest_collection_modifyitems(config, items):
    part = config.getoption("part")
    if part:
        chosen = [item for item in items if part_of(item) == part and (PLAYS_ALL or is_played(item))]
        others = set(items) - set(chosen)
        items[:] = chosen
        config.hook.pytest_deselected(items=others)


def part_of(item):
    """The engine of a test, which is a parameter of one of its fixtures."""
    return engine_of(item) or ("faults" if item.module.__name__ == "test_faults" else "alone")


def engine_of(item):
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return parameters.get("engine") or parameters.get("host")


def is_played(item):
    """Whether an engine plays a test: what is played in two ways is played in one by each of them."""
    engine = engine_of(item)
    if engine is None:
        return True
    share = zlib.crc32(item.originalname.encode()) + ENGINES.index(engine)
    if one := item.get_closest_marker("one_engine"):
        return engine == one.args[0] if one.args else share % 2 == 0
    if ways := item.get_closest_marker("ways"):
        way = sum(item.callspec.indices[name] for name in ways.args)
        return (way + 2 * ENGINES.index(engine) + SEED) % 4 == 0
    way = way_of(item)
    if "direct_ways" in item.fixturenames:
        # Only one of the engines can play it at all.
        share = zlib.crc32(item.originalname.encode())
    return way is None or (way + share) % 2 == 0


def way_of(item):
    """Of a test that is played with and without killing plugind, which one it is."""
    return WAYS.index(item.callspec.params["lab"]) if "lab" in item.callspec.params else None


def pytest_sessionstart():
    # Whoever ends the tests ends them in order, so that no engine stays behind.
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("ended by SIGTERM", returncode=143))


def pytest_report_header():
    return f"plugind: {plugind_module.BINARY}; seed of shuffled replays: {SEED} (set PLUGIND_TEST_SEED to repeat)"


def pytest_terminal_summary(terminalreporter):
    for name, version in versions.items():
        terminalreporter.write_line(f"engine '{name}': Docker {version}")
    for line in measured.lines:
        terminalreporter.write_line(line)
    for name, count in TALLY.items():
        terminalreporter.write_line(f"{count:5} {name}")
    if FAULTS["combinations"]:
        end = f"{FAULTS['failed']} FAILED" if FAULTS["failed"] else "all green"
        terminalreporter.write_line(
            f"fault points: {len(FAULTS['points'])}; combinations: {FAULTS['combinations']}, {end}")
    for name, reason in unavailable.items():
        terminalreporter.section(f"ENGINE '{name}' WAS NOT TESTED", sep="!", red=True, bold=True)
        terminalreporter.write_line(f"every test on it was skipped: {reason}", red=True, bold=True)
