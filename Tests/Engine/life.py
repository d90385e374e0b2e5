# SPDX-License-Identifier: Apache-2.0
"""A container's life in the engine's calls, on a network with both families that lives as long as the container, and
what the engine does when one of the calls fails. Its link is moved by the engine, or made in the sandbox."""

from collections import namedtuple

from engine import output

# POOLS is what `--subnet` names. What plugind chooses is asked for too, and is not used.
POOLS = {"4": "10.77.0.0/24", "6": "fd77:77::/64"}
GATEWAY = {"RequestAddressType": "com.docker.network.gateway"}

# `-p 8080:80 -p 127.0.0.1:5353:53/udp -p 7000-7001:7000-7001/udp`
PORTS = [
    {"Proto": protocol, "IP": "", "Port": port, "HostIP": host, "HostPort": host_port, "HostPortEnd": host_port}
    for protocol, host, host_port, port in (
        (6, "", 8080, 80), (17, "127.0.0.1", 5353, 53), (17, "", 7000, 7000), (17, "", 7001, 7001))]

Step = namedtuple("Step", "name call act", defaults=(None, None))


class Life:
    """One network with one container. It knows what the engine knows, which is what was answered."""

    def __init__(self, host, number=1, attach="move"):
        self.host = host
        self.attach = attach
        self.network = f"{number:x}" * 12 + "a" * 52
        self.endpoint = f"{number:x}" * 12 + "e" * 52
        # What was answered and not yet given back: pool, gateway and address of each family, network, endpoint.
        self.known = {}
        # The link that Join named, for the engine to move, and whether it has.
        self.link = None
        self.is_inside = False

    # The steps

    def steps(self):
        return [
            Step("RequestPool 4", lambda: self.request_pool("4")),
            Step("RequestAddress gateway 4", lambda: self.request_address("gateway", "4", GATEWAY)),
            Step("RequestPool 6", lambda: self.request_pool("6")),
            Step("RequestAddress gateway 6", lambda: self.request_address("gateway", "6", GATEWAY)),
            Step("RequestPool chosen", lambda: self.request_pool("chosen")),
            Step("CreateNetwork", self.create_network),
            Step("RequestAddress 4", lambda: self.request_address("address", "4")),
            Step("RequestAddress 6", lambda: self.request_address("address", "6")),
            Step("CreateEndpoint", self.create_endpoint),
            Step("Join", self.join),
            Step("move in", act=self.move_in),
            Step("Program", self.program),
            Step("Revoke", self.revoke),
            Step("Leave", self.leave),
            Step("move out", act=self.move_out),
            Step("DeleteEndpoint", self.delete_endpoint),
            Step("ReleaseAddress 4", lambda: self.release_address("address", "4")),
            Step("ReleaseAddress 6", lambda: self.release_address("address", "6")),
            Step("ReleaseAddress gateway 4", lambda: self.release_address("gateway", "4")),
            Step("ReleasePool 4", lambda: self.release_pool("4")),
            Step("ReleaseAddress gateway 6", lambda: self.release_address("gateway", "6")),
            Step("ReleasePool 6", lambda: self.release_pool("6")),
            Step("DeleteNetwork", self.delete_network),
            Step("ReleasePool chosen", lambda: self.release_pool("chosen")),
        ]

    def take(self, step):
        """Takes one step, which must succeed; its answer."""
        if step.act:
            return step.act()
        status, answer = step.call()
        assert status == 200, f"{step.name} is refused: {answer}"
        return answer

    def until(self, name):
        """Takes the steps before the one of that name; that one."""
        for step in self.steps():
            if step.name == name:
                return step
            self.take(step)
        raise KeyError(name)

    def after(self, name):
        steps = self.steps()
        return steps[[step.name for step in steps].index(name) + 1:]

    # The calls: status and answer

    def request_pool(self, which):
        pool = POOLS.get(which, "")
        return self.made(f"pool {which}", "/IpamDriver.RequestPool", {
            "AddressSpace": "plugind-local", "Pool": pool, "SubPool": "", "Options": {}, "V6": which != "4"}, "PoolID")

    def request_address(self, role, family, options=None):
        return self.made(f"{role} {family}", "/IpamDriver.RequestAddress", {
            "PoolID": self.known[f"pool {family}"], "Address": "", "Options": options}, "Address")

    def create_network(self):
        data = {family: [{"AddressSpace": "plugind-local", "Pool": pool, "Gateway": self.known[f"gateway {family}"]}]
                for family, pool in POOLS.items()}
        return self.made("network", "/NetworkDriver.CreateNetwork", {
            "NetworkID": self.network, "IPv4Data": data["4"], "IPv6Data": data["6"],
            "Options": {"com.docker.network.enable_ipv6": True,
                        "com.docker.network.generic": {"plugind.attach": self.attach}}})

    def create_endpoint(self):
        return self.made("endpoint", "/NetworkDriver.CreateEndpoint", {
            **self.ids, "Options": {}, "Interface": {
                "Address": self.known["address 4"], "AddressIPv6": self.known["address 6"], "MacAddress": ""}})

    def join(self):
        status, answer = self.host.call("/NetworkDriver.Join", {
            **self.ids, "SandboxKey": self.host.sandbox.path, "Options": {}})
        if status == 200:
            self.link = (answer.get("InterfaceName") or {}).get("SrcName")
        return status, answer

    def program(self):
        return self.host.call("/NetworkDriver.ProgramExternalConnectivity", {
            **self.ids, "Options": {"com.docker.network.portmap": PORTS}})

    def revoke(self):
        return self.host.call("/NetworkDriver.RevokeExternalConnectivity", self.ids)

    def leave(self):
        return self.host.call("/NetworkDriver.Leave", self.ids)

    def delete_endpoint(self):
        return self.gone("endpoint", "/NetworkDriver.DeleteEndpoint", self.ids)

    def release_address(self, role, family):
        return self.gone(f"{role} {family}", "/IpamDriver.ReleaseAddress", {
            "PoolID": self.known.get(f"pool {family}"), "Address": self.known[f"{role} {family}"].split("/")[0]})

    def release_pool(self, which):
        return self.gone(f"pool {which}", "/IpamDriver.ReleasePool", {"PoolID": self.known[f"pool {which}"]})

    def delete_network(self):
        return self.gone("network", "/NetworkDriver.DeleteNetwork", {"NetworkID": self.network})

    @property
    def ids(self):
        return {"NetworkID": self.network, "EndpointID": self.endpoint}

    def made(self, name, path, request, key=None):
        status, answer = self.host.call(path, request)
        if status == 200:
            self.known[name] = answer[key] if key else True
        return status, answer

    def gone(self, name, path, request):
        """A teardown call. Once it was answered the engine has forgotten, whatever the answer."""
        status, answer = self.host.call(path, request)
        if status == 200:
            self.known.pop(name, None)
        return status, answer

    # What the engine does to the link, and to the routes of a sandbox in whichever way that was attached

    def move_in(self):
        if self.link:
            output(*self.host.network.enter, "ip", "link", "set", self.link, "netns", self.sandbox_holder)
            output(*self.host.sandbox.enter, "sh", "-c", f"""
                set -e
                ip link set {self.link} name eth0
                ip address add {self.known["address 4"]} dev eth0
                ip address add {self.known["address 6"]} dev eth0 nodad
                ip link set eth0 up
                """)
            self.is_inside = True
        output(*self.host.sandbox.enter, "sh", "-c", f"""
            set -e
            ip route replace default via {self.known["gateway 4"].split("/")[0]}
            ip route replace default via {self.known["gateway 6"].split("/")[0]}
            """)

    def move_out(self):
        if self.is_inside:
            output(*self.host.sandbox.enter, "ip", "link", "set", "eth0", "down", "name", self.link,
                   "netns", str(self.host.network.holder.pid))
            self.is_inside = False

    @property
    def sandbox_holder(self):
        return str(self.host.sandbox.holder.pid)

    # What the engine does after a failure

    def give_up(self, name):
        """What the engine calls after the call of that name has failed, as far as it knows: to the end of the network.

        Section 11 of the protocol's description; a failure of these calls it does not look at."""
        known = self.known
        known.pop(TEARDOWN.get(name), None)
        if name in ("Join", "Program", "Revoke"):
            self.leave()
        if name == "RequestAddress 6":
            # The engine leaks the other one.
            known.pop("address 4", None)
        self.move_out()
        if "endpoint" in known:
            self.delete_endpoint()
        known.pop("endpoint", None)
        for role in ("address", "gateway"):
            for family in POOLS:
                if f"{role} {family}" in known and f"pool {family}" in known:
                    self.release_address(role, family)
        for which in (*POOLS, "chosen"):
            if f"pool {which}" in known:
                self.release_pool(which)
        if "network" in known:
            self.delete_network()
        known.clear()


# What the engine has forgotten when the call has failed.
TEARDOWN = {
    "DeleteEndpoint": "endpoint", "ReleaseAddress 4": "address 4", "ReleaseAddress 6": "address 6",
    "ReleaseAddress gateway 4": "gateway 4", "ReleaseAddress gateway 6": "gateway 6", "ReleasePool 4": "pool 4",
    "ReleasePool 6": "pool 6", "ReleasePool chosen": "pool chosen", "DeleteNetwork": "network"}


CALLS = [step.name for step in Life(None).steps() if step.call]
