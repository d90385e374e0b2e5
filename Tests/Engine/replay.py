# SPDX-License-Identifier: Apache-2.0
"""Recorded sessions between engines and a plugin, played against a running plugind."""

import ipaddress
import json
import random
from pathlib import Path

RECORDINGS = Path(__file__).resolve().parents[1] / "Fixtures" / "recordings"

# An engine ignores their failure, so whatever they name: they succeed.
TEARDOWN = {
    "/NetworkDriver.RevokeExternalConnectivity", "/NetworkDriver.Leave", "/NetworkDriver.DeleteEndpoint",
    "/NetworkDriver.DeleteNetwork", "/NetworkDriver.FreeNetwork", "/IpamDriver.ReleaseAddress",
    "/IpamDriver.ReleasePool"}
# Their failure at the wrong moment locks a plugin out until the engine is restarted.
HANDSHAKE = {
    "/Plugin.Activate", "/NetworkDriver.GetCapabilities", "/IpamDriver.GetCapabilities",
    "/IpamDriver.GetDefaultAddressSpaces"}
NO_ARGUMENTS = HANDSHAKE
# These hand out another one each time, or refuse what is taken; everything else answers the same call the same.
GIVES_SOMETHING = {"/IpamDriver.RequestPool", "/IpamDriver.RequestAddress"}


def load(recording):
    """The exchanges of a recording, preceded by those that made what it takes for granted."""
    exchanges = [json.loads(line) for line in recording.read_text().splitlines()]
    exchanges = [{key: exchange.get(key) for key in ("path", "request", "response")} for exchange in exchanges]
    exchanges = prelude(exchanges, is_internal="internal" in recording.name) + exchanges
    return [step for exchange in exchanges for step in (exchange, *gateway_request(exchange))]


def gateway_request(exchange):
    """The call by which plugind gives a gateway, where the recorded plugin gave one with the pool."""
    response = exchange["response"]
    if exchange["path"] != "/IpamDriver.RequestPool" or not isinstance(response, dict):
        return []
    gateway = (response.get("Data") or {}).get("com.docker.network.gateway")
    if not gateway:
        return []
    return [{
        "path": "/IpamDriver.RequestAddress", "response": {"Address": gateway},
        "request": {"PoolID": response["PoolID"], "Address": gateway.split("/")[0],
                    "Options": {"RequestAddressType": "com.docker.network.gateway"}}}]


def prelude(exchanges, is_internal):
    """Calls that make the pools and networks that a session uses and did not make: it was recorded after they were."""
    made, before, gateways = set(), [], {}
    for exchange in exchanges:
        request, response = exchange["request"] or {}, exchange["response"]
        if exchange["path"] == "/IpamDriver.RequestPool" and isinstance(response, dict):
            made.add(response.get("PoolID"))
        elif request.get("PoolID") and request["PoolID"] not in made:
            made.add(request["PoolID"])
            space, base, length = request["PoolID"].split("/")[:3]
            pool = ipaddress.ip_network(f"{base}/{length}")
            gateway = f"{pool[1]}/{length}"
            gateways[pool] = gateway
            before += [
                {"path": "/IpamDriver.RequestPool",
                 "request": {"AddressSpace": space, "Pool": str(pool), "SubPool": "", "Options": {},
                             "V6": pool.version == 6},
                 "response": {"PoolID": request["PoolID"], "Pool": str(pool)}},
                {"path": "/IpamDriver.RequestAddress",
                 "request": {"PoolID": request["PoolID"], "Address": str(pool[1]),
                             "Options": {"RequestAddressType": "com.docker.network.gateway"}},
                 "response": {"Address": gateway}}]
    made = set()
    for exchange in exchanges:
        request = exchange["request"] or {}
        if exchange["path"] == "/NetworkDriver.CreateNetwork":
            made.add(request["NetworkID"])
        elif exchange["path"] == "/NetworkDriver.CreateEndpoint" and request and request["NetworkID"] not in made:
            made.add(request["NetworkID"])
            before.append(create_network(request, is_internal))
    return before


def create_network(endpoint, is_internal):
    """The CreateNetwork that a CreateEndpoint must have come after."""
    data = {4: [], 6: []}
    for key in ("Address", "AddressIPv6"):
        if address := endpoint["Interface"].get(key):
            pool = ipaddress.ip_interface(address).network
            data[pool.version].append(
                {"AddressSpace": "recorder-local", "Pool": str(pool), "Gateway": f"{pool[1]}/{pool.prefixlen}"})
    options = {"com.docker.network.enable_ipv6": bool(data[6]), "com.docker.network.generic": {}}
    if is_internal:
        options["com.docker.network.internal"] = True
    return {
        "path": "/NetworkDriver.CreateNetwork", "response": {},
        "request": {"NetworkID": endpoint["NetworkID"], "Options": options, "IPv4Data": data[4], "IPv6Data": data[6]}}


class Session:
    """One playing of a recording. It knows what it caused, and can delete it."""

    def __init__(self, connection):
        self.connection = connection
        # From what the recorded plugin answered to what plugind answered in its place.
        self.names = {}
        self.networks, self.endpoints, self.pools, self.addresses = {}, {}, {}, {}
        self.refusals = []

    def play(self, exchange):
        """Plays one exchange; returns the call as it was sent and what was answered."""
        request = self.translated(exchange["request"])
        status, answer = self.call(exchange["path"], request)
        if status == 200 and isinstance(exchange["response"], dict):
            self.learn(exchange["response"], answer)
        return request, status, answer

    def call(self, path, request):
        self.note(request)
        status, answer = self.connection.call(path, request)
        self.note({**(request or {}), **answer} if status == 200 else None)
        check(path, request, status, answer)
        if status != 200:
            self.refusals.append((path, answer["Err"]))
        return status, answer

    def translated(self, value):
        """A recorded value with plugind's names in place of those that the recorded plugin gave."""
        if isinstance(value, dict):
            return {key: self.translated(part) for key, part in value.items()}
        if isinstance(value, list):
            return [self.translated(part) for part in value]
        if isinstance(value, str):
            if value in self.names:
                return self.names[value]
            space, slash, rest = value.partition("/")
            for scope in ("local", "global"):
                if space.startswith("rec") and space.endswith("-" + scope):
                    return f"plugind-{scope}{slash}{rest}"
        return value

    def learn(self, recorded, answered):
        for key in ("PoolID", "Pool", "Address"):
            if recorded.get(key) and answered.get(key):
                self.names[recorded[key]] = answered[key]
        # Docker asks for addresses without their prefix length in other calls.
        if recorded.get("Address") and answered.get("Address"):
            self.names[recorded["Address"].split("/")[0]] = answered["Address"].split("/")[0]

    def note(self, request):
        """Remembers whatever could have been made."""
        for key, known in (("NetworkID", self.networks), ("PoolID", self.pools)):
            if (request or {}).get(key):
                known[request[key]] = None
        if (request or {}).get("EndpointID"):
            self.endpoints[request.get("NetworkID"), request["EndpointID"]] = None
        if (request or {}).get("PoolID") and request.get("Address"):
            self.addresses[request["PoolID"], request["Address"].split("/")[0]] = None

    def delete_everything(self):
        """Deletes what the session could have made, as an engine would."""
        for network, endpoint in self.endpoints:
            for call in ("RevokeExternalConnectivity", "Leave", "DeleteEndpoint"):
                self.call(f"/NetworkDriver.{call}", {"NetworkID": network, "EndpointID": endpoint})
        for pool, address in self.addresses:
            self.call("/IpamDriver.ReleaseAddress", {"PoolID": pool, "Address": address})
        for network in self.networks:
            self.call("/NetworkDriver.DeleteNetwork", {"NetworkID": network})
        for pool in self.pools:
            self.call("/IpamDriver.ReleasePool", {"PoolID": pool})


def check(path, request, status, answer):
    """What must be true of every answer, whatever was asked."""
    context = f"{path} {json.dumps(request)} is answered {status} {json.dumps(answer)}"
    errors = [answer.get("Err"), answer.get("Error")]
    if status == 200:
        assert errors == [None, None], f"{context}: an error with status 200, which half of the engine's calls ignore"
        return
    assert all(errors), f"{context}: a failure needs its reason in both Err and Error"
    assert "internal error" not in errors[0].lower(), f"{context}: a fault of plugind's own"
    assert path not in HANDSHAKE, f"{context}: a handshake must not fail"
    if path == "/NetworkDriver.DeleteNetwork" and "active endpoint" in errors[0]:
        return
    is_complete = request and all(isinstance(value, str) and value for value in request.values())
    assert not (path in TEARDOWN and is_complete), f"{context}: a teardown must not fail"


def strangers(exchange, dice):
    """The same call about things nobody knows."""
    request = exchange["request"]
    if isinstance(request, dict):
        request = dict(request)
        for key in ("NetworkID", "EndpointID"):
            if key in request:
                request[key] = f"{dice.getrandbits(256):064x}"
        if "PoolID" in request:
            request["PoolID"] = f"plugind-local/10.{dice.randrange(256)}.{dice.randrange(256)}.0/24"
    return {**exchange, "request": request}


def shuffled(exchanges, seed):
    exchanges = list(exchanges)
    random.Random(seed).shuffle(exchanges)
    return exchanges
