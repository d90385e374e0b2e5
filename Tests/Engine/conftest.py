# SPDX-License-Identifier: Apache-2.0
"""Fixtures: an engine with plugind next to it once for all tests of that engine, a fresh lab for each test."""

import os
import random
import signal
import tempfile
from collections import Counter

import pytest

import measured
import plugind as plugind_module
from edge import Edge, removed_in_order
from engine import Engine, Unavailable
from lab import Lab
from plugind import Plugind

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


@pytest.fixture(scope="session", params=["installed", "sid"])
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


@pytest.fixture(params=["plugind stays", "plugind killed after each command"])
def lab(request, engine, plugind):
    """A lab whose plugind stays, then one whose plugind is killed and started after every docker command."""
    yield from open_lab(engine, plugind, kills_plugind=request.param != "plugind stays")


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
        "--part", choices=["alone", "installed", "sid"],
        help="only the tests of plugind alone, or those of one engine: parts may run side by side")


def pytest_collection_modifyitems(config, items):
    part = config.getoption("part")
    if part:
        others = [item for item in items if part_of(item) != part]
        items[:] = [item for item in items if part_of(item) == part]
        config.hook.pytest_deselected(items=others)


def part_of(item):
    """The engine of a test, which is a parameter of one of its fixtures."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return parameters.get("engine") or parameters.get("host") or "alone"


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
