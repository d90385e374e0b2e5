# SPDX-License-Identifier: Apache-2.0
"""What tests measured. It is printed when all is over; no test passes or fails by it."""

lines = []
_seconds = {}


def seconds(name, value):
    """Adds a duration; the line shows how many there were, their median and the longest."""
    if name not in _seconds:
        _seconds[name] = []
        lines.append("")
        _seconds[name].append(len(lines) - 1)
    index, *values = _seconds[name]
    values.append(value)
    _seconds[name] = [index, *values]
    values.sort()
    lines[index] = (
        f"{name}: {len(values)} measured, median {values[len(values) // 2] * 1000:.0f} ms, "
        f"longest {values[-1] * 1000:.0f} ms")
