# SPDX-License-Identifier: Apache-2.0
"""The disk under plugind's state: full, read-only, damaged, of another version, in use. plugind is alone in a network
and a mount namespace, its state on a small disk of its own. Whatever the disk does, the host stays as it was, nothing
is answered with success that is not stored, and the message says what to do."""

import re
import shutil
import sqlite3
import stat
import subprocess
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

import hoststate
from plugind import Plugind

NETWORK, EMPTY_NETWORK, NEW_NETWORK = (f"{digit}9dff9c378bc2a0e" * 4 for digit in "012")
ENDPOINT, OTHER_ENDPOINT, NEW_ENDPOINT = (f"{digit}6e4d91db20dac74" * 4 for digit in "567")
# Without these, root may open what is its own and nothing else.
WEAK = ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"]
GATEWAY = {"RequestAddressType": "com.docker.network.gateway"}
MKFS = Path("/usr/sbin/mkfs.ext4")


class Host:
    """A network and a mount namespace, and in it a disk with room for a state."""

    def __init__(self, directory, mount="mount -t tmpfs -o size=2m tmpfs"):
        self.directory = directory
        self.disk = directory / "disk"
        self.disk.mkdir()
        self.holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "sh", "-ec",
             f"ip link set lo up; {mount} '{self.disk}'; echo ready; exec sleep infinity"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.is_ready = self.holder.stdout.readline() == b"ready\n"
        self.namespaces = ["nsenter", "--target", str(self.holder.pid), "--net", "--mount", "--"]
        # The disk as it is seen from here.
        self.inside = Path(f"/proc/{self.holder.pid}/root{self.disk}")
        self.state = self.inside / "state"
        self.database = self.state / "plugind.db"

    def close(self):
        self.holder.kill()
        self.holder.communicate()

    def plugind(self, name="plugind", prefix=(), state="state"):
        return Plugind(
            self.directory / name, self.disk / state, self.directory / f"{name}.log", [*self.namespaces, *prefix])

    def run(self, *command):
        subprocess.run([*self.namespaces, *map(str, command)], check=True, capture_output=True)

    def read(self):
        return hoststate.read(self.namespaces, with_engine=False)

    def fill(self):
        with open(self.inside / "filler", "wb", buffering=0) as filler:
            for size in (65536, 4096, 1):
                try:
                    while True:
                        filler.write(b"x" * size)
                except OSError:
                    pass

    def free(self):
        (self.inside / "filler").unlink()


@pytest.fixture
def host(binary, tmp_path):
    host = Host(tmp_path)
    yield host
    host.close()


@pytest.fixture
def lone_plugind(host):
    plugind = host.plugind()
    yield plugind
    if plugind.is_running():
        plugind.stop()


def succeed(plugind, path, request):
    status, answer = plugind.call(path, request)
    assert status == 200, f"{path} {request} is answered {status} {answer}"
    return answer


def pool_request(prefix):
    return {"AddressSpace": "plugind-local", "Pool": prefix, "SubPool": "", "Options": {}, "V6": False}


def network_request(network, prefix, gateway):
    return {"NetworkID": network, "Options": {"com.docker.network.generic": {}}, "IPv6Data": [], "IPv4Data": [
        {"AddressSpace": "plugind-local", "Pool": prefix, "Gateway": gateway, "AuxAddresses": {}}]}


def endpoint_request(endpoint, address):
    return {"NetworkID": NETWORK, "EndpointID": endpoint, "Options": {},
            "Interface": {"Address": address, "AddressIPv6": "", "MacAddress": ""}}


def join_request(endpoint):
    return {"NetworkID": NETWORK, "EndpointID": endpoint, "SandboxKey": "/var/run/docker/netns/0a", "Options": {}}


def populate(plugind):
    """Two networks, one with two endpoints, of which one is joined."""
    for network, prefix in ((NETWORK, "10.77.0.0/24"), (EMPTY_NETWORK, "10.77.1.0/24")):
        pool = succeed(plugind, "/IpamDriver.RequestPool", pool_request(prefix))["PoolID"]
        gateway = succeed(
            plugind, "/IpamDriver.RequestAddress", {"PoolID": pool, "Address": "", "Options": GATEWAY})["Address"]
        succeed(plugind, "/NetworkDriver.CreateNetwork", network_request(network, prefix, gateway))
    succeed(plugind, "/IpamDriver.RequestPool", pool_request("10.77.2.0/24"))
    for endpoint, address in ((ENDPOINT, "10.77.0.2"), (OTHER_ENDPOINT, "10.77.0.3")):
        succeed(plugind, "/IpamDriver.RequestAddress", address_request(address))
        succeed(plugind, "/NetworkDriver.CreateEndpoint", endpoint_request(endpoint, f"{address}/24"))
    succeed(plugind, "/NetworkDriver.Join", join_request(ENDPOINT))


def address_request(address):
    return {"PoolID": "plugind-local/10.77.0.0/24", "Address": address, "Options": {}}


# After `populate`, each can be carried out once, in this order.
CHANGES = [
    ("/IpamDriver.RequestPool", pool_request("10.77.3.0/24")),
    ("/IpamDriver.RequestAddress", address_request("10.77.0.9")),
    ("/NetworkDriver.CreateNetwork", network_request(NEW_NETWORK, "10.77.3.0/24", "10.77.3.1/24")),
    ("/NetworkDriver.CreateEndpoint", endpoint_request(NEW_ENDPOINT, "10.77.0.9/24")),
    ("/NetworkDriver.Join", join_request(OTHER_ENDPOINT)),
    ("/NetworkDriver.Leave", {"NetworkID": NETWORK, "EndpointID": ENDPOINT}),
    ("/IpamDriver.ReleaseAddress", {"PoolID": "plugind-local/10.77.0.0/24", "Address": "10.77.0.2"}),
    ("/IpamDriver.ReleasePool", {"PoolID": "plugind-local/10.77.2.0/24"}),
    ("/NetworkDriver.DeleteEndpoint", {"NetworkID": NETWORK, "EndpointID": ENDPOINT}),
    ("/NetworkDriver.DeleteNetwork", {"NetworkID": EMPTY_NETWORK}),
]
WITHOUT_STATE = ["/Plugin.Activate", "/NetworkDriver.GetCapabilities", "/IpamDriver.GetCapabilities"]


TABLES = ("network", "endpoint", "pool", "address", "setting")


def stored(host, state="state"):
    """Every row of a state."""
    with closing(open_copy(host, state)) as connection:
        return {table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in TABLES}


def open_copy(host, state="state"):
    """A copy of the database, with its journal. SQLite finds no way to the original, which is in another namespace."""
    copy = Path(tempfile.mkdtemp(dir=host.directory))
    for file in (host.inside / state).glob("plugind.db*"):
        shutil.copy(file, copy)
    return sqlite3.connect(copy / "plugind.db", isolation_level=None)


def path_of(connection):
    return Path(connection.execute("PRAGMA database_list").fetchone()[2])


def change(host, statement):
    """Changes the database of a plugind that has ended in order."""
    left = [file.name for file in host.state.glob("plugind.db-*")]
    assert not left, f"plugind has not closed its database: {left}"
    with closing(open_copy(host)) as connection:
        connection.execute(statement)
        copy = path_of(connection)
    host.database.write_bytes(copy.read_bytes())


def assert_every_change_is_refused(host, plugind, words):
    before = host.read()
    for path, request in CHANGES:
        assert_refused(plugind, path, request, words)
        hoststate.assert_same(before, host.read, deadline=1)
    for path in WITHOUT_STATE:
        succeed(plugind, path, None)


def assert_refused(plugind, path, request, words):
    status, answer = plugind.call(path, request)
    assert status != 200, f"{path} is answered with success"
    assert words in (answer.get("Err") or "") and words in (answer.get("Error") or ""), f"{path}: {answer}"


def assert_does_not_start(host, plugind, *words):
    """It ends with a status, says why, and changes nothing."""
    before, had_socket = host.read(), plugind.socket.exists()
    with open(plugind.log, "ab") as log:
        log.truncate(0)
        status = subprocess.run(
            plugind.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=20).returncode
    line = plugind.last_lines(1)
    assert status == 1, line
    for word in words:
        assert word in line
    assert plugind.socket.exists() == had_socket
    hoststate.assert_same(before, host.read, deadline=0)
    print(line)


def test_a_full_disk_refuses_every_change_and_once_there_is_room_all_succeed(host, lone_plugind):
    lone_plugind.start()
    populate(lone_plugind)
    host.fill()
    assert_every_change_is_refused(host, lone_plugind, "the disk is full; free some space")
    host.free()
    for path, request in CHANGES:
        succeed(lone_plugind, path, request)
    before = stored(host)
    lone_plugind.kill_and_start()
    assert stored(host) == before


def test_what_was_refused_for_want_of_room_is_not_there_after_a_restart(host, lone_plugind):
    lone_plugind.start()
    populate(lone_plugind)
    before, links = stored(host), host.read()
    host.fill()
    assert_every_change_is_refused(host, lone_plugind, "the disk is full")
    lone_plugind.kill()
    host.free()
    lone_plugind.start()
    assert stored(host) == before
    hoststate.assert_same(links, host.read, deadline=1)


def test_a_disk_that_fills_up_again_and_again_loses_nothing(host, lone_plugind):
    lone_plugind.start()
    for round in range(5):
        pool = pool_request(f"10.78.{round}.0/24")
        host.fill()
        assert lone_plugind.call("/IpamDriver.RequestPool", pool)[0] != 200
        host.free()
        succeed(lone_plugind, "/IpamDriver.RequestPool", pool)
    assert len(stored(host)["pool"]) == 5


def test_on_a_full_disk_plugind_does_not_start(host, lone_plugind):
    host.fill()
    assert_does_not_start(host, lone_plugind, "the disk is full; free some space")
    host.free()
    lone_plugind.start()
    populate(lone_plugind)
    before = stored(host)
    lone_plugind.stop()
    host.fill()
    assert_does_not_start(host, lone_plugind, "the disk is full; free some space")
    host.free()
    lone_plugind.start()
    assert stored(host) == before


def test_on_a_read_only_disk_plugind_does_not_start(host, lone_plugind):
    host.run("mount", "-o", "remount,ro", host.disk)
    assert_does_not_start(host, lone_plugind, "the disk or the file is read-only; make it writable")
    host.run("mount", "-o", "remount,rw", host.disk)
    lone_plugind.start()
    populate(lone_plugind)
    lone_plugind.stop()
    host.run("mount", "-o", "remount,ro", host.disk)
    assert_does_not_start(host, lone_plugind, "the disk or the file is read-only; make it writable")
    host.run("mount", "-o", "remount,rw", host.disk)
    lone_plugind.start()
    assert len(stored(host)["endpoint"]) == 2


def test_a_disk_that_becomes_read_only_refuses_every_change(binary, tmp_path):
    # What the kernel does to a file system in which it finds an error. A plain remount is refused while files are open.
    image = tmp_path / "image"
    with open(image, "wb") as file:
        file.truncate(16 << 20)
    if not MKFS.exists():
        pytest.fail(f"{MKFS} is not there; install e2fsprogs")
    subprocess.run([MKFS, "-q", image], check=True)
    host = Host(tmp_path, mount=f"mount -o loop,errors=remount-ro '{image}'")
    plugind = host.plugind()
    try:
        if not host.is_ready:
            pytest.skip(f"no loop devices here: {host.holder.stderr.read().decode().strip()}")
        plugind.start()
        populate(plugind)
        subprocess.run([*host.namespaces, "mount", "-o", "remount,abort", host.disk], capture_output=True)
        assert_every_change_is_refused(host, plugind, "the disk or the file is read-only; make it writable")
    finally:
        if plugind.is_running():
            plugind.stop()
        host.close()


def test_a_database_that_cannot_be_written_is_said_to_be_so(host, lone_plugind):
    lone_plugind.start()
    lone_plugind.stop()
    host.run("chown", "65534", host.disk / "state/plugind.db")
    host.run("chmod", "600", host.disk / "state/plugind.db")
    assert_does_not_start(
        host, host.plugind("weak", WEAK), "cannot open", "plugind.db: Permission denied; run plugind as root")


def test_a_state_directory_without_rights_is_said_to_be_so(host):
    host.run("mkdir", "--mode", "700", host.disk / "state")
    host.run("chown", "65534", host.disk / "state")
    assert_does_not_start(
        host, host.plugind("weak", WEAK),
        "state/lock: Permission denied; run plugind as root, or give it the directory")


def test_a_state_directory_that_is_a_file_is_said_to_be_so(host, lone_plugind):
    host.state.write_text("a file")
    host.state.chmod(0o644)
    assert_does_not_start(host, lone_plugind, "that is not a directory; move it away, or point --state-dir at another")
    assert stat.S_IMODE(host.state.stat().st_mode) == 0o644


def test_two_plugind_on_one_state_directory_are_one_too_many(host, lone_plugind):
    lone_plugind.start()
    populate(lone_plugind)
    second = host.plugind("second")
    assert_does_not_start(host, second, f"is in use by another plugind (process {lone_plugind.pid})", "--state-dir")
    succeed(lone_plugind, *CHANGES[0])


def test_a_state_of_a_newer_version_is_left_alone(host, lone_plugind):
    lone_plugind.start()
    populate(lone_plugind)
    lone_plugind.stop()
    change(host, "INSERT INTO grdb_migrations VALUES ('99: something new')")
    before = host.database.read_bytes()
    assert_does_not_start(
        host, lone_plugind, "is of version 99, written by a newer plugind", "install the newer one again, or point")
    known = int(re.search(r"knows versions up to (\d+)", lone_plugind.last_lines(1))[1])
    backup = f"plugind.db.before-{known + 1}"
    host.database.with_name(backup).write_bytes(before)
    assert_does_not_start(host, lone_plugind, f"copy the backup of version {known}, {backup}, to plugind.db")
    assert host.database.read_bytes() == before


@pytest.mark.parametrize("damage", ["empty", "cut off", "overwritten", "one bit", "not a database"])
def test_a_damaged_state_is_left_alone_until_somebody_decides(host, lone_plugind, damage):
    lone_plugind.start()
    populate(lone_plugind)
    lone_plugind.stop()
    content = bytearray(host.database.read_bytes())
    if damage == "empty":
        content.clear()
    elif damage == "cut off":
        del content[len(content) // 2:]
    elif damage == "overwritten":
        content[4096:] = bytes(len(content) - 4096)
    elif damage == "one bit":
        content[content.rindex(b"10.77.0.2\\/24")] ^= 1
    elif damage == "not a database":
        content[:] = b"#!/bin/sh\n" * 1000
    host.database.write_bytes(content)
    assert_does_not_start(
        host, lone_plugind, "plugind.db is damaged: ", "move plugind.db, plugind.db-wal and plugind.db-shm out of",
        "make the networks anew")
    assert host.database.read_bytes() == content
    # The way out.
    for file in host.state.glob("plugind.db*"):
        file.unlink()
    lone_plugind.start()
    assert stored(host)["network"] == []


@pytest.mark.parametrize("statement, words", [
    ("DELETE FROM network", "endpoint 56e4d91db20d"),
    ("DELETE FROM pool WHERE id = 'plugind-local/10.77.0.0/24'", "address 10.77.0.1 belongs to pool"),
    ("UPDATE network SET body = '{}'", "network 09dff9c378bc"),
    ("DROP INDEX endpoint_by_network", "endpoint_by_network is not as it was made"),
])
def test_rows_that_do_not_fit_together_are_named(host, lone_plugind, statement, words):
    lone_plugind.start()
    populate(lone_plugind)
    lone_plugind.stop()
    change(host, statement)
    assert_does_not_start(host, lone_plugind, "plugind.db is damaged: " + words, "make the networks anew")


def test_a_journal_that_was_lost_or_broken_is_not_taken_for_an_empty_one(host, lone_plugind):
    lone_plugind.start()
    populate(lone_plugind)
    lone_plugind.kill()
    before = stored(host)
    journal = host.state / "plugind.db-wal"
    content = journal.read_bytes()

    journal.unlink()
    assert_does_not_start(host, lone_plugind, "plugind.db-wal, with the newest changes, is gone or broken")
    journal.write_bytes(content[:5000] + b"x" + content[5001:])
    assert_does_not_start(host, lone_plugind, "plugind.db-wal is broken at byte 4152")
    journal.write_bytes(content)
    database = host.database.read_bytes()
    host.database.unlink()
    assert_does_not_start(host, lone_plugind, "plugind.db is missing, but its journal", "put the database back")

    host.database.write_bytes(database)
    lone_plugind.start()
    assert stored(host) == before


def test_a_state_that_other_programs_brought_in_order_is_taken(host, lone_plugind):
    lone_plugind.start()
    populate(lone_plugind)
    before = stored(host)
    lone_plugind.kill()
    journal = host.state / "plugind.db-wal"
    backup = host.directory / "backup.db"
    with closing(open_copy(host)) as connection, closing(sqlite3.connect(backup)) as other:
        connection.backup(other)
        closed = path_of(connection)
    # SQLite moved the journal into the database when it was closed.
    for file in (closed, backup):
        host.database.write_bytes(file.read_bytes())
        journal.unlink(missing_ok=True)
        lone_plugind.start()
        assert stored(host) == before
        assert lone_plugind.stop() == 0


def test_a_crash_at_any_step_of_moving_the_journal_loses_nothing(host, lone_plugind):
    lone_plugind.start()
    populate(lone_plugind)
    before = stored(host)
    lone_plugind.kill()
    steps = ["wal_checkpoint(PASSIVE)", "user_version = 1", "wal_checkpoint(PASSIVE)", "user_version = 0"]
    with closing(open_copy(host)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        for number, step in enumerate(steps):
            connection.execute(f"PRAGMA {step}").fetchall()
            state = host.inside / f"step-{number}"
            state.mkdir()
            for file in path_of(connection).parent.glob("plugind.db*"):
                shutil.copy(file, state)
    for number in range(len(steps)):
        plugind = host.plugind(f"after-{number}", state=f"step-{number}")
        plugind.start()
        assert stored(host, f"step-{number}") == before
        assert plugind.stop() == 0
