# SPDX-License-Identifier: Apache-2.0
"""The measurements of scripts/bench-edge.sh, which says what they are."""

import argparse
import contextlib
import json
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Tests" / "Engine"))

from bench_figures import median, shown  # noqa: E402  (as what follows, after the path above)
from engine import CommandError, Engine, Unavailable  # noqa: E402
from lab import Lab, Namespace  # noqa: E402
from plugind import BINARY, Connection, Plugind  # noqa: E402

HOST, OUTSIDE, WORLD = "192.0.2.1", "192.0.2.2", "198.51.100.7"
TCP = 6
OWN, BUILT_IN = "plugind", "built-in"
# Host ports: of the containers that are measured, of one more, of those that fill.
WEB, ONE_MORE, FIRST = {OWN: 8000, BUILT_IN: 8001}, {OWN: 9000, BUILT_IN: 9500}, {OWN: 20000, BUILT_IN: 10000}
# Not the host port's number: ports that keep their number may be published as one range, which would be too easy.
INSIDE = 1000
IPERF = {OWN: 5301, BUILT_IN: 5302}
# A published port is held by two sockets, of both families.
OPEN_FILES, ENOUGH_FILES = 200_000, 21_000


class Bench:
    def __init__(self, engine, plugind, open_files):
        self.engine, self.plugind, self.open_files = engine, plugind, open_files
        self.lab = Lab(engine, plugind)
        self.notes = []
        self.host, self.outside = self.lab.host_namespace(), Namespace.new()
        self.connect_outside()
        self.lab.network(OWN, "--subnet", "10.77.0.0/24")
        self.lab.network(BUILT_IN, "--subnet", "10.78.0.0/24", driver="bridge", ipam="default")
        self.inside = {}
        self.start_containers()

    def connect_outside(self):
        self.host.run("ip", "link", "add", "uplink", "type", "veth", "peer", "name", "eth0", "netns", self.outside.path)
        for namespace, link, address in ((self.host, "uplink", HOST), (self.outside, "eth0", OUTSIDE)):
            namespace.run("ip", "address", "add", f"{address}/24", "dev", link)
            namespace.run("ip", "link", "set", link, "up")
        self.outside.run("ip", "link", "set", "lo", "up")
        self.outside.run("ip", "address", "add", f"{WORLD}/32", "dev", "lo")
        self.host.run("ip", "route", "add", "default", "via", OUTSIDE)

    def start_containers(self):
        """On each network a server with one published port (and another for iperf3), and a client."""
        for network in (OWN, BUILT_IN):
            self.lab.container(
                f"server-{network}", network, "-p", f"{WEB[network]}:80",
                "-p", f"{IPERF[network]}:{IPERF[network]}")
            self.lab.container(f"client-{network}", network)
            for name in (f"server-{network}", f"client-{network}"):
                self.inside[name] = self.lab.namespace(name)

    def note(self, text):
        self.notes.append(text)
        print(f"  note: {text}", file=sys.stderr)

    # How much gets through

    def throughput(self, pairs, seconds):
        """Of each way: the rates of both drivers, and the median of the ratios of each pair."""
        ways = {}
        for way in ("container to container", "outside to a published port", "container to the world"):
            rates = {OWN: [], BUILT_IN: []}
            for number in range(pairs):
                # In turn, and in turn who is first, so that whatever slows the machine down slows both.
                for network in (OWN, BUILT_IN) if number % 2 == 0 else (BUILT_IN, OWN):
                    rates[network].append(self.rate(way, network, seconds))
            if None in rates[OWN] + rates[BUILT_IN]:
                failed = [network for network in rates if None in rates[network]]
                self.note(f"iperf3, {way}: nothing gets through with {' and '.join(failed)}")
            # The built-in driver may let nothing through, and plugind as well: then there is no ratio.
            ratios = [own / other for own, other in zip(rates[OWN], rates[BUILT_IN]) if own and other]
            ways[way] = {**{network: median(rates[network]) for network in rates}, "ratio": median(ratios)}
        return ways

    def rate(self, way, network, seconds):
        """Gigabits per second that arrive, None if nothing does."""
        server, client = self.inside[f"server-{network}"], self.inside[f"client-{network}"]
        port = IPERF[network]
        if way == "container to container":
            source, target, address = client, server, self.lab.address(f"server-{network}", network)
        elif way == "outside to a published port":
            source, target, address = self.outside, server, HOST
        else:
            source, target, address = client, self.outside, WORLD
        listener = start(target, "iperf3", "--server", "--one-off", "--port", port)
        try:
            wait_for_listener(target, port)
            done, _ = start(
                source, "iperf3", "--client", address, "--port", port, "--time", seconds, "--json",
                "--connect-timeout", 1000).communicate(timeout=seconds + 15)
            return json.loads(done)["end"]["sum_received"]["bits_per_second"] / 1e9
        except (KeyError, ValueError, subprocess.TimeoutExpired):
            return None
        finally:
            listener.kill()
            listener.wait()

    # How long a client needs

    def connect_time(self, network, connects):
        """Median milliseconds from outside until the connection to the published port is there."""
        with contextlib.closing(self.inside[f"server-{network}"].socket(socket.AF_INET, socket.SOCK_STREAM)) as server:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind(("0.0.0.0", 80))
            server.listen(1024)
            thread = threading.Thread(target=accept_all, args=(server,))
            thread.start()
            try:
                return self.connect_times(network, connects)
            finally:
                server.shutdown(socket.SHUT_RDWR)
                thread.join()

    def connect_times(self, network, connects):
        def connect_all():
            times = []
            for _ in range(connects):
                with socket.socket() as client:
                    client.settimeout(1)
                    begin = time.perf_counter()
                    client.connect((HOST, WEB[network]))
                    # The other side speaks first: a proxy's own accept is no connection to the container.
                    client.recv(1)
                    times.append((time.perf_counter() - begin) * 1000)
            return median(times)
        try:
            return self.outside.do(connect_all)
        except OSError as error:
            self.note(f"{network}: its published port is not reached: {error}")
            return None

    # How long publishing takes

    def run_times(self, network, rounds):
        """Median milliseconds of `docker run -d` with a port, without one, in turn, and of each pair's difference."""
        times = {"with a port": [], "without": []}
        for number in range(rounds):
            for kind in times:
                options = ["-p", f"{ONE_MORE[network] + number}:80"] if kind == "with a port" else []
                name = f"more-{number}"
                begin = time.perf_counter()
                self.engine.docker(*self.lab.run_arguments(name, network, *options), timeout=120)
                times[kind].append((time.perf_counter() - begin) * 1000)
                self.engine.docker("rm", "--force", name, timeout=120)
        differences = [one - other for one, other in zip(times["with a port"], times["without"])]
        return {**{kind: median(values) for kind, values in times.items()}, "difference": median(differences)}


class OwnPorts:
    """Endpoints of a network of their own, in the engine's calls: no container is in the way of the time."""

    NETWORK = "b" * 64

    def __init__(self, plugind, holds_both):
        """holds_both: whether so many files can be open that all ports are held in both families."""
        self.holds_both = holds_both
        self.connection = Connection(plugind.socket)
        # 10 000 ports in a few requests: each may take its time.
        self.connection.timeout = 120
        self.count = self.published = 0
        self.pool = self.call("/IpamDriver.RequestPool", {
            "AddressSpace": "plugind-local", "Pool": "10.99.0.0/16", "SubPool": "", "Options": {},
            "V6": False})["PoolID"]
        gateway = self.call("/IpamDriver.RequestAddress", {
            "PoolID": self.pool, "Address": "", "Options": {"RequestAddressType": "com.docker.network.gateway"}})
        self.call("/NetworkDriver.CreateNetwork", {
            "NetworkID": self.NETWORK, "Options": {"com.docker.network.generic": {}}, "IPv6Data": [], "IPv4Data": [
                {"AddressSpace": "plugind-local", "Pool": "10.99.0.0/16", "Gateway": gateway["Address"]}]})

    def call(self, path, request, times=None):
        begin = time.perf_counter()
        status, answer = self.connection.call(path, request)
        if times is not None:
            method = path.split(".")[1]
            times.setdefault(method, []).append((time.perf_counter() - begin) * 1000)
        if status != 200:
            raise CommandError(f"{path} is answered {status}: {answer.get('Err')}")
        return answer

    def begin(self, ports, times=None, host=""):
        """A new endpoint with these (host port, container port)s; what is needed to end it."""
        self.count += 1
        endpoint = {"NetworkID": self.NETWORK, "EndpointID": f"{self.count:064x}"[::-1]}
        address = self.call("/IpamDriver.RequestAddress", {
            "PoolID": self.pool, "Address": "", "Options": None})["Address"]
        options = {
            "com.docker.network.endpoint.exposedports": [{"Proto": TCP, "Port": inside} for _, inside in ports],
            "com.docker.network.portmap": [
                {"Proto": TCP, "IP": "", "Port": inside, "HostIP": host, "HostPort": port, "HostPortEnd": port}
                for port, inside in ports]}
        self.call("/NetworkDriver.CreateEndpoint", {
            **endpoint, "Options": options,
            "Interface": {"Address": address, "AddressIPv6": "", "MacAddress": ""}}, times)
        self.call("/NetworkDriver.Join", {
            **endpoint, "SandboxKey": f"/var/run/docker/netns/{self.count:012x}", "Options": options}, times)
        self.call("/NetworkDriver.ProgramExternalConnectivity", {**endpoint, "Options": options}, times)
        return endpoint, address

    def end(self, endpoint, address, times=None):
        for method in ("RevokeExternalConnectivity", "Leave", "DeleteEndpoint"):
            self.call(f"/NetworkDriver.{method}", endpoint, times)
        self.call("/IpamDriver.ReleaseAddress", {"PoolID": self.pool, "Address": address.split("/")[0]})

    def fill(self, total):
        """Publishes more, until there are so many; the milliseconds that each of them took."""
        begin, count_before = time.perf_counter(), self.published
        while self.published < total:
            count = min(500, total - self.published)
            numbers = range(self.published, self.published + count)
            host = "" if self.holds_both or total <= 1000 else "0.0.0.0"
            self.begin([(FIRST[OWN] + number, INSIDE + number) for number in numbers], host=host)
            self.published += count
        return each(begin, total - count_before)

    def measure(self, rounds):
        """Median milliseconds of each call for an endpoint with one port, and of an endpoint with none."""
        times, bare = {}, {}
        for number in range(rounds):
            self.end(*self.begin([(ONE_MORE[OWN] + number, 80)], times), times)
            self.end(*self.begin([], bare), bare)
        result = {method: median(values) for method, values in times.items()}
        begins = ("CreateEndpoint", "Join", "ProgramExternalConnectivity")
        whole, without = (sum(median(values[method]) for method in begins) for values in (times, bare))
        return {**result, "publish": whole, "without a port": without}

    def close(self):
        self.connection.close()


class BuiltInPorts:
    """Containers of the built-in driver with ranges of ports."""

    def __init__(self, bench, limit):
        self.bench, self.limit = bench, limit
        self.published = 0

    def fill(self, total):
        """Publishes more, until there are so many; the milliseconds that each took. Throws if it took too long."""
        first, count = self.published, total - self.published
        host, inside = FIRST[BUILT_IN] + first, INSIDE + first
        options = ["-p", f"{host}-{host + count - 1}:{inside}-{inside + count - 1}"]
        begin = time.perf_counter()
        try:
            if count > 0:
                self.bench.engine.docker(
                    *self.bench.lab.run_arguments(f"fill-{total}", BUILT_IN, *options), timeout=self.limit)
        except (CommandError, subprocess.TimeoutExpired) as error:
            words = f"more than {self.limit} s" if isinstance(error, subprocess.TimeoutExpired) else str(error)[-200:]
            raise CommandError(f"built-in driver stopped at {first} ports: {count} more took {words}") from None
        self.published = total
        return each(begin, count)


# Helpers

def open_files():
    """How many files plugind may have open: as many as we want, if we may give ourselves more than we were given."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def start(namespace, *command):
    return namespace.do(lambda: subprocess.Popen(
        [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True))


def wait_for_listener(namespace, port):
    for _ in range(200):
        if namespace.run("ss", "-Htln", f"sport = :{port}").strip():
            return
        time.sleep(0.01)
    raise CommandError(f"nothing listens at {port}")


def accept_all(server):
    with contextlib.suppress(OSError):
        while True:
            connection, _ = server.accept()
            with connection:
                connection.send(b"!")


def each(begin, count):
    """Milliseconds for each of so many since then."""
    return (time.perf_counter() - begin) * 1000 / count if count > 0 else None


def measure_publishing(bench, options, counts):
    """Rows by number of ports."""
    own = OwnPorts(bench.plugind, bench.open_files >= ENOUGH_FILES)
    if not own.holds_both:
        bench.note(f"{bench.open_files} open files are allowed: beyond 1000 ports, plugind's are of IPv4 only")
    built_in = BuiltInPorts(bench, options.limit)
    rounds, connects, runs = (10, 100, 4) if options.quick else (30, 300, 12)
    rows, own_goes_on, built_in_goes_on = [], True, True
    for count in counts:
        row = {"ports": count, OWN: {}, BUILT_IN: {}}
        # Each of the servers has one port of these (and one for iperf3).
        if own_goes_on:
            try:
                row[OWN]["fill"] = own.fill(count - 1)
                row[OWN]["calls"] = own.measure(rounds)
            except (CommandError, OSError) as error:
                bench.note(f"plugind stopped at {own.published} ports: {str(error)[-200:]}")
                own_goes_on = False
        if built_in_goes_on and count <= options.built_in:
            try:
                row[BUILT_IN]["fill"] = built_in.fill(count - 1)
            except CommandError as error:
                bench.note(str(error))
                built_in_goes_on = False
        for network, goes_on in (
                (OWN, own_goes_on), (BUILT_IN, built_in_goes_on and count <= options.built_in)):
            if goes_on:
                row[network]["connect"] = bench.connect_time(network, connects)
                try:
                    row[network]["docker run"] = bench.run_times(network, runs)
                except (CommandError, subprocess.TimeoutExpired) as error:
                    bench.note(f"docker run -p with {network} and {count} ports: {str(error)[-200:]}")
        rows.append(row)
    own.close()
    return rows


def print_publishing(rows):
    def row(*cells):
        print("".join(f"{cell:>16}" if number else f"{cell:<10}" for number, cell in enumerate(cells)))

    print("\nOne more port, through plugind's socket; milliseconds at the caller, medians")
    row("published", "Create+Join+Prog", "without a port", "Program", "Revoke")
    for line in rows:
        calls = line[OWN].get("calls", {})
        row(line["ports"], shown(calls.get("publish")), shown(calls.get("without a port")),
            shown(calls.get("ProgramExternalConnectivity")), shown(calls.get("RevokeExternalConnectivity")))

    print("\nEach of many ports that were published together to get there (by `docker run` with the built-in driver); "
          "milliseconds")
    row("published", "plugind", "built-in", "ratio")
    for line in rows:
        own, other = (line[network].get("fill") for network in (OWN, BUILT_IN))
        row(line["ports"], shown(own, 3), shown(other), shown(own / other if own and other else None, 4))

    print("\n`docker run -d` with -p, and what -p adds to it; milliseconds, medians")
    row("published", "plugind", "built-in", "plugind: -p", "built-in: -p")
    for line in rows:
        own, other = (line[network].get("docker run", {}) for network in (OWN, BUILT_IN))
        row(line["ports"], shown(own.get("with a port"), 0), shown(other.get("with a port"), 0),
            shown(own.get("difference"), 0), shown(other.get("difference"), 0))

    print("\nFrom outside to a published port, until the container's first byte; milliseconds, medians")
    row("published", "plugind", "built-in", "ratio")
    for line in rows:
        own, other = (line[network].get("connect") for network in (OWN, BUILT_IN))
        row(line["ports"], shown(own, 3), shown(other, 3), shown(own / other if own and other else None))


def print_throughput(ways):
    print("\niperf3, Gbit/s, medians; the ratio is the median of those of each pair")
    print(f"{'way':<30}{'plugind':>12}{'built-in':>12}{'ratio':>8}")
    for way, rates in ways.items():
        print(f"{way:<30}{shown(rates[OWN]):>12}{shown(rates[BUILT_IN]):>12}{shown(rates['ratio']):>8}")


def main():
    arguments = argparse.ArgumentParser(prog="bench-edge.sh", description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="fewer rounds, and the built-in driver up to 100 ports")
    arguments.add_argument("--engine", choices=["installed", "sid"], default="installed")
    arguments.add_argument("--only", choices=["ports", "dataplane"], help="one half of the measurements")
    options = arguments.parse_args()
    options.limit = 30 if options.quick else 180
    options.built_in = 100 if options.quick else 1000

    with tempfile.TemporaryDirectory(prefix="plugind-edge-", ignore_cleanup_errors=True) as directory:
        try:
            engine = Engine(options.engine, f"{directory}/engine")
        except Unavailable as reason:
            sys.exit(f"bench-edge.sh: {reason}")
        most = open_files()
        files = ["prlimit", f"--nofile={most}:{most}", "--"]
        plugind = Plugind(
            "/run/docker/plugins", "/run/engine/state", f"{directory}/plugind.log", [*engine.namespaces, *files],
            seen_as=engine.directory / "plugins", log_level="notice")
        try:
            plugind.start()
            bench = Bench(engine, plugind, most)
            print(f"plugind {BINARY} next to Docker {engine.version}, default options of dockerd")
            ways, rows = {}, []
            if options.only != "ports":
                ways = bench.throughput(*((2, 1) if options.quick else (3, 3)))
            if options.only != "dataplane":
                rows = measure_publishing(bench, options, (1, 100, 1000, 10_000))
        finally:
            if plugind.is_running():
                plugind.process.kill()
            engine.stop()
    if rows:
        print_publishing(rows)
    if ways:
        print_throughput(ways)
    for note in bench.notes:
        print(f"note: {note}")
    print()
    print(json.dumps({"docker": engine.version, "quick": options.quick, "publishing": rows, "throughput": ways,
                      "notes": bench.notes}))


if __name__ == "__main__":
    main()
