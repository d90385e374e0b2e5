#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""How long plugind takes for each method of the plugin protocol.

    sudo scripts/method-latency.py [--lives 1000] [--binary .build/release/plugind]

Plays the lives of endpoints, one after the other, over plugind's socket: RequestAddress, CreateEndpoint, Join,
ProgramExternalConnectivity, EndpointOperInfo, RevokeExternalConnectivity, Leave, DeleteEndpoint, ReleaseAddress.
plugind runs in a network namespace of its own. Prints the median, the 99th percentile and the maximum of each method,
the time from plugind's start to its first answer, its resident memory when idle, and the size of the stripped binary.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY / "Tests" / "Engine"))
sys.dont_write_bytecode = True

import plugind  # noqa: E402  (found through the path above)

NETWORK = "1" * 64
POOL = {"AddressSpace": "plugind-local", "Pool": "172.16.0.0/16", "SubPool": "", "Options": {}, "V6": False}


class Stopwatch:
    def __init__(self, connection):
        self.connection = connection
        self.times = {}

    def call(self, path, request):
        begin = time.perf_counter()
        status, answer = self.connection.call(path, request)
        self.times.setdefault(path, []).append((time.perf_counter() - begin) * 1000)
        assert status == 200, f"{path} is answered {status}: {answer}"
        return answer


def live(stopwatch, pool, number):
    """One endpoint, from its address to its end."""
    driver, ipam = "/NetworkDriver.", "/IpamDriver."
    endpoint = {"NetworkID": NETWORK, "EndpointID": f"{number:064x}"[::-1]}
    address = stopwatch.call(ipam + "RequestAddress", {"PoolID": pool, "Address": "", "Options": None})["Address"]
    ports = {"com.docker.network.endpoint.exposedports": [], "com.docker.network.portmap": []}
    stopwatch.call(driver + "CreateEndpoint", {
        **endpoint, "Interface": {"Address": address, "AddressIPv6": "", "MacAddress": ""}, "Options": ports})
    stopwatch.call(driver + "Join", {
        **endpoint, "SandboxKey": f"/var/run/docker/netns/{number:012x}", "Options": ports})
    stopwatch.call(driver + "ProgramExternalConnectivity", {**endpoint, "Options": ports})
    for method in ("EndpointOperInfo", "RevokeExternalConnectivity", "Leave", "DeleteEndpoint"):
        stopwatch.call(driver + method, endpoint)
    stopwatch.call(ipam + "ReleaseAddress", {"PoolID": pool, "Address": address.split("/")[0]})


def live_network(stopwatch, number):
    """One network, from its pool to its end, and every method that changes nothing."""
    driver, ipam = "/NetworkDriver.", "/IpamDriver."
    network = {"NetworkID": f"{number:064x}"[::-1]}
    options = {"com.docker.network.generic": {}}
    subnet = f"10.{number // 256}.{number % 256}.0/24"
    pool = stopwatch.call(ipam + "RequestPool", {**POOL, "Pool": subnet})["PoolID"]
    gateway = stopwatch.call(ipam + "RequestAddress", {
        "PoolID": pool, "Address": "", "Options": {"RequestAddressType": "com.docker.network.gateway"}})["Address"]
    stopwatch.call(driver + "CreateNetwork", {
        **network, "Options": options, "IPv6Data": [],
        "IPv4Data": [{"AddressSpace": "plugind-local", "Pool": subnet, "Gateway": gateway}]})
    stopwatch.call(ipam + "ReleaseAddress", {"PoolID": pool, "Address": gateway.split("/")[0]})
    stopwatch.call(ipam + "ReleasePool", {"PoolID": pool})
    stopwatch.call(driver + "DeleteNetwork", network)

    stopwatch.call("/Plugin.Activate", None)
    stopwatch.call(driver + "GetCapabilities", None)
    stopwatch.call(ipam + "GetCapabilities", None)
    stopwatch.call(ipam + "GetDefaultAddressSpaces", None)
    stopwatch.call(driver + "GwAllocCheck", {"Options": options})
    stopwatch.call(driver + "AllocateNetwork", {**network, "Options": {}, "IPv4Data": [], "IPv6Data": None})
    stopwatch.call(driver + "FreeNetwork", network)
    node = {"DiscoveryType": 1, "DiscoveryData": {"Address": "192.0.2.1", "BindAddress": "", "Self": True}}
    stopwatch.call(driver + "DiscoverNew", node)
    stopwatch.call(driver + "DiscoverDelete", node)


def inside(log):
    """Milliseconds by method, from plugind's own lines at debug."""
    times = {}
    for line in Path(log).read_text().splitlines():
        if " Answered request " in line:
            method = line.split("method=")[1].split()[0]
            seconds = line.split('duration="')[1].split()[0]
            times.setdefault("/" + method, []).append(float(seconds) * 1000)
    return times


def percentile(times, percent):
    times = sorted(times)
    return times[min(len(times) - 1, int(len(times) * percent / 100))]


def memory(pid):
    """Resident memory in megabytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024


def stripped_size(binary, directory):
    """Megabytes, or None without a `strip`."""
    if not shutil.which("strip"):
        return None
    subprocess.run(["strip", "-o", f"{directory}/stripped", str(binary)], check=True)
    return Path(directory, "stripped").stat().st_size / 1024 / 1024


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--lives", type=int, default=1000)
    arguments.add_argument("--binary", type=Path, default=plugind.BINARY)
    options = arguments.parse_args()
    plugind.BINARY = options.binary

    with tempfile.TemporaryDirectory(prefix="plugind-latency-") as directory:
        prefix = ["unshare", "--net", "--kill-child", "--fork", "--"]
        daemon = plugind.Plugind(
            f"{directory}/plugins", f"{directory}/state", f"{directory}/plugind.log", prefix, log_level="debug")
        starts = []
        for _ in range(5):
            starts.append(daemon.start() * 1000)
            daemon.stop()
        daemon.start()
        try:
            time.sleep(1)
            idle = memory(daemon.pid)
            with plugind.Connection(daemon.socket) as connection:
                stopwatch = Stopwatch(connection)
                pool = stopwatch.call("/IpamDriver.RequestPool", POOL)["PoolID"]
                gateway = stopwatch.call("/IpamDriver.RequestAddress", {
                    "PoolID": pool, "Address": "", "Options": {"RequestAddressType": "com.docker.network.gateway"}})
                stopwatch.call("/NetworkDriver.CreateNetwork", {
                    "NetworkID": NETWORK, "Options": {"com.docker.network.generic": {}}, "IPv6Data": [], "IPv4Data": [
                        {"AddressSpace": "plugind-local", "Pool": POOL["Pool"], "Gateway": gateway["Address"]}]})
                stopwatch.times.clear()
                for number in range(1, options.lives + 1):
                    live(stopwatch, pool, number)
                for number in range(1, options.lives // 5 + 1):
                    live_network(stopwatch, number)
            after = memory(daemon.pid)
        finally:
            daemon.stop()
        served = inside(f"{directory}/plugind.log")
        size = stripped_size(options.binary, directory)

    print(f"{options.lives} lives of an endpoint and {options.lives // 5} of a network, one after the other; milliseconds")
    print(f"{'':<36} {'at the caller':>26}   {'inside plugind':>17}")
    print(f"{'method':<36} {'median':>8} {'p99':>8} {'max':>8}   {'median':>8} {'p99':>8}")
    for path, times in stopwatch.times.items():
        own = served[path]
        print(f"{path[1:].removeprefix('NetworkDriver.').removeprefix('Plugin.'):<36} "
              f"{percentile(times, 50):8.2f} {percentile(times, 99):8.2f} {max(times):8.2f}   "
              f"{percentile(own, 50):8.2f} {percentile(own, 99):8.2f}")
    print(f"start to first answer                {percentile(starts, 50):8.0f} ms (median of {len(starts)})")
    print(f"resident memory, idle                {idle:8.1f} MB; after the lives {after:.1f} MB")
    print(f"stripped binary                      {size:8.1f} MB" if size else "stripped binary: install binutils to see it")


if __name__ == "__main__":
    main()
