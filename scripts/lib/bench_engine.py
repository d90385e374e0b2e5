# SPDX-License-Identifier: Apache-2.0
"""A real engine, with plugind and with its built-in bridge driver, in turn in one run."""

import contextlib
import http.client
import json
import os
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path

from bench_daemon import ATTACH
from bench_figures import goal, median, print_table, spread, summary
from engine import IMAGE, CommandError, Engine, Unavailable
from plugind import Plugind

BUILT_IN = "built-in"
# Since this version an engine calls Join when the sandbox is there, so that plugind can attach straight into it.
FIRST_WITH_SANDBOX = 28

RUN, START, REMOVE = "docker run --rm", "{} started at once", "{} stopped and removed at once"
NETWORK = "network create + rm"

# The goals.
RUN_RATIO = 1.0
AT_ONCE_RATIO = 0.8


class API:
    """The engine's HTTP API, a kept connection to it: no client's start is in the way of the time."""

    def __init__(self, path):
        self.path = str(path)
        self.connection = self.connect()

    def connect(self):
        connection = http.client.HTTPConnection("docker", timeout=300)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(300)
        connection.sock.connect(self.path)
        # When the engine closes it, the next request is to fail and not to look for a host called docker.
        connection.auto_open = 0
        return connection

    def call(self, method, path, request=None):
        body = None if request is None else json.dumps(request)
        self.connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        response = self.connection.getresponse()
        text = response.read()
        if response.status >= 300:
            raise CommandError(f"{method} {path} is answered {response.status}: {text.decode()[-300:]}")
        return json.loads(text) if text.strip() else None

    def close(self):
        self.connection.close()

    # What is asked of it

    def add_network(self, name, driver):
        options = {ATTACH: driver.attach} if driver.attach else {}
        return self.call("POST", "/networks/create", {
            "Name": name, "Driver": driver.driver, "IPAM": {"Driver": driver.ipam}, "Options": options})["Id"]

    def remove_network(self, network):
        self.call("DELETE", f"/networks/{network}")

    def remove_network_at_last(self, network):
        """Of a network whose containers have just gone: on a busy machine the engine may still be about to see that."""
        for _ in range(100):
            try:
                return self.remove_network(network)
            except CommandError as error:
                refusal = error
                time.sleep(0.1)
        raise refusal

    def add_container(self, name, network):
        return self.call("POST", f"/containers/create?name={name}", {
            "Image": IMAGE, "Cmd": ["sleep", "1000"], "StopSignal": "SIGKILL",
            "HostConfig": {"NetworkMode": network}})["Id"]

    def start(self, container):
        self.call("POST", f"/containers/{container}/start")

    def remove(self, container):
        self.call("DELETE", f"/containers/{container}?force=1")


class Driver:
    """Who makes the networks: plugind in one of its modes, or the engine itself."""

    def __init__(self, name, attach=None):
        self.name, self.attach = name, attach
        self.is_built_in = name == BUILT_IN
        self.driver, self.ipam = ("bridge", "default") if self.is_built_in else ("plugind", "plugind")


def at_once(path, containers, act):
    """Milliseconds until all are done, of calls that begin together, each on a connection of its own."""
    barrier, errors, begins, ends = threading.Barrier(len(containers)), [], [], []
    connections = [API(path) for _ in containers]

    def work(api, container):
        barrier.wait()
        begins.append(time.perf_counter())
        try:
            act(api, container)
            ends.append(time.perf_counter())
        except (CommandError, OSError, http.client.HTTPException) as error:
            errors.append(error)
        finally:
            api.close()

    threads = [threading.Thread(target=work, args=pair) for pair in zip(connections, containers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise CommandError(f"{len(errors)} of {len(containers)} calls failed: {errors[0]}")
    return (max(ends) - min(begins)) * 1000


TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")
# What those are for whom processor time is counted.
PLUGIND, DAEMONS, EVERYTHING = "plugind", "dockerd and containerd", "everything"


class ProcessorTime:
    """Milliseconds of processor time since it was made: of plugind, of the engine's daemons, of the machine."""

    def __init__(self, plugind, engine):
        self.processes = {PLUGIND: [plugind.pid], DAEMONS: daemons_of(engine)}
        self.before = self.now()

    def now(self):
        times = {}
        for name, pids in self.processes.items():
            stats = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
            times[name] = sum(int(fields[11]) + int(fields[12]) for fields in stats) * TICK_MS
        user, nice, system, _, _, interrupt, soft, *_ = map(
            int, Path("/proc/stat").read_text().splitlines()[0].split()[1:])
        times[EVERYTHING] = (user + nice + system + interrupt + soft) * TICK_MS
        return times

    def since(self):
        return {name: time - self.before[name] for name, time in self.now().items()}


def daemons_of(engine):
    namespace = os.readlink(f"/proc/{engine.init}/ns/pid")
    pids = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "comm").read_text().strip() in ("dockerd", "containerd") \
                    and os.readlink(process / "ns/pid") == namespace:
                pids.append(int(process.name))
    return pids


class EngineBench:
    def __init__(self, engine, plugind):
        self.engine, self.plugind = engine, plugind
        self.socket = engine.directory / "docker.sock"
        self.api = API(self.socket)
        self.version = engine.version
        self.drivers = self.find_drivers()
        # Of each thing that is measured: by driver the milliseconds of each round.
        self.times = {}
        # By driver, of each time that containers were started at once: of each process, milliseconds a container.
        self.processor_times = {}

    def find_drivers(self):
        """Those that this plugind and this engine can have: before there were any modes, plugind only moved."""
        drivers = []
        modes = ["direct", "move"] if int(self.version.split(".")[0]) >= FIRST_WITH_SANDBOX else ["move"]
        for mode in modes:
            for driver in (Driver(f"plugind, {mode}", mode), *([Driver("plugind")] if mode == "move" else [])):
                with contextlib.suppress(CommandError):
                    self.api.add_network("trial", driver)
                    self.api.remove_network("trial")
                    drivers.append(driver)
                    break
        return [*drivers, Driver(BUILT_IN)]

    def in_turn(self, number):
        """All drivers, each round another one first, so that whatever slows the machine down slows all."""
        shift = number % len(self.drivers)
        return self.drivers[shift:] + self.drivers[:shift]

    def note(self, what, driver, milliseconds):
        self.times.setdefault(what, {}).setdefault(driver.name, []).append(milliseconds)

    # What is measured

    def runs(self, rounds):
        for driver in self.drivers:
            self.api.add_network(driver.name.replace(", ", "-"), driver)
        # The first ones are not counted.
        for number in range(-1, rounds):
            for driver in self.in_turn(number):
                begin = time.perf_counter()
                self.engine.docker("run", "--rm", "--network", driver.name.replace(", ", "-"), IMAGE, "true")
                if number >= 0:
                    self.note(RUN, driver, (time.perf_counter() - begin) * 1000)
        for driver in self.drivers:
            self.api.remove_network(driver.name.replace(", ", "-"))

    def networks(self, rounds):
        for number in range(-1, rounds):
            for driver in self.in_turn(number):
                begin = time.perf_counter()
                self.api.add_network("one", driver)
                self.api.remove_network("one")
                if number >= 0:
                    self.note(NETWORK, driver, (time.perf_counter() - begin) * 1000)

    def containers(self, rounds, networks, each):
        what = f"{networks} networks x {each}" if networks > 1 else str(each)
        for number in range(rounds):
            for driver in self.in_turn(number):
                ids = [self.api.add_network(f"many-{index}", driver) for index in range(networks)]
                containers = [
                    self.api.add_container(f"many-{index}-{more}", network)
                    for index, network in enumerate(ids) for more in range(each)]
                try:
                    processor_time = ProcessorTime(self.plugind, self.engine)
                    self.note(START.format(what), driver, at_once(self.socket, containers, API.start))
                    if networks == 1:
                        self.processor_times.setdefault(driver.name, []).append(
                            {name: time / each for name, time in processor_time.since().items()})
                    self.note(REMOVE.format(what), driver, at_once(self.socket, containers, API.remove))
                except CommandError:
                    for container in containers:
                        with contextlib.suppress(CommandError):
                            self.api.remove(container)
                    raise
                finally:
                    for network in ids:
                        self.api.remove_network_at_last(network)
                print(f"  Docker {self.version}, {what} containers, {driver.name}: "
                      f"{self.times[START.format(what)][driver.name][-1]:.0f} ms, "
                      f"{self.times[REMOVE.format(what)][driver.name][-1]:.0f} ms", file=sys.stderr)

    def result(self):
        rows = []
        for what, by_driver in self.times.items():
            if not all(driver.name in by_driver for driver in self.drivers):
                continue  # A call failed, which is noted.
            built_in = by_driver[BUILT_IN]
            milliseconds = {name: summary(times) for name, times in by_driver.items()}
            row = {"what": what, "milliseconds": milliseconds, "ratio": {}}
            for driver in self.drivers:
                if not driver.is_built_in:
                    ratios = [one / other for one, other in zip(by_driver[driver.name], built_in)]
                    row["ratio"][driver.name] = {
                        **summary(ratios), "of medians": median(by_driver[driver.name]) / median(built_in)}
            rows.append(row)
        processor_times = {
            name: {process: median([one[process] for one in times]) for process in times[0]}
            for name, times in self.processor_times.items()}
        return {"version": self.version, "rows": rows, "processor": processor_times}


def measure(options, parts, notes):
    """Figures by engine; those that this machine cannot have are noted."""
    results = []
    for name in options.engines:
        with tempfile.TemporaryDirectory(prefix="plugind-bench-", ignore_cleanup_errors=True) as directory:
            try:
                engine = Engine(name, f"{directory}/engine")
            except Unavailable as reason:
                notes.append(f"engine {name}: {reason}")
                continue
            plugind = Plugind(
                "/run/docker/plugins", "/run/engine/state", f"{directory}/plugind.log", engine.namespaces,
                seen_as=engine.directory / "plugins", log_level="notice")
            try:
                plugind.start()
                results.append(measure_engine(engine, plugind, options, parts, notes))
            finally:
                if plugind.is_running():
                    plugind.kill()
                engine.stop()
    return results


def measure_engine(engine, plugind, options, parts, notes):
    bench, quick = EngineBench(engine, plugind), options.quick
    steps = [lambda: bench.runs(options.pairs or (5 if quick else 20))]
    if "engine" in parts:
        steps += [
            lambda: bench.networks(5 if quick else 20), lambda: bench.containers(1 if quick else 5, 1, 50),
            lambda: bench.containers(1 if quick else 3, 10, 4 if quick else 20)]
    for step in steps:
        try:
            step()
        except CommandError as error:
            notes.append(f"Docker {engine.version}: {error}")
    bench.api.close()
    return bench.result()


def print_engines(results):
    for result in results:
        rows = []
        for row in result["rows"]:
            what = row["what"]
            bound = RUN_RATIO if what == RUN else AT_ONCE_RATIO if what[:2] == "50" else None
            for name, times in row["milliseconds"].items():
                ratio = row["ratio"].get(name)
                rows.append([
                    what, name, times["count"], spread(times, 0), spread(ratio, 2) if ratio else "",
                    goal(ratio["median"], bound) if ratio and bound else ""])
        print_table(
            f"Docker {result['version']}, milliseconds, median and middle half; the ratios are those of the rounds",
            ["what", "driver", "rounds", "milliseconds", "ratio", "goal"], rows)
        print_table(
            "Processor time of a container of 50 that start at once, milliseconds",
            ["driver", PLUGIND, DAEMONS, EVERYTHING],
            [[name, *(f"{times[process]:.1f}" for process in (PLUGIND, DAEMONS, EVERYTHING))]
             for name, times in result["processor"].items()])
