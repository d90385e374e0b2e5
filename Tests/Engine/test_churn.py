# SPDX-License-Identifier: Apache-2.0
"""Containers come and go for a while, and plugind too: every claim that it has is honoured."""

import contextlib
import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException

import pytest

import ipam
import measured
from conftest import SEED
from engine import CommandError
from ipam import LonePlugind, mac_claims
from plugind import Connection

# Minutes show more than the few seconds of an ordinary run do.
SECONDS = float(os.environ.get("PLUGIND_CHURN_SECONDS", "0"))
CONTAINERS = int(os.environ.get("PLUGIND_CHURN_CONTAINERS", "20"))


@pytest.fixture(scope="module")
def plugind(engine, plugind):
    with mac_claims(engine, plugind):
        yield plugind


class Restarts(threading.Thread):
    """plugind comes and goes while this is open: more often by kill -9 than by SIGTERM."""

    def __init__(self, plugind, pause):
        super().__init__()
        self.plugind, self.pause = plugind, pause
        self.over = threading.Event()
        # Odd while plugind is away.
        self.changes = 0
        self.failure = None

    def run(self):
        dice = random.Random(SEED)
        try:
            while not self.over.wait(dice.uniform(*self.pause)):
                self.changes += 1
                dice.choice([self.plugind.kill, self.plugind.kill, self.plugind.stop])()
                self.plugind.start()
                self.changes += 1
        except Exception as failure:
            self.failure = failure

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.join()
        if self.failure:
            raise self.failure

    @property
    def count(self):
        return self.changes // 2


def churn(threads, everybody, turn, seconds):
    """Has each of them take turns, those of one thread one after the other, for so long."""
    end = time.monotonic() + seconds

    def work(number):
        dice, mine = random.Random(SEED + number), everybody[number::threads]
        while time.monotonic() < end:
            turn(dice.choice(mine), dice)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, range(threads)))


class Tenant:
    """A container that comes and goes, and knows its address."""

    def __init__(self, lab, number):
        self.lab, self.number = lab, number
        self.name, self.mac = f"c{number}", f"02:11:22:33:44:{number:02x}"
        self.address = None
        self.honoured = self.lost = 0

    def turn(self, dice, restarts):
        """Goes, if it is there, and comes back."""
        before = restarts.changes
        try:
            self.leave(dice)
            claim = self.claim()
            self.come()
        except CommandError:
            # A call that was cut off is repeated without its body, and fails: what it did is not known any more.
            self.address = None
            self.lost += 1
            return
        address = self.lab.address(self.name, "lan")
        assert address == (claim or address), f"{self.name} had a claim to {claim} and got {address}"
        self.honoured += bool(claim)
        if self.address and before % 2 == 0 and restarts.changes == before:
            assert claim == self.address, f"{self.name} had {self.address}, and plugind kept {claim} for it"
        self.address = address

    def leave(self, dice):
        if self.exists():
            self.lab.engine.docker(*dice.choice([["rm", "--force"], ["stop"]]), self.name)

    def come(self):
        if self.exists():
            self.lab.engine.docker("start", self.name)
        else:
            self.lab.engine.docker(*self.lab.run_arguments(self.name, "lan", "--mac-address", self.mac))

    def exists(self):
        return bool(self.lab.engine.docker("ps", "--all", "--quiet", "--filter", f"name=^{self.name}$"))

    def claim(self):
        """The address that plugind keeps for it."""
        rests = ipam.rows(self.lab.engine.directory / "state", "rest")
        mine = [rest for rest in rests if rest["mac"] == self.mac]
        return max(mine, key=lambda rest: int(rest["released"]))["address"] if mine else None


@pytest.mark.one_engine
def test_every_claim_that_is_there_is_honoured_while_containers_come_and_go_and_plugind_too(steady_lab):
    lab = steady_lab
    lab.network("lan", "--subnet", "10.77.0.0/24")
    tenants = [Tenant(lab, number) for number in range(CONTAINERS)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(Tenant.come, tenants))
    with Restarts(lab.plugind, (1, 4)) as restarts:
        churn(4, tenants, lambda tenant, dice: tenant.turn(dice, restarts), SECONDS or 20)
    honoured, lost = (sum(getattr(tenant, name) for tenant in tenants) for name in ("honoured", "lost"))
    measured.lines.append(
        f"Docker {lab.engine.version}, {CONTAINERS} containers churned: {honoured} claims honoured, "
        f"{lost} starts failed, plugind came back {restarts.count} times")
    assert restarts.count > 0 and honoured > lost, "hardly anything happened"
    running = lab.engine.docker("ps", "--format", "{{.Names}}").split()
    given = [lab.address(name, "lan") for name in running]
    assert len(set(given)) == len(given), sorted(given)


class Resident:
    """A name that comes and goes, and has the same address whenever it is there."""

    def __init__(self, pool, name):
        self.pool, self.name = pool, name
        self.address = None
        self.turns = 0

    def turn(self):
        """One coming and going. Whatever is cut off is done again, as by somebody who knows what the store has."""
        address = self.come()
        assert address == (self.address or address), f"{self.name} had {self.address} and got {address}"
        self.address = address
        self.leave(address)
        self.turns += 1

    def come(self):
        while True:
            answer = self.call("RequestAddress", self.pool.request(self.name))
            if answer:
                return answer["Address"].split("/")[0]
            for row in self.pool.plugind.rows("address"):
                if row["name"] == self.name:
                    self.leave(row["address"])

    def leave(self, address):
        while self.call("ReleaseAddress", {"PoolID": self.pool.id, "Address": address}) is None:
            pass

    def call(self, method, request):
        """The answer, None if plugind died over the call."""
        with self.connection() as connection:
            try:
                status, answer = connection.call(f"/IpamDriver.{method}", request)
            except (OSError, HTTPException):
                return None
        assert status == 200, f"{method} {request} is answered {answer}"
        return answer

    def connection(self):
        """A connection to plugind, once it is there."""
        end = time.monotonic() + 30
        while True:
            connection = Connection(self.pool.plugind.socket)
            try:
                connection.connect()
                return connection
            except OSError:
                connection.close()
                if time.monotonic() > end:
                    raise
                time.sleep(0.005)


@pytest.fixture
def lone_plugind(binary, tmp_path):
    with contextlib.closing(LonePlugind(tmp_path)) as plugind:
        plugind.start()
        yield plugind


def test_two_hundred_names_keep_their_addresses_while_plugind_comes_and_goes(lone_plugind):
    plugind = lone_plugind
    pool = plugind.pool("10.77.0.0/24")
    pool.gateway()
    residents = [Resident(pool, f"c{number}") for number in range(200)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(Resident.turn, residents))
    with Restarts(plugind, (0.05, 0.8)) as restarts:
        churn(8, residents, lambda resident, _: resident.turn(), SECONDS or 15)
    turns = sum(resident.turns for resident in residents)
    measured.lines.append(
        f"200 names churned: {turns} came back to their address, plugind came back {restarts.count} times")
    assert restarts.count > 0 and turns > 2 * len(residents), "hardly anything happened"
    assert len({resident.address for resident in residents}) == len(residents)
    for resident in residents:
        assert pool.give(resident.name) == resident.address
