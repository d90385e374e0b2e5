# SPDX-License-Identifier: Apache-2.0
"""Each method of the plugin protocol, one call after the other, at the caller and inside plugind."""

import re
import time

from bench_daemon import GENERIC, Alone, Refused
from bench_figures import median, print_table, quantile, shown
from plugind import Connection

# plugind's own lines at the level debug.
ANSWERED = re.compile(r' Answered request duration="([\d.e-]+) seconds" method=(\S+)')
GATEWAY = {"RequestAddressType": "com.docker.network.gateway"}


class Stopwatch:
    def __init__(self, connection):
        self.connection = connection
        self.times = {}

    def call(self, method, request=None):
        begin = time.perf_counter()
        status, answer = self.connection.call(f"/{method}", request)
        self.times.setdefault(method, []).append((time.perf_counter() - begin) * 1000)
        if status != 200:
            raise Refused(f"{method} is answered {status}: {answer}")
        return answer

    def driver(self, method, request=None):
        return self.call(f"NetworkDriver.{method}", request)

    def ipam(self, method, request=None):
        return self.call(f"IpamDriver.{method}", request)


def live(stopwatch, network, pool, number):
    """One endpoint, from its address to its end."""
    endpoint = {"NetworkID": network, "EndpointID": f"{number:064x}"[::-1]}
    ports = {"com.docker.network.endpoint.exposedports": [], "com.docker.network.portmap": []}
    address = stopwatch.ipam("RequestAddress", {"PoolID": pool, "Address": "", "Options": None})["Address"]
    stopwatch.driver("CreateEndpoint", {
        **endpoint, "Interface": {"Address": address, "AddressIPv6": "", "MacAddress": ""}, "Options": ports})
    stopwatch.driver("Join", {**endpoint, "SandboxKey": f"/var/run/docker/netns/{number:012x}", "Options": ports})
    stopwatch.driver("ProgramExternalConnectivity", {**endpoint, "Options": ports})
    for method in ("EndpointOperInfo", "RevokeExternalConnectivity", "Leave", "DeleteEndpoint"):
        stopwatch.driver(method, endpoint)
    stopwatch.ipam("ReleaseAddress", {"PoolID": pool, "Address": address.split("/")[0]})


def live_network(stopwatch, number):
    """One network, from its pool to its end, and every method that changes nothing."""
    network, options = {"NetworkID": f"{number:064x}"[::-1]}, {GENERIC: {}}
    subnet = f"10.{100 + number // 256}.{number % 256}.0/24"
    pool = stopwatch.ipam("RequestPool", {
        "AddressSpace": "plugind-local", "Pool": subnet, "SubPool": "", "Options": {}, "V6": False})["PoolID"]
    gateway = stopwatch.ipam("RequestAddress", {"PoolID": pool, "Address": "", "Options": GATEWAY})["Address"]
    stopwatch.driver("CreateNetwork", {
        **network, "Options": options, "IPv6Data": [],
        "IPv4Data": [{"AddressSpace": "plugind-local", "Pool": subnet, "Gateway": gateway}]})
    stopwatch.ipam("ReleaseAddress", {"PoolID": pool, "Address": gateway.split("/")[0]})
    stopwatch.ipam("ReleasePool", {"PoolID": pool})
    stopwatch.driver("DeleteNetwork", network)

    stopwatch.call("Plugin.Activate")
    stopwatch.driver("GetCapabilities")
    stopwatch.ipam("GetCapabilities")
    stopwatch.ipam("GetDefaultAddressSpaces")
    stopwatch.driver("GwAllocCheck", {"Options": options})
    stopwatch.driver("AllocateNetwork", {**network, "Options": {}, "IPv4Data": [], "IPv6Data": None})
    stopwatch.driver("FreeNetwork", network)
    node = {"DiscoveryType": 1, "DiscoveryData": {"Address": "192.0.2.1", "BindAddress": "", "Self": True}}
    stopwatch.driver("DiscoverNew", node)
    stopwatch.driver("DiscoverDelete", node)


def measure(options):
    lives = 200 if options.quick else 1000
    with Alone(options.life_load, options.state_dir, log_level="debug") as alone:
        alone.add_networks(1)
        network, pool = alone.networks[0].split("=")
        begin = alone.plugind.log.stat().st_size
        with Connection(alone.plugind.socket) as connection:
            stopwatch = Stopwatch(connection)
            for number in range(1, lives + 1):
                live(stopwatch, network, pool, number)
            for number in range(1, lives // 5 + 1):
                live_network(stopwatch, number)
        alone.plugind.stop()
        inside = {}
        for seconds, method in ANSWERED.findall(alone.plugind.log.read_bytes()[begin:].decode()):
            inside.setdefault(method, []).append(float(seconds) * 1000)
    return {"lives": lives, "methods": {
        method: {"caller": figures(times), "inside": figures(inside[method])}
        for method, times in stopwatch.times.items()}}


def figures(times):
    return {"median": median(times), "p99": quantile(times, 0.99), "max": max(times)}


def print_methods(result):
    print_table(
        f"{result['lives']} lives of an endpoint and {result['lives'] // 5} of a network, one after the other, "
        "with the log at debug; milliseconds",
        ["method", "at the caller: median", "p99", "max", "inside: median", "p99", "max"],
        [[method.removeprefix("NetworkDriver.").removeprefix("Plugin."),
          *(shown(row[where][name]) for where in ("caller", "inside") for name in ("median", "p99", "max"))]
         for method, row in result["methods"].items()])
