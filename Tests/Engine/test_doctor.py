# SPDX-License-Identifier: Apache-2.0
"""What `plugind doctor` finds, provoked in namespaces; docs/doctor.md lists all of it."""

import json
import socket
import subprocess
import time

import pytest

from engine import run
from faults import Namespace
from ipam import LonePlugind
from plugind import BINARY

NETWORK = "ab" * 32
ENDPOINT = "cd" * 32


class Doctor:
    """The command, called in the network namespace of a plugind."""

    def __init__(self, plugind):
        self.plugind = plugind

    def command(self, *arguments):
        here = self.plugind.directory
        return [*self.plugind.namespace.enter, str(BINARY), "doctor", "--control-socket", f"{here}/control.sock",
                "--config", f"{here}/config.yaml", "--plugin-dir", f"{here}/plugins", "--state-dir", f"{here}/state",
                "--engine-socket", f"{here}/engine.sock", *arguments]

    def findings(self, *prefix):
        """Words of each finding by its id. The exit code must fit."""
        done = run(*prefix, *self.command("--json"))
        report = json.loads(done.stdout)
        found = [finding for result in report["results"] for finding in result["findings"]]
        problems = [finding for finding in found if finding["severity"] == "problem"]
        assert report["problems"] == len(problems) and done.returncode == (1 if problems else 0), done
        words = {}
        for finding in found:
            words.setdefault(finding["id"], []).append(finding["what"])
        return words


@pytest.fixture
def plugind(binary, tmp_path):
    plugind = LonePlugind(tmp_path)
    plugind.start()
    plugind.pool("10.88.0.0/24").give(address="10.88.0.1")
    request = {
        "NetworkID": NETWORK, "Options": {"com.docker.network.generic": {}}, "IPv6Data": [],
        "IPv4Data": [{"AddressSpace": "plugind-local", "Pool": "10.88.0.0/24", "Gateway": "10.88.0.1/24"}]}
    status, answer = plugind.call("/NetworkDriver.CreateNetwork", request)
    assert status == 200, answer
    yield plugind
    if not plugind.is_running():
        plugind.start()
    plugind.call("/NetworkDriver.DeleteNetwork", {"NetworkID": NETWORK})
    plugind.close()


@pytest.fixture
def doctor(plugind):
    return Doctor(plugind)


# The limit of neighbours is not shown in a namespace, br_netfilter may be built in and on, no engine is there, and the
# daemon has the limits of whoever calls the tests.
USUAL = {"not-checked", "br-netfilter-on", "engine-not-found", "open-files-limit", "state-open"}


def test_a_sound_host_has_no_problem(doctor):
    assert set(doctor.findings()) <= USUAL


def test_the_table_says_what_why_and_what_to_do(doctor):
    done = run(*doctor.command())
    assert done.returncode == 0, done
    assert "ok       plugin        answers the engine at" in done.stdout
    assert "\n                       Why: " in done.stdout and "\n                       To do: " in done.stdout
    assert "\x1b" not in done.stdout
    done = run(*doctor.command("--nonsense"))
    assert done.returncode == 64, done


def test_a_daemon_that_is_killed_is_down_and_its_socket_dead(doctor, plugind):
    plugind.kill()
    findings = doctor.findings()
    assert "nobody listens there" in findings["daemon-down"][0]
    assert findings["plugin-socket-dead"] == [f"nobody listens at {plugind.socket}"]
    assert any("pools could not be checked" in words for words in findings["not-checked"])


def test_a_daemon_that_ended_leaves_no_socket(doctor, plugind):
    assert plugind.stop() == 0
    findings = doctor.findings()
    assert "daemon-down" in findings and findings["plugin-socket-missing"] == [f"there is no socket {plugind.socket}"]


def test_a_socket_that_does_not_answer_is_found(doctor, plugind):
    assert plugind.stop() == 0
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(plugind.socket))
        listener.listen()
        words = doctor.findings()["plugin-socket-silent"]
    plugind.socket.unlink()
    assert "was not answered within 5.0 seconds" in words[0]


def test_forwarding_that_is_off_is_found(doctor, plugind):
    plugind.kill()
    plugind.on_host("sh", "-c", "echo 0 >/proc/sys/net/ipv4/ip_forward; "
                    f"echo 1 >/proc/sys/net/ipv4/conf/br-{NETWORK[:12]}/forwarding")
    assert "no IPv4, and br-" in doctor.findings()["forwarding-off"][0]


def test_br_netfilter_is_told(doctor, plugind):
    switch = "/proc/sys/net/bridge/bridge-nf-call-iptables"
    if run(*plugind.namespace.enter, "test", "-w", switch).returncode != 0:
        pytest.skip("the kernel has no br_netfilter")
    plugind.on_host("sh", "-c", f"echo 0 >{switch}; echo 0 >{switch.replace('iptables', 'ip6tables')}")
    assert "br-netfilter-on" not in doctor.findings()
    plugind.on_host("sh", "-c", f"echo 1 >{switch}")
    assert doctor.findings()["br-netfilter-on"] == ["on: bridge-nf-call-iptables"]


def test_a_forward_policy_of_drop_is_a_problem_until_something_accepts_the_mark(doctor, plugind):
    plugind.on_host("iptables-nft", "-P", "FORWARD", "DROP")
    assert "ip filter FORWARD" in doctor.findings()["forward-drop"][0]
    # What the finding says to do.
    plugind.on_host("iptables-nft", "-I", "FORWARD", "-m", "mark", "--mark", "0x20000000/0x20000000", "-j", "ACCEPT")
    assert "forward-drop" not in doctor.findings()


def test_plugind_s_own_rule_in_docker_user_is_seen(doctor, plugind):
    for command in (["-N", "DOCKER-USER"], ["-A", "FORWARD", "-j", "DOCKER-USER"], ["-P", "FORWARD", "DROP"]):
        plugind.on_host("iptables-nft", *command)
    plugind.stop()
    plugind.start()
    assert "forward-drop" not in doctor.findings()
    plugind.stop()
    plugind.on_host("iptables-nft", "-F", "DOCKER-USER")
    assert "forward-drop" in doctor.findings()


def test_another_table_that_drops_is_found(doctor, plugind):
    plugind.on_host("nft", "add table inet host; "
                    "add chain inet host forward { type filter hook forward priority 5; policy drop; }; "
                    "add table ip other; add chain ip other forward { type filter hook forward priority 6; }; "
                    "add rule ip other forward ip saddr 192.0.2.1 drop")
    findings = doctor.findings()
    assert "inet host forward" in findings["forward-chain-drop"][0]
    assert "ip other forward" in findings["forward-chain-rules"][0]
    plugind.on_host("nft", "add rule inet host forward meta mark and 0x20000000 == 0x20000000 accept")
    assert "forward-chain-drop" not in doctor.findings()


@pytest.mark.parametrize("command", ["iptables-legacy", "ip6tables-legacy"])
def test_legacy_iptables_are_seen(doctor, plugind, command):
    if run(*plugind.namespace.enter, command, "-n", "-L").returncode != 0:
        pytest.skip(f"the kernel has nothing for {command}")
    assert not {"legacy-iptables-rules", "legacy-iptables-drop"} & set(doctor.findings())
    plugind.on_host(command, "-A", "FORWARD", "-i", "eth9", "-j", "DROP")
    assert doctor.findings()["legacy-iptables-rules"] == [f"{command} has rules in FORWARD"]
    plugind.on_host(command, "-P", "FORWARD", "DROP")
    assert doctor.findings()["legacy-iptables-drop"] == [f"the policy of FORWARD of {command} is DROP"]


def test_a_table_that_was_flushed_while_plugind_was_down_is_found(doctor, plugind):
    plugind.stop()
    plugind.on_host("nft", "flush", "ruleset")
    assert "no table inet plugind, and bridge br-" in doctor.findings()["rules-missing"][0]


def test_a_route_that_overlaps_a_pool_is_found(doctor, plugind):
    plugind.on_host("sh", "-c", "ip link add vpn type bridge; ip link set vpn up; ip route add 10.88.0.128/25 dev vpn")
    # The daemon looks a second after the change.
    findings = until(doctor, "pool-conflict")
    assert "10.88.0.128/25" in findings["pool-conflict"][0]


def until(doctor, kind):
    for _ in range(50):
        findings = doctor.findings()
        if kind in findings:
            return findings
        time.sleep(0.1)
    raise AssertionError(f"no {kind} in {findings}")


def test_a_small_table_of_neighbours_is_found(doctor, plugind, tmp_path):
    """The kernel shows the limit in its first network namespace alone, and it is the machine's: so another directory is
    shown in its place."""
    request = {"NetworkID": NETWORK, "EndpointID": ENDPOINT, "Options": {},
               "Interface": {"Address": "10.88.0.9/24", "AddressIPv6": "", "MacAddress": ""}}
    status, answer = plugind.call("/NetworkDriver.CreateEndpoint", request)
    assert status == 200, answer
    shown = tmp_path / "neigh" / "default"
    shown.mkdir(parents=True)
    command = ["unshare", "--mount", "sh", "-c",
               f"nsenter --net={plugind.namespace.path} mount --bind {shown.parent} /proc/sys/net/ipv4/neigh; "
               "exec \"$@\"", "sh"]
    (shown / "gc_thresh3").write_text("1\n")
    try:
        words = doctor.findings(*command)["neighbours-short"]
        assert words[0].startswith("IPv4 takes 1 neighbours, too few for 1 endpoints"), words
        (shown / "gc_thresh3").write_text("100000\n")
        assert "neighbours-short" not in doctor.findings(*command)
    finally:
        plugind.call("/NetworkDriver.DeleteEndpoint", {"NetworkID": NETWORK, "EndpointID": ENDPOINT})


def test_a_full_state_directory_is_found(doctor, plugind):
    plugind.stop()
    state = plugind.directory / "state"
    findings = doctor.findings("unshare", "--mount", "sh", "-c",
                               f"mount -t tmpfs -o size=1m,mode=0755 none {state}; exec \"$@\"", "sh")
    assert "1024 KiB are free" in findings["state-space"][0]
    assert "mode 0755" in findings["state-open"][0]


def test_what_the_state_s_file_system_is_mounted_like_is_found(doctor, plugind):
    plugind.stop()
    state = plugind.directory / "state"
    findings = doctor.findings("unshare", "--mount", "sh", "-c",
                               f"mount -t tmpfs -o ro none {state}; exec \"$@\"", "sh")
    assert "state-read-only" in findings


def test_sysctls_that_cannot_be_written_are_found(doctor):
    findings = doctor.findings(
        "unshare", "--mount", "sh", "-c",
        "mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys; exec \"$@\"", "sh")
    assert "sysctls-read-only" in findings


def test_without_rights_it_says_what_it_could_not_see(plugind):
    done = run(*plugind.namespace.enter, "setpriv", "--reuid=65534", "--clear-groups", "--bounding-set=-all",
               "--no-new-privs", str(BINARY), "doctor", "--json", "--control-socket", "/nonexistent")
    if not done.stdout:
        pytest.skip(f"the command cannot be started without rights: {done.stderr}")
    ids = {finding["id"] for result in json.loads(done.stdout)["results"] for finding in result["findings"]}
    assert {"doctor-rights", "not-checked"} <= ids


@pytest.mark.parametrize("version, kind", [
    ("19.03.15", "engine-too-old"), ("28.5.2", "engine-without-names"), ("29.1.0", None)])
def test_the_engine_s_version_is_judged(doctor, plugind, version, kind):
    path = plugind.directory / "engine.sock"
    answer = json.dumps({"Version": version})
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with subprocess.Popen(doctor.command("--json"), stdout=subprocess.PIPE) as process:
            connection, _ = listener.accept()
            with connection:
                assert connection.recv(4096).startswith(b"GET /version ")
                connection.sendall(f"HTTP/1.0 200 OK\r\nContent-Length: {len(answer)}\r\n\r\n{answer}".encode())
            report = json.loads(process.stdout.read())
    path.unlink()
    findings = next(result for result in report["results"] if result["check"] == "engine")["findings"]
    assert [finding["id"] for finding in findings] == ([kind] if kind else [])


def test_it_works_in_a_namespace_without_anything(binary, tmp_path):
    namespace = Namespace()
    try:
        done = run(*namespace.enter, str(BINARY), "doctor", "--json", "--control-socket", str(tmp_path / "none"),
                   "--plugin-dir", str(tmp_path), "--state-dir", str(tmp_path / "state"))
        ids = {finding["id"] for result in json.loads(done.stdout)["results"] for finding in result["findings"]}
        assert done.returncode == 1 and {"daemon-down", "plugin-socket-missing", "state-missing"} <= ids, ids
    finally:
        namespace.close()
