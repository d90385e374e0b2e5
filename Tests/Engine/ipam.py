# SPDX-License-Identifier: Apache-2.0
"""plugind alone in a network namespace of its own, and an engine's calls of its IPAM, among them what only engines from
29 on send: the name of the container."""

import contextlib
import json
import sqlite3
from pathlib import Path

from engine import output
from faults import Namespace
from plugind import BINARY, Plugind

GATEWAY = {"RequestAddressType": "com.docker.network.gateway"}
NAME, MAC = "com.docker.network.endpoint.name", "com.docker.network.endpoint.macaddress"


class LonePlugind(Plugind):
    """Each of its settings is what the configuration file has under that name, `_` being `-`."""

    def __init__(self, directory, **settings):
        self.directory = Path(directory)
        self.namespace = Namespace("ip link set lo up")
        super().__init__(
            self.directory / "plugins", self.directory / "state", self.directory / "plugind.log",
            self.namespace.enter)
        self.command += ["--config", str(self.directory / "config.yaml")]
        self.pools = []
        self.configure(**settings)

    def configure(self, **settings):
        settings = {name.replace("_", "-"): value for name, value in settings.items()}
        # JSON is YAML.
        (self.directory / "config.yaml").write_text(json.dumps(settings) if settings else "")

    def start_with(self, **settings):
        """Ends, if it runs, and starts with these settings alone."""
        if self.is_running():
            assert self.stop() == 0, "plugind does not end with status 0 on SIGTERM"
        self.configure(**settings)
        self.start()

    def close(self):
        try:
            if self.is_running():
                assert self.stop() == 0, "plugind does not end with status 0 on SIGTERM"
        finally:
            self.namespace.close()

    def on_host(self, *command):
        return output(*self.namespace.enter, *command)

    def tool(self, *arguments):
        """Output of another command of plugind's, which talks to the daemon."""
        return output("env", f"PLUGIND_CONTROL_SOCKET={self.directory}/control.sock", BINARY, *arguments)

    # Calls

    def succeed(self, method, **request):
        status, answer = self.call(f"/IpamDriver.{method}", request)
        assert status == 200, f"{method} {request} is answered {status} {answer}"
        return answer

    def refused(self, method, **request):
        """The words of a call that must be refused."""
        status, answer = self.call(f"/IpamDriver.{method}", request)
        assert status != 200, f"{method} {request} should be refused, and is answered {answer}"
        assert "internal error" not in answer["Err"].lower(), answer
        return answer["Err"]

    def pool(self, subnet="", ip_range="", **options):
        pool = Pool(self, self.succeed("RequestPool", **pool_request(subnet, ip_range, **options)))
        self.pools.append(pool)
        return pool

    def refused_pool(self, subnet="", ip_range="", **options):
        return self.refused("RequestPool", **pool_request(subnet, ip_range, **options))

    def release_pools(self):
        for pool in list(self.pools):
            pool.release()

    def needs_mac_addresses(self):
        return self.succeed("GetCapabilities")["RequiresMACAddress"]

    # What it has

    def rows(self, table):
        return rows(self.directory / "state", table)


class Pool:
    def __init__(self, plugind, answer):
        self.plugind, self.id, self.subnet = plugind, answer["PoolID"], answer["Pool"]

    def give(self, name=None, address="", mac=None):
        """An address, without the length of the pool's prefix, which it must have."""
        answer = self.plugind.succeed("RequestAddress", **self.request(name, address, mac))["Address"]
        address, _, length = answer.partition("/")
        assert length == self.subnet.partition("/")[2], f"{answer} in {self.subnet}"
        return address

    def refuse(self, name=None, address="", mac=None):
        """The words by which an address is refused."""
        return self.plugind.refused("RequestAddress", **self.request(name, address, mac))

    def request(self, name=None, address="", mac=None):
        options = {key: value for key, value in ((NAME, name), (MAC, mac)) if value}
        return {"PoolID": self.id, "Address": address, "Options": options or None}

    def gateway(self):
        answer = self.plugind.succeed("RequestAddress", PoolID=self.id, Address="", Options=GATEWAY)["Address"]
        return answer.partition("/")[0]

    def take_back(self, *addresses):
        for address in addresses:
            self.plugind.succeed("ReleaseAddress", PoolID=self.id, Address=address)

    def release(self):
        self.plugind.succeed("ReleasePool", PoolID=self.id)
        self.plugind.pools.remove(self)


def pool_request(subnet="", ip_range="", is_ipv6=None, options=None, **plugind_options):
    """Options without a dot are plugind's own."""
    options = {**(options or {}), **{f"plugind.{key}": value for key, value in plugind_options.items()}}
    return {"AddressSpace": "plugind-local", "Pool": subnet, "SubPool": ip_range, "Options": options,
            "V6": ":" in subnet if is_ipv6 is None else is_ipv6}


@contextlib.contextmanager
def mac_claims(engine, plugind):
    """plugind that has the engine send the MAC addresses of containers. An engine asks once whether it is to."""
    if plugind.call("/IpamDriver.GetCapabilities")[1]["RequiresMACAddress"]:
        yield plugind
        return
    command = list(plugind.command)
    start_both(engine, plugind, [*command, "--mac-claims", "on"])
    try:
        yield plugind
    finally:
        start_both(engine, plugind, command)


def start_both(engine, plugind, command):
    plugind.stop()
    plugind.command[:] = command
    plugind.start()
    engine.stop_daemon()
    engine.start_daemon()


def rows(state, table):
    """The rows of a table of a state directory."""
    with contextlib.closing(sqlite3.connect(f"file:{state}/plugind.db?mode=ro", uri=True)) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute(f"SELECT * FROM {table}")]
