# SPDX-License-Identifier: Apache-2.0
"""Memory and start with many endpoints, which are made by an engine's calls, for sandboxes that do not exist."""

import re
import shutil
import subprocess
import sys
import tempfile
import time

from bench_daemon import Alone, LoadError
from bench_figures import goal, median, print_table, shown, summary
from bench_machine import memory
from plugind import BINARY

COUNTS, QUICK_COUNTS = (0, 100, 1000, 10_000), (0, 100, 1000)
CALLERS = 16
# A bridge has 1023 ports.
MOST_IN_A_NETWORK = 1000
# After that nothing is done any more that a call caused.
SETTLE_SECONDS = 2
RECONCILED = re.compile(r' Reconciled .*duration="?([\d.e-]+)')

# The goals.
MEMORY_MB, IDLE_MB, BINARY_MB = 64, 20, 30
START_SECONDS = 1


def measure(options, notes):
    rows = []
    for count in QUICK_COUNTS if options.quick else COUNTS:
        try:
            with Alone(options.life_load, options.state_dir, log_level="info") as alone:
                rows.append(measure_count(alone, count, 3 if options.quick else 5))
        except (LoadError, AssertionError) as error:
            notes.append(f"scale: {count} endpoints: {error}")
            continue
        print(f"  {count} endpoints: start {rows[-1]['start']['median']:.0f} ms", file=sys.stderr)
    return {"rows": rows, "binary": stripped_size()}


def measure_count(alone, count, starts):
    """Megabytes and milliseconds."""
    row = {"endpoints": count, "networks": max(10, count // MOST_IN_A_NETWORK) if count else 0}
    if count:
        alone.add_networks(row["networks"])
        row["made in seconds"] = alone.load("fill", CALLERS, count)["seconds"]
    time.sleep(SETTLE_SECONDS)
    row["after calls"] = memory(alone.plugind.pid)
    times = []
    for _ in range(starts):
        alone.plugind.kill()
        times.append(alone.plugind.start() * 1000)
    time.sleep(SETTLE_SECONDS)
    row["after a start"] = memory(alone.plugind.pid)
    row["start"] = summary(times)
    log = alone.plugind.log.read_text(errors="replace")
    reconciled = [float(seconds) * 1000 for seconds in RECONCILED.findall(log)][-starts:]
    row["reconciled"] = median(reconciled)
    row["metrics"] = {
        name: value for (name, labels), value in alone.metrics().items() if name == "plugind_endpoints"}
    return row


def stripped_size():
    """Megabytes, or None without a `strip`."""
    if not shutil.which("strip"):
        return None
    with tempfile.NamedTemporaryFile() as file:
        subprocess.run(["strip", "-o", file.name, str(BINARY)], check=True)
        file.seek(0, 2)
        return file.tell() / 1024 / 1024


def print_scale(result):
    rows = []
    for row in result["rows"]:
        resident = max(row["after calls"]["Rss"], row["after a start"]["Rss"])
        most = IDLE_MB if row["endpoints"] == 0 else MEMORY_MB
        seconds = row["start"]["median"] / 1000
        rows.append([
            row["endpoints"], shown(row.get("made in seconds"), 1),
            *(shown(row[when][kind], 1) for when in ("after calls", "after a start") for kind in ("Rss", "Pss")),
            goal(resident, most), f"{shown(row['start']['median'], 0)} ms", f"{shown(row['reconciled'], 0)} ms",
            goal(seconds, START_SECONDS)])
    print_table(
        "Memory in MB, resident and proportional, and the start until the first answer",
        ["endpoints", "made, s", "after calls: Rss", "Pss", "after a start: Rss", "Pss", "goal", "start", "reconciled",
         "goal"], rows)
    if result["binary"]:
        print(f"stripped binary: {result['binary']:.1f} MB   {goal(result['binary'], BINARY_MB)}")
