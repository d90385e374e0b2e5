# SPDX-License-Identifier: Apache-2.0
"""The measurements of scripts/bench.sh, which says what they are."""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(SCRIPTS.parent / "Tests" / "Engine"))

import bench_engine  # noqa: E402  (as what follows, after the path above)
import bench_floor  # noqa: E402
import bench_lives  # noqa: E402
import bench_methods  # noqa: E402
import bench_scale  # noqa: E402
from bench_daemon import LoadError, Refused  # noqa: E402
from bench_machine import IN_MEMORY, describe_machine, machine_line  # noqa: E402
from plugind import BINARY  # noqa: E402

# `run` is the first row of `engine`.
PARTS = ("floor", "lives", "methods", "engine", "ipam", "ports", "dataplane", "scale", "run")


def measure_floor(options, figures):
    """The floor, and in turn with it, if it is asked for, what plugind makes of it."""
    floor, lives = bench_floor.Floor(options), bench_lives.Lives(options)
    flushes = lives.flushes()
    for number in range(options.rounds or (1 if options.quick else 3)):
        print(f"  round {number + 1}", file=sys.stderr)
        floor.measure(flushes)
        if "lives" in options.parts:
            lives.measure()
            lives.measure_inside()
            lives.measure_deletes()
    figures["floor"] = floor.result()
    bench_floor.print_floor(figures["floor"])
    if "lives" in options.parts:
        figures["lives"] = lives.result(figures["floor"])
        bench_lives.print_lives(figures["lives"])


def measure_methods(options, figures):
    figures["methods"] = bench_methods.measure(options)
    bench_methods.print_methods(figures["methods"])


def measure_engine(options, figures):
    figures["engine"] = bench_engine.measure(options, options.parts, figures["notes"])
    bench_engine.print_engines(figures["engine"])


def measure_scale(options, figures):
    figures["scale"] = bench_scale.measure(options, figures["notes"])
    bench_scale.print_scale(figures["scale"])


def measure_by_script(name, *arguments):
    """What another script measures and prints; its last line, which is JSON, is returned."""
    def measure(options, figures, part):
        command = [SCRIPTS / name, *arguments]
        if options.quick:
            command.append("--quick")
        if name == "bench-ipam.sh":
            command += ["--state-dir", options.state_dir, *(["--without-package"] if options.without_package else [])]
        last = ""
        with subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, text=True) as script:
            for line in script.stdout:
                if last:
                    print(last, end="")
                last = line
        if script.returncode != 0:
            print(last, end="")
            figures["notes"].append(f"{name} ended with status {script.returncode}")
            return
        figures[part] = json.loads(last)
    return measure


ipam = measure_by_script("bench-ipam.sh")
ports = measure_by_script("bench-edge.sh", "--only", "ports")
dataplane = measure_by_script("bench-edge.sh", "--only", "dataplane")


def parse():
    arguments = argparse.ArgumentParser(prog="bench.sh", description=__doc__)
    arguments.add_argument("parts", nargs="*", choices=[[], *PARTS], metavar="PART", help=", ".join(PARTS))
    arguments.add_argument("--quick", action="store_true", help="fewer and shorter rounds")
    arguments.add_argument("--json", type=Path, metavar="FILE", help="all figures")
    arguments.add_argument("--plots", type=Path, metavar="DIR", help="SVG of the parts that were measured")
    arguments.add_argument("--draw", type=Path, metavar="FILE", help="only plots, of figures of another run")
    arguments.add_argument("--engine", dest="engines", action="append", choices=["installed", "sid"])
    arguments.add_argument("--rounds", type=int, help="of floor and lives (default: 3)")
    arguments.add_argument("--pairs", type=int, help="of `docker run --rm` (default: 20)")
    arguments.add_argument("--without-engine-moves", dest="engine_moves", action="store_false",
                           help="plugind's own time in mode move, without what an engine does")
    arguments.add_argument("--without-package", action="store_true", help="of ipam, what needs no Benchmarks/")
    arguments.add_argument("--state-dir", type=Path, default=Path("/var/tmp"), help="on the disk to measure")
    # Programs that bench.sh has built.
    arguments.add_argument("--life-load", help=argparse.SUPPRESS)
    arguments.add_argument("--floor", help=argparse.SUPPRESS)
    options = arguments.parse_args()
    options.parts = options.parts or [part for part in PARTS if part != "run"]
    options.engines = options.engines or ["installed", "sid"]
    if options.draw and not options.plots:
        arguments.error("--draw needs --plots")
    return options


def measure(options):
    with tempfile.TemporaryDirectory(prefix="plugind-bench-", dir=options.state_dir) as directory:
        machine = describe_machine(directory)
    if machine["file system"] in IN_MEMORY:
        sys.exit(f"bench.sh: {options.state_dir} is in a {machine['file system']}, which is no disk: "
                 "give another --state-dir")
    figures = {"machine": machine, "quick": options.quick, "parts": options.parts, "notes": []}
    print(machine_line(machine))
    print(f"plugind: {BINARY}", flush=True)
    wanted = set(options.parts)
    if wanted & {"floor", "lives"}:
        measure_floor(options, figures)
    if "methods" in wanted:
        measure_methods(options, figures)
    if wanted & {"engine", "run"}:
        measure_engine(options, figures)
    for part, one in (("ipam", ipam), ("ports", ports), ("dataplane", dataplane)):
        if part in wanted:
            print(flush=True)
            one(options, figures, part)
    if "scale" in wanted:
        measure_scale(options, figures)
    for note in figures["notes"]:
        print(f"note: {note}")
    return figures


def main():
    options = parse()
    # So that what was started is ended, whoever ends this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        figures = json.loads(options.draw.read_text()) if options.draw else measure(options)
    except (LoadError, Refused) as error:
        sys.exit(f"bench.sh: {error}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    if options.plots:
        from bench_plots import draw  # Only here is matplotlib needed.
        for path in draw(figures, options.plots):
            print(f"drawn: {os.path.relpath(path)}")


if __name__ == "__main__":
    main()
