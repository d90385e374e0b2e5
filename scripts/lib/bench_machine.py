# SPDX-License-Identifier: Apache-2.0
"""What measurements depend on: kernel, processors, disk."""

import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

IN_MEMORY = ("tmpfs", "ramfs", "overlay")
# clock_gettime(2). It goes on by a tick at a time.
CLOCK_MONOTONIC_COARSE = 6


def describe_machine(directory):
    cpus = [line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")]
    return {
        "kernel": platform.release(), "hz": round(1 / time.clock_getres(CLOCK_MONOTONIC_COARSE)),
        "cpus": os.cpu_count(), "model": cpus[0] if cpus else platform.machine(),
        "file system": file_system(directory), "flush": flush_time(directory)}


def machine_line(machine):
    return (f"Linux {machine['kernel']}, HZ {machine['hz']}, {machine['cpus']} CPUs ({machine['model']}); "
            f"state on {machine['file system']}, 4 KiB flushed in {machine['flush']:.2f} ms (median)")


def file_system(directory):
    """The type of the file system that a directory is in."""
    device = os.stat(directory).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    kinds = [line.split(" - ")[1].split()[0] for line in Path("/proc/self/mountinfo").read_text().splitlines()
             if line.split()[2] == wanted]
    return kinds[-1] if kinds else "unknown"


def flush_time(directory):
    """Median milliseconds until 4 KiB that were appended to a file are on the disk."""
    times = []
    with tempfile.TemporaryFile(dir=directory, buffering=0) as file:
        for _ in range(200):
            file.write(bytes(4096))
            begin = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - begin) * 1000)
    return statistics.median(times)


def memory(pid):
    """Megabytes of a process by kind, Rss and Pss among them."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines}
