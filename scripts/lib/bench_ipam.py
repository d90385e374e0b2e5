# SPDX-License-Identifier: Apache-2.0
"""The measurements of scripts/bench-ipam.sh, which says what they are."""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Tests" / "Engine"))

from bench_figures import verdict  # noqa: E402  (as what follows, after the path above)
from bench_machine import IN_MEMORY, describe_machine, machine_line  # noqa: E402
from plugind import Plugind  # noqa: E402

CALLERS = (1, 8, 64)
# Addresses a round. The pools are /16, with 65 534.
COUNT = {1: 2_000, 8: 10_000, 64: 30_000}

# The goals.
DURABLE_PER_SECOND = 10_000
SLOWDOWN_AT_99 = 2.0
BYTES_PER_ADDRESS = 200
START_SECONDS = 1.0

WALL_CLOCK = "Time (wall clock)"
BYTES = "Bytes per given address"


# Durable allocations

def measure_durable(options, directory):
    """By number of callers: rates of requests and releases, and the latencies of the median round."""
    prefix = ["unshare", "--net", "--kill-child", "--fork", "--"]
    # A socket path is short, and the state is to be on the disk.
    with tempfile.TemporaryDirectory(prefix="plugind-bench-") as place:
        os.environ["PLUGIND_CONTROL_SOCKET"] = f"{place}/control.sock"
        daemon = Plugind(f"{place}/plugins", f"{directory}/state", f"{place}/plugind.log", prefix, log_level="info")
        daemon.start()
        try:
            rows = {}
            for callers in CALLERS:
                rounds = [load(options, daemon, callers, number) for number in range(1 if options.quick else 3)]
                rows[callers] = {kind: middle([one[kind] for one in rounds]) for kind in ("request", "release")}
            return rows
        except subprocess.CalledProcessError as error:
            sys.exit(f"{error.stderr.strip()}\n{daemon.last_lines()}")
        finally:
            if daemon.is_running():
                daemon.stop()


def load(options, daemon, callers, number):
    """One round, in a pool of its own; figures by kind of call."""
    pool = call(daemon, "RequestPool", {
        "AddressSpace": "plugind-local", "Pool": f"10.{callers}.0.0/16", "SubPool": "", "Options": {},
        "V6": False})["PoolID"]
    try:
        done = subprocess.run(
            [options.load, daemon.socket, pool, str(callers), str(COUNT[callers])],
            capture_output=True, text=True, check=True, timeout=300)
    finally:
        call(daemon, "ReleasePool", {"PoolID": pool})
    result = {
        kind: {"rate": COUNT[callers] / figures["seconds"], **figures["calls"]}
        for kind, figures in json.loads(done.stdout).items()}
    print(f"  {callers} callers, round {number + 1}: {result['request']['rate']:.0f}/s", file=sys.stderr)
    return result


def call(daemon, method, request):
    status, answer = daemon.call(f"/IpamDriver.{method}", request)
    if status != 200:
        sys.exit(f"{method} is answered {status}: {answer.get('Err')}")
    return answer


def middle(rounds):
    """The round with the median rate."""
    return sorted(rounds, key=lambda one: one["rate"])[len(rounds) // 2]


# The benchmark package

def read_package(path):
    """By name of the benchmark: the figure that it measures, by percentile."""
    for line in Path(path).read_text().splitlines():
        if line.startswith("[{"):
            figures = {}
            for one in json.loads(line):
                name = one["benchmark"].removeprefix("package.benchmark.IPAMBenchmarks.")
                # What others measured may be among the metrics as well.
                metric = BYTES if name.startswith("Memory:") else WALL_CLOCK
                figures[name] = next(
                    value["scorePercentiles"] for key, value in one["secondaryMetrics"].items()
                    if key.startswith(metric))
            return dict(sorted(figures.items(), key=lambda item: order(item[0])))
    return {}


def order(name):
    """By pool, then by names, then by how full it is."""
    kind, *parts = name.split(":")
    numbers = [float(part.lstrip("/")) for part in parts if part != "named"]
    return kind, -numbers[0], "named" in parts, numbers


# Tables

def print_durable(rows):
    print("\ndurable allocations over the socket, each with another name; latency in milliseconds")
    print(f"{'callers':>7}  {'call':<8} {'a second':>9} {'median':>8} {'p99':>8} {'max':>8}   goal")
    for callers, kinds in rows.items():
        for kind, row in kinds.items():
            times = " ".join(f"{row[name]:8.2f}" for name in ("median", "p99", "max"))
            goal = ""
            if callers == CALLERS[-1] and kind == "request":
                goal = f"   >= {DURABLE_PER_SECOND}: {verdict(row['rate'], DURABLE_PER_SECOND, is_at_least=True)}"
            print(f"{callers:>7}  {kind:<8} {row['rate']:9.0f} {times}{goal}")


def print_allocation(package):
    print("\none address requested and released, without a store; microseconds")
    print(f"{'pool':<5} {'full, %':>7} {'names':>5} {'median':>8} {'p99':>8} {'p99 / empty':>11}   goal")
    for name, times in package.items():
        match = re.fullmatch(r"Allocate:(/\d+):([\d.]+)(:named)?", name)
        if not match:
            continue
        pool, part, named = match.groups()
        empty = package.get(f"Allocate:{pool}:0{named or ''}")
        ratio = times["99.0"] / empty["99.0"] if empty else None
        goal = f"   <= {SLOWDOWN_AT_99:g}: {verdict(ratio, SLOWDOWN_AT_99)}" if part == "99" and ratio else ""
        shown = f"{ratio:11.2f}" if ratio else f"{'-':>11}"
        print(f"{pool:<5} {part:>7} {'yes' if named else 'no':>5} {times['50.0']:8.1f} {times['99.0']:8.1f} "
              f"{shown}{goal}")


def print_rest(package):
    print()
    for name, figures in package.items():
        if match := re.fullmatch(r"Memory:(/\d+):(\d+)(:named)?", name):
            pool, count, named = match.groups()
            size = figures["50.0"]
            what = f"bytes a given address, {count} in a {pool}{', with names' if named else ''}"
            print(f"{what:<58} {size:8.0f}   <= {BYTES_PER_ADDRESS}: {verdict(size, BYTES_PER_ADDRESS)}")
        if match := re.fullmatch(r"Start:(\d+)", name):
            seconds = figures["50.0"] / 1e6
            what = f"seconds to start with {match[1]} stored addresses"
            print(f"{what:<58} {seconds:8.2f}   <= {START_SECONDS:g}: {verdict(seconds, START_SECONDS)}")


def main():
    arguments = argparse.ArgumentParser(prog="bench-ipam.sh")
    arguments.add_argument("--load", required=True, help=argparse.SUPPRESS)
    arguments.add_argument("--package", required=True, help=argparse.SUPPRESS)
    arguments.add_argument("--quick", action="store_true", help="fewer rounds, fewer pools")
    arguments.add_argument("--state-dir", default="/var/tmp", help="on the disk that is to be measured")
    arguments.add_argument("--without-package", action="store_true", help="only what needs no benchmark package")
    options = arguments.parse_args()

    with tempfile.TemporaryDirectory(prefix="plugind-bench-", dir=options.state_dir) as directory:
        machine = describe_machine(directory)
        if machine["file system"] in IN_MEMORY:
            sys.exit(f"{options.state_dir} is in a {machine['file system']}, which is no disk: "
                     "give another --state-dir")
        rows = measure_durable(options, directory)
    package = read_package(options.package)
    if not package and not options.without_package:
        sys.exit("the benchmark package gave no results; its last words:\n" + "\n".join(
            Path(options.package).read_text().splitlines()[-20:]))

    print(machine_line(machine))
    print_durable(rows)
    if package:
        print_allocation(package)
        print_rest(package)
    print()
    print(json.dumps({"machine": machine, "quick": options.quick, "durable": rows, "package": package}))


if __name__ == "__main__":
    main()
