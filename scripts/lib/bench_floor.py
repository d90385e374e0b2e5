# SPDX-License-Identifier: Apache-2.0
"""The floor: what the kernel charges for the life of an endpoint, without and with what a durable record needs."""

import tempfile
import time

from bench_daemon import SETTLE_SECONDS, figures_of
from bench_figures import median, print_table, shown, spread, summary

VARIANTS = ("shared", "one", "move")
# How many lives are played, by callers.
COUNT = {"shared": {1: 300, 8: 800}, "one": {1: 100, 8: 300}, "move": {1: 50, 8: 100}}
WHAT = {
    "shared": "straight into the sandbox, deleted together",
    "one": "straight into the sandbox, each deleted for itself",
    "move": "moved there and back, each deleted for itself"}


class Floor:
    def __init__(self, options):
        self.options = options
        self.rounds = {}

    def measure(self, flushes):
        """One round, of each variant: alone, by several callers, and durable by so many flushes."""
        with tempfile.TemporaryDirectory(prefix="plugind-bench-", dir=self.options.state_dir) as directory:
            for variant in VARIANTS:
                for callers in (1, 8):
                    self.run(variant, callers, 0, directory)
                self.run(variant, 1, flushes, directory)

    def run(self, variant, callers, flushes, directory):
        count = COUNT[variant][callers] // (3 if self.options.quick else 1)
        durable = [flushes, directory] if flushes else []
        self.rounds.setdefault((variant, callers, flushes), []).append(
            figures_of(self.options.floor, variant, callers, count, *durable))
        time.sleep(SETTLE_SECONDS)

    def result(self):
        rows = []
        for (variant, callers, flushes), rounds in self.rounds.items():
            row = {
                "variant": variant, "callers": callers, "flushes": flushes,
                "lives a second": summary([one["count"] / one["seconds"] for one in rounds]),
                "life": {name: median([one["life"][name] for one in rounds]) for name in ("median", "p99", "mean")}}
            if variant == "shared":
                row["retire"] = median([one["retire"]["median"] for one in rounds])
                row["in a deletion"] = median([one["in deletions"] / one["deletions"] for one in rounds])
            rows.append(row)
        return rows


def find(rows, variant, callers=1, durable=False):
    return next(row for row in rows if row["variant"] == variant and row["callers"] == callers
                and (row["flushes"] > 0) == durable)


def most(rows, variant, callers=8):
    """The most lives a second that so many callers get: several may get more than one."""
    return max(row["lives a second"]["median"] for row in rows
               if row["variant"] == variant and not row["flushes"] and row["callers"] <= callers)


def print_floor(rows):
    print_table(
        "Floor: a pair, its alias, an address and up in a sandbox, and gone; milliseconds a life",
        ["", "flushes", "callers", "lives a second", "median", "p99", "mean"],
        [[WHAT[row["variant"]], row["flushes"] or "-", row["callers"], spread(row["lives a second"], 0),
          *(shown(row["life"][name]) for name in ("median", "p99", "mean"))] for row in rows])
    shared = find(rows, "shared")
    print(f"Of a life that is deleted with others, {shown(shared['retire'])} ms are its retirement (median). One "
          f"deletion of a group takes {shown(shared['in a deletion'], 1)} ms, on a thread of its own.")
