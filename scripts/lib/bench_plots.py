# SPDX-License-Identifier: Apache-2.0
"""Plots of the figures, as SVG that is readable on white and, with a white ground of its own, on dark pages."""

import logging
from pathlib import Path

import matplotlib

matplotlib.use("svg")
# Fonts that are not here are named for whoever looks at the plots.
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)

from matplotlib import pyplot  # noqa: E402  (the backend is chosen before)

import bench_floor  # noqa: E402
from bench_engine import BUILT_IN  # noqa: E402

COLOURS = {"direct": "#0b6e99", "move": "#d9730d", "plugind": "#d9730d", "built-in": "#6b7280", "floor": "#9b1c31"}
WIDTH, HEIGHT = 6.4, 3.4


def draw(figures, directory):
    """The plots of what was measured; the files that were written."""
    pyplot.rcParams.update({
        "font.size": 9, "svg.fonttype": "none", "svg.hashsalt": "plugind", "axes.spines.top": False,
        "axes.spines.right": False, "axes.grid": True, "axes.grid.axis": "y", "grid.color": "#e5e7eb",
        "axes.axisbelow": True, "font.family": ["DejaVu Sans", "Verdana", "sans-serif"], "legend.frameon": False})
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for name, part, plot in PLOTS:
        if figures.get(part):
            figure, axes = pyplot.subplots(figsize=(WIDTH, HEIGHT), layout="constrained")
            plot(axes, figures)
            path = directory / f"{name}.svg"
            figure.savefig(path, transparent=False, facecolor="white", metadata={"Date": None, "Creator": None})
            pyplot.close(figure)
            written.append(path)
    return written


def plot_lives(axes, figures):
    rows = figures["lives"]["lives"]
    for mode in dict.fromkeys(row["attach"] for row in rows):
        for networks, style in ((1, "-"), (50, "--")):
            line = [row for row in rows if (row["attach"], row["networks"]) == (mode, networks)]
            axes.plot(
                [row["callers"] for row in line], [row["lives a second"]["median"] for row in line], style, marker="o",
                markersize=4, color=COLOURS[mode], label=f"{mode}, {networks} network{'s' if networks > 1 else ''}")
    for variant, words in (("shared", "floor, deleted together"), ("one", "floor, deleted one by one")):
        rate = bench_floor.most(figures["floor"], variant)
        style = ":" if variant == "one" else "-."
        axes.axhline(rate, color=COLOURS["floor"], linewidth=1, linestyle=style, label=words)
    callers = sorted({row["callers"] for row in rows})
    axes.set_xscale("log")
    axes.set_xticks(callers, [str(count) for count in callers])
    axes.minorticks_off()
    axes.set(xlabel="callers", ylabel="lives a second", ylim=(0, None), title="Lives of endpoints over the socket")
    axes.legend(fontsize=8)


def plot_methods(axes, figures):
    row = next(row for row in figures["lives"]["lives"] if row["callers"] == 100 and row["networks"] == 1)
    methods = list(row["methods"])
    places = range(len(methods))
    for name, offset, colour in (("median", -0.2, COLOURS["direct"]), ("p99", 0.2, COLOURS["move"])):
        axes.barh([place + offset for place in places], [row["methods"][method][name] for method in methods], 0.38,
                  color=colour, label="99 %" if name == "p99" else name)
    axes.set_yticks(list(places), methods)
    axes.invert_yaxis()
    axes.grid(axis="x")
    axes.grid(False, axis="y")
    axes.set(xlabel="milliseconds at the caller", title=f"Each method with 100 callers, attach={row['attach']}")
    axes.legend(fontsize=8, loc="lower right")


def plot_engines(axes, figures):
    labels, place = [], 0
    for result in figures["engine"]:
        for row in result["rows"]:
            for name, ratio in row["ratio"].items():
                colour = COLOURS["direct" if "direct" in name else "move"]
                middle = ratio["median"]
                axes.barh(place, middle, 0.7, color=colour)
                axes.errorbar(middle, place, xerr=[[middle - ratio["q25"]], [ratio["q75"] - middle]], color="#374151",
                              linewidth=1, capsize=2)
                version = result["version"].split("+")[0]
                labels.append(f"{version}: {row['what']} ({name.removeprefix('plugind, ')})")
                place += 1
        place += 0.6
    places = [patch.get_y() + patch.get_height() / 2 for patch in axes.patches]
    axes.set_yticks(places, labels)
    axes.invert_yaxis()
    axes.axvline(1, color=COLOURS[BUILT_IN], linewidth=1)
    axes.grid(axis="x")
    axes.grid(False, axis="y")
    axes.figure.set_size_inches(WIDTH * 1.2, max(HEIGHT, 0.26 * len(places) + 1))
    axes.set(xlabel="time with plugind / time with the built-in driver", xlim=(0, None))
    axes.figure.suptitle("Next to the built-in bridge driver, less is faster", fontsize=11)


def plot_scale(axes, figures):
    rows = [row for row in figures["scale"]["rows"] if row["endpoints"]]
    counts = [row["endpoints"] for row in rows]
    lines = axes.plot(counts, [row["after calls"]["Rss"] for row in rows], "-o", markersize=4,
                      color=COLOURS["direct"], label="resident, after the calls")
    lines += axes.plot(counts, [row["after a start"]["Rss"] for row in rows], "--o", markersize=4,
                       color=COLOURS["direct"], label="resident, after a start")
    axes.set_xscale("log")
    axes.set_xticks(counts, [f"{count:,}" for count in counts])
    axes.minorticks_off()
    axes.set(xlabel="endpoints", ylabel="MB", ylim=(0, None), title="Memory and start with many endpoints")
    other = axes.twinx()
    other.grid(False)
    other.spines["right"].set_visible(True)
    lines += other.plot(counts, [row["start"]["median"] for row in rows], ":s", markersize=4, color=COLOURS["move"],
                        label="start until the first answer")
    other.set(ylabel="milliseconds", ylim=(0, None))
    axes.legend(lines, [line.get_label() for line in lines], fontsize=8, loc="upper left")


def plot_ports(axes, figures):
    rows = figures["ports"]["publishing"]
    for name, words in (("plugind", "plugind"), ("built-in", "built-in bridge driver")):
        line = [(row["ports"], row[name]["fill"]) for row in rows if row[name].get("fill")]
        colour = COLOURS["direct" if name == "plugind" else name]
        axes.plot([x for x, _ in line], [y for _, y in line], "-o", markersize=4, color=colour, label=words)
    counts = [row["ports"] for row in rows if row["plugind"].get("fill")]
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(counts, [f"{count:,}" for count in counts])
    axes.minorticks_off()
    axes.set(xlabel="published ports", ylabel="milliseconds for each port", title="Many ports, published together")
    axes.legend(fontsize=8)


# The file, the part that it is drawn of, and how.
PLOTS = (
    ("lives", "lives", plot_lives), ("methods", "lives", plot_methods), ("engine", "engine", plot_engines),
    ("ports", "ports", plot_ports), ("scale", "scale", plot_scale))
