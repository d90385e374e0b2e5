# SPDX-License-Identifier: Apache-2.0
"""Medians, spreads, goals, and tables of them."""

import statistics

# Heads of columns that are no figures.
WORDS = ("driver", "floor", "goal", "method")


def median(values):
    """None without values, or if one of them is None."""
    return statistics.median(values) if values and None not in values else None


def quantile(values, part):
    """The value below which that part of them is."""
    return sorted(values)[round((len(values) - 1) * part)]


def summary(values):
    return {
        "median": median(values), "q25": quantile(values, 0.25), "q75": quantile(values, 0.75), "count": len(values)}


def spread(figures, digits=1):
    """A summary in words: the median, and the range of the middle half."""
    if figures is None:
        return "-"
    numbers = (f"{figures[name]:.{digits}f}" for name in ("median", "q25", "q75"))
    return "{} ({} to {})".format(*numbers)


def shown(value, digits=2):
    return f"{value:.{digits}f}" if value is not None else "-"


def verdict(value, goal, is_at_least=False):
    return "reached" if (value >= goal if is_at_least else value <= goal) else "MISSED"


def goal(value, bound, digits=2):
    """The last cell of a row."""
    return f"<= {bound:g}: {verdict(value, bound)}" if value is not None else f"<= {bound:g}"


def print_table(title, heads, rows):
    """The first column and those that are words to the left, the others to the right."""
    print(f"\n{title}")
    lines = [heads, *rows]
    widths = [max(len(str(line[column])) for line in lines) for column in range(len(heads))]
    for line in lines:
        cells = [
            str(cell).ljust(width) if column == 0 or heads[column] in WORDS else str(cell).rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths))]
        print("  ".join(cells).rstrip())
