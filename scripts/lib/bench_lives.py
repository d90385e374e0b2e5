# SPDX-License-Identifier: Apache-2.0
"""Lives of endpoints over plugind's socket, without an engine, next to the floor of the same run."""

import sys

import bench_floor
from bench_daemon import Alone, attach_modes
from bench_figures import goal, median, print_table, shown, spread, summary

CALLERS = (1, 8, 32, 100)
NETWORKS = (1, 50)
# How many lives are played, by callers.
COUNT = {"direct": {1: 400, 8: 1600, 32: 2400, 100: 4000}, "move": {1: 60, 8: 200, 32: 320, 100: 500}}
WARM_UP = 20
# How links get into sandboxes, as the load program is told.
DIRECT, MOVES = "--direct", "--moves"
# The variants of the floor that a mode is held against.
FLOORS = {"direct": ("shared", "one"), "move": ("one", "move")}
DELETES, DELETE_ROUNDS = 50, 10

# The goals.
INSIDE_TIMES_FLOOR = 1.25
P99_TIMES_MEDIAN = 10
DELETES_MS = 60


class Lives:
    def __init__(self, options):
        self.options = options
        self.modes = attach_modes(options.life_load, options.state_dir, ("direct", "move"))
        self.rounds, self.insides, self.deletes = {}, {}, {}

    def alone(self):
        return Alone(self.options.life_load, self.options.state_dir)

    def count(self, mode, callers):
        count = COUNT["move" if self.way(mode) == MOVES else "direct"][callers]
        return max(count // (4 if self.options.quick else 1), callers)

    def way(self, mode):
        return DIRECT if mode == "direct" else MOVES if self.options.engine_moves else None

    def measure(self):
        """One round: each mode with each number of networks, on a host of its own, with each number of callers."""
        for mode, option in self.modes.items():
            for networks in NETWORKS:
                with self.alone() as alone:
                    alone.add_networks(networks, option)
                    alone.load("lives", 2, WARM_UP, self.way(mode))
                    for callers in CALLERS:
                        figures = alone.load("lives", callers, self.count(mode, callers), self.way(mode))
                        self.rounds.setdefault((mode, networks, callers), []).append(figures)
                        print(f"  {mode}, {networks} networks, {callers} callers: "
                              f"{figures['count'] / figures['seconds']:.0f} lives a second", file=sys.stderr)

    def measure_inside(self):
        for mode, option in self.modes.items():
            with self.alone() as alone:
                alone.add_networks(1, option)
                alone.load("lives", 1, WARM_UP, self.way(mode))
                self.insides.setdefault(mode, []).append(alone.inside(self.count(mode, 1), self.way(mode)))

    def measure_deletes(self):
        for mode, option in self.modes.items():
            with self.alone() as alone:
                alone.add_networks(1, option)
                alone.load("lives", 2, WARM_UP, self.way(mode))
                rounds = 3 if self.options.quick else DELETE_ROUNDS
                self.deletes.setdefault(mode, []).append(
                    alone.load("deletes", DELETES, rounds, self.way(mode)))

    def flushes(self):
        """How many commits a life waits for."""
        mode = next(iter(self.modes))
        if mode not in self.insides:
            self.measure_inside()
        return max(1, round(median([one["commits"] for one in self.insides[mode]])))

    def result(self, floor):
        rows = []
        for (mode, networks, callers), rounds in self.rounds.items():
            rates = [each["count"] / each["seconds"] for each in rounds]
            variant = "shared" if mode == "direct" else "move" if self.way(mode) == MOVES else "one"
            most = bench_floor.most(floor, variant, callers)
            methods = {
                method: {name: median([each["calls"][method][name] for each in rounds])
                         for name in ("median", "p99", "max")}
                for method in rounds[0]["calls"]}
            rows.append({
                "attach": mode, "networks": networks, "callers": callers, "lives a second": summary(rates),
                "floor": {"variant": variant, "lives a second": most}, "of floor": median(rates) / most,
                **{part: {name: median([each[part][name] for each in rounds]) for name in ("median", "p99", "max")}
                   for part in ("life", "in calls", "in moves")},
                "methods": methods})
        insides = {}
        for mode, rounds in self.insides.items():
            insides[mode] = {
                name: median([each[name] for each in rounds]) for name in ("sum", "commits", "cpu")}
            insides[mode]["methods"] = {
                method: median([each["methods"].get(method, 0) for each in rounds])
                for method in rounds[0]["methods"]}
            insides[mode]["of floor"] = {
                f"{row['variant']}{', durable' if row['flushes'] else ''}": insides[mode]["sum"] / row["life"]["mean"]
                for row in floor if row["callers"] == 1}
        deletes = {
            mode: {part: {name: median([each[part][name] for each in rounds]) for name in ("median", "max")}
                   for part in ("left", "answered", "gone")}
            for mode, rounds in self.deletes.items()}
        return {"engine moves": self.options.engine_moves, "lives": rows, "inside": insides, "deletes": deletes}


def print_lives(result):
    moves = "with" if result["engine moves"] else "without"
    print_table(
        f"Lives of endpoints over the socket, {moves} the moves that an engine makes (mode move); milliseconds a life",
        ["attach", "networks", "callers", "lives a second", "its floor", "/ floor", "life", "p99", "in calls",
         "in moves"],
        [[row["attach"], row["networks"], row["callers"], spread(row["lives a second"], 0),
          shown(row["floor"]["lives a second"], 0), shown(row["of floor"]), shown(row["life"]["median"]),
          shown(row["life"]["p99"]), shown(row["in calls"]["median"]), shown(row["in moves"]["median"])]
         for row in result["lives"]])
    for callers in (1, 100):
        print_methods(result, callers)
    print_inside(result["inside"])
    print_table(
        f"{DELETES} DeleteEndpoint at once, milliseconds",
        ["attach", "all Leave before", "all answered", "slowest round", "links gone", "goal"],
        [[mode, shown(row["left"]["median"], 1), shown(row["answered"]["median"], 1),
          shown(row["answered"]["max"], 1), shown(row["gone"]["median"], 1),
          goal(row["answered"]["median"], DELETES_MS)] for mode, row in result["deletes"].items()])


def print_methods(result, callers):
    rows = []
    for row in result["lives"]:
        if row["callers"] == callers and row["networks"] == 1:
            for method, times in row["methods"].items():
                ratio = times["p99"] / times["median"]
                rows.append([
                    row["attach"], method, *(shown(times[name]) for name in ("median", "p99", "max")), shown(ratio, 1),
                    goal(ratio, P99_TIMES_MEDIAN) if callers == 100 else ""])
    print_table(
        f"Each method with {callers} caller{'s' if callers > 1 else ''} and 1 network, at the caller; milliseconds",
        ["attach", "method", "median", "p99", "max", "p99 / median", "goal"], rows)


def print_inside(insides):
    print_table(
        "Inside the daemon, one caller, milliseconds a life (means, from its own metrics)",
        ["attach", "in all", "processor", "commits"],
        [[mode, shown(row["sum"]), shown(row["cpu"]), shown(row["commits"], 1)] for mode, row in insides.items()])
    print_table(
        "Time inside the daemon, next to what a life costs on the floor (means)",
        ["attach", "floor", "times floor", "goal"],
        [[mode, floor, shown(ratio), goal(ratio, INSIDE_TIMES_FLOOR) if mode == "direct" else ""]
         for mode, row in insides.items() for floor, ratio in row["of floor"].items()
         if floor.split(",")[0] in FLOORS[mode]])
    methods = list(dict.fromkeys(method for row in insides.values() for method in row["methods"]))
    print_table(
        "Of which, by method", ["method", *insides],
        [[method, *(shown(row["methods"].get(method), 3) for row in insides.values())] for method in methods])
