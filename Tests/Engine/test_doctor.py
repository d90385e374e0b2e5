# SPDX-License-Identifier: Apache-2.0
"""Everything that `plugind doctor` can find (docs/doctor.md lists it), provoked in namespaces; and that it is gone once
somebody has done what the finding says."""

import os
import resource
import signal
import socket
import time

import pytest

from doctor import PROVOKED, Doctor, Network, SomeEngine, documented, provokes
from engine import REPOSITORY, run
from ipam import LonePlugind

WITHOUT_SOCKETS = ["/usr/bin/python3", REPOSITORY / "Tests/Engine/without_sockets.py"]
NETLINK_NETFILTER = 12
# Runs what comes after it in a mount namespace, once some shell commands have been run there.
PRIVATELY = ["unshare", "--mount", "sh", "-c"]
THEN = '; exec "$@"'

# The limit of neighbours is not shown in a namespace, br_netfilter may be built in and on, no engine is there, and the
# daemon has the limits of whoever calls the tests.
USUAL = {"not-checked", "br-netfilter-on", "engine-not-found", "open-files-limit"}


@pytest.fixture
def plugind(binary, tmp_path):
    plugind = LonePlugind(tmp_path)
    plugind.start()
    yield plugind
    plugind.close()


@pytest.fixture
def network(plugind):
    network = Network(plugind)
    yield network
    if not plugind.is_running():
        plugind.start()
    network.delete()


@pytest.fixture
def doctor(plugind, network):
    return Doctor(plugind)


def until(doctor, condition):
    """The findings, once they are such."""
    end = time.monotonic() + 60
    while not condition(findings := doctor.findings()):
        assert time.monotonic() < end, f"the doctor finds {findings}"
        time.sleep(0.1)
    return findings


def restart(plugind, command=None):
    """Starts it anew, by another command."""
    if plugind.is_running():
        assert plugind.stop() == 0
    plugind.command = command or plugind.command
    plugind.start()


def test_each_kind_of_finding_is_provoked():
    assert set(PROVOKED) == documented()


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


# The daemon, its sockets, its state


@provokes("daemon-down", "plugin-socket-dead")
def test_a_daemon_that_is_killed_is_down_and_its_socket_dead(doctor, plugind):
    plugind.kill()
    findings = doctor.findings()
    assert "nobody listens there" in findings["daemon-down"][0]
    assert findings["plugin-socket-dead"] == [f"nobody listens at {plugind.socket}"]
    assert any("pools could not be checked" in words for words in findings["not-checked"])
    plugind.start()
    doctor.findings()


@provokes("plugin-socket-missing")
def test_a_daemon_that_ended_leaves_no_socket(doctor, plugind):
    assert plugind.stop() == 0
    findings = doctor.findings()
    assert "daemon-down" in findings and findings["plugin-socket-missing"] == [f"there is no socket {plugind.socket}"]
    plugind.start()
    doctor.findings()


@provokes("plugin-socket-silent", "control-socket-unusable")
def test_a_daemon_that_hangs_is_found(doctor, plugind):
    os.kill(plugind.pid, signal.SIGSTOP)
    try:
        findings = doctor.findings()
    finally:
        os.kill(plugind.pid, signal.SIGCONT)
    assert "was not answered within 5.0 seconds" in findings["plugin-socket-silent"][0]
    assert "was not answered within 5.0 seconds" in findings["control-socket-unusable"][0]
    restart(plugind)
    doctor.findings()


@provokes("control-socket-unusable")
def test_another_program_at_the_control_socket_is_found(doctor, plugind):
    assert plugind.stop() == 0
    with SomeEngine(plugind.directory / "control.sock", "29.1.0"):
        assert "GET /status is not what was expected" in doctor.findings()["control-socket-unusable"][0]
    plugind.start()
    doctor.findings()


@provokes("control-socket-off")
def test_a_daemon_without_control_socket_is_told(doctor, plugind):
    path = str(doctor.options.pop("control-socket"))
    command = plugind.command
    plugind.configure(control_socket="off")
    restart(plugind, [*command[:command.index("--control-socket")], *command[command.index(path) + 1:]])
    findings = doctor.findings()
    assert "control-socket-off" in findings and "daemon-down" not in findings
    # The line is removed from the configuration; another one names the socket, as the standard one is the machine's.
    plugind.configure(control_socket=path)
    restart(plugind)
    assert "daemon-down" not in doctor.findings()


@provokes("state-missing")
def test_a_state_directory_elsewhere_is_found(doctor, plugind):
    assert plugind.stop() == 0
    state = doctor.options["state-dir"]
    doctor.options["state-dir"] = state.with_name("nowhere")
    assert doctor.findings()["state-missing"] == [f"there is no directory {state.with_name('nowhere')}"]
    doctor.options["state-dir"] = state
    doctor.findings()


@provokes("state-open")
def test_a_state_directory_that_others_may_read_is_told(doctor, plugind):
    state = plugind.directory / "state"
    state.chmod(0o755)
    assert "mode 0755" in doctor.findings()["state-open"][0]
    state.chmod(0o700)
    doctor.findings()


@provokes("state-space")
def test_a_full_state_directory_is_found(doctor, plugind):
    plugind.stop()
    mount = f"mount -t tmpfs -o size=%s none {plugind.directory}/state"
    findings = doctor.findings(*PRIVATELY, mount % "1m" + THEN, "sh")
    assert "1024 KiB are free" in findings["state-space"][0]
    doctor.findings(*PRIVATELY, mount % "100m" + THEN, "sh")


@provokes("state-read-only")
def test_a_state_that_cannot_be_written_is_found(doctor, plugind):
    plugind.stop()
    mount = f"mount -t tmpfs -o size=100m,ro none {plugind.directory}/state"
    doctor.findings(*PRIVATELY, mount + THEN, "sh")
    doctor.findings(*PRIVATELY, f"{mount}; mount -o remount,rw {plugind.directory}/state" + THEN, "sh")


# Rights and limits


@pytest.mark.parametrize("capability, flag", [
    ("CAP_SYS_ADMIN", "-sys_admin"), ("CAP_NET_BIND_SERVICE", "-net_bind_service")])
@provokes("daemon-capabilities")
def test_a_daemon_without_a_capability_is_found(doctor, plugind, capability, flag):
    command = plugind.command
    enter = plugind.namespace.enter
    restart(plugind, [*enter, "setpriv", f"--bounding-set={flag}", *command[len(enter):]])
    assert doctor.findings()["daemon-capabilities"] == [f"the daemon, process {plugind.pid}, has not {capability}"]
    restart(plugind, command)
    doctor.findings()


@provokes("open-files-short")
def test_a_daemon_with_few_files_left_is_found(doctor, plugind):
    count = len(os.listdir(f"/proc/{plugind.pid}/fd"))
    resource.prlimit(plugind.pid, resource.RLIMIT_NOFILE, (count + 2, count + 2))
    assert f"of {count + 2} files open" in doctor.findings()["open-files-short"][0]
    restart(plugind)
    doctor.findings()


@provokes("open-files-limit")
def test_a_low_limit_of_files_is_told(doctor, plugind):
    resource.prlimit(plugind.pid, resource.RLIMIT_NOFILE, (4096, 4096))
    assert doctor.findings()["open-files-limit"] == ["the daemon may have no more than 4096 files open"]
    if resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 65_536:
        pytest.skip("whoever calls the tests may have no more files open")
    restart(plugind)
    doctor.findings()


@pytest.mark.parametrize("missing", ["-all", "-net_admin"])
@provokes("doctor-rights")
def test_without_rights_it_says_what_it_could_not_see(doctor, plugind, missing):
    # From here on, as entering the namespace takes rights.
    here = len(plugind.namespace.enter)
    command = doctor.command("--json")
    findings = doctor.read(run(*command[:here], "setpriv", f"--bounding-set={missing}", *command[here:]))
    assert any("kernel could not be checked" in words for words in findings["not-checked"])
    assert "doctor-rights" in findings and "feature-missing" not in findings
    doctor.findings()


# The kernel and its settings


@provokes("feature-missing")
def test_a_kernel_without_nftables_is_found(doctor, plugind):
    """With a filter of system calls in place of such a kernel."""
    if run(*WITHOUT_SOCKETS, NETLINK_NETFILTER, "true").returncode != 0:
        pytest.skip("there can be no filter of system calls here")
    findings = doctor.findings(*WITHOUT_SOCKETS, NETLINK_NETFILTER)
    assert findings["feature-missing"] == ["no nftables: cannot open the packet filter: Protocol not supported"]
    assert "firewall could not be checked: cannot open the packet filter: Protocol not supported" in \
        findings["not-checked"]
    doctor.findings()


@provokes("sysctls-read-only")
def test_sysctls_that_cannot_be_written_are_found(doctor):
    bind = "mount --bind /proc/sys /proc/sys; mount -o remount,bind,%s /proc/sys"
    doctor.findings(*PRIVATELY, bind % "ro" + THEN, "sh")
    doctor.findings(*PRIVATELY, bind % "rw" + THEN, "sh")


@provokes("ipv6-off")
def test_a_host_without_ipv6_is_told(doctor, plugind):
    plugind.on_host("sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6")
    assert doctor.findings()["ipv6-off"] == ["the host has no IPv6"]
    plugind.on_host("sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/all/disable_ipv6")
    doctor.findings()


@provokes("forwarding-off")
def test_forwarding_that_is_off_is_found(doctor, plugind):
    plugind.kill()
    plugind.on_host("sh", "-c", "echo 0 >/proc/sys/net/ipv4/ip_forward; "
                    f"echo 1 >/proc/sys/net/ipv4/conf/{Network.BRIDGE}/forwarding")
    assert "no IPv4, and br-" in doctor.findings()["forwarding-off"][0]
    plugind.start()
    doctor.findings()


@provokes("forwarding-not-on")
def test_forwarding_that_was_switched_off_altogether_is_told(doctor, plugind):
    plugind.kill()
    # The kernel writes that of each link, too.
    plugind.on_host("sh", "-c", "echo 0 >/proc/sys/net/ipv4/ip_forward")
    assert doctor.findings()["forwarding-not-on"] == ["neither the host nor a bridge of plugind's forwards"]
    plugind.start()
    doctor.findings()


@provokes("br-netfilter-on")
def test_br_netfilter_is_told(doctor, plugind):
    switch = "/proc/sys/net/bridge/bridge-nf-call-iptables"
    if run(*plugind.namespace.enter, "test", "-w", switch).returncode != 0:
        pytest.skip("the kernel has no br_netfilter")
    switch_off = f"echo 0 >{switch}; echo 0 >{switch.replace('iptables', 'ip6tables')}"
    plugind.on_host("sh", "-c", f"{switch_off}; echo 1 >{switch}")
    assert doctor.findings()["br-netfilter-on"] == ["on: bridge-nf-call-iptables"]
    plugind.on_host("sh", "-c", switch_off)
    doctor.findings()


@provokes("flows-short")
def test_a_table_of_connections_that_is_nearly_full_is_found(doctor, plugind, tmp_path):
    """The limit is the machine's, and cannot be written in a namespace: another one is shown in its place. The
    connections are there."""
    plugind.on_host("bash", "-c", "for port in {9001..9010}; do echo >/dev/udp/127.0.0.1/$port; done")
    shown = tmp_path / "nf_conntrack_max"
    show = f"nsenter --net={plugind.namespace.path} mount --bind {shown} /proc/sys/net/netfilter/nf_conntrack_max"
    shown.write_text("10\n")
    assert doctor.findings(*PRIVATELY, show + THEN, "sh")["flows-short"][0].endswith(" of 10 connections are tracked")
    shown.write_text("10000\n")
    doctor.findings(*PRIVATELY, show + THEN, "sh")


@provokes("neighbours-short", "not-checked")
def test_a_small_table_of_neighbours_is_found(doctor, plugind, network, tmp_path):
    """The kernel shows the limit in its first network namespace alone, and it is the machine's: so another directory is
    shown in its place."""
    assert any("neighbours could not be checked" in words for words in doctor.findings()["not-checked"])
    shown = tmp_path / "neigh" / "default"
    shown.mkdir(parents=True)
    show = f"nsenter --net={plugind.namespace.path} mount --bind {shown.parent} /proc/sys/net/ipv4/neigh"
    with network.endpoint():
        (shown / "gc_thresh3").write_text("1\n")
        words = doctor.findings(*PRIVATELY, show + THEN, "sh")["neighbours-short"]
        assert words[0].startswith("IPv4 takes 1 neighbours, too few for 1 endpoints"), words
        (shown / "gc_thresh3").write_text("100000\n")
        doctor.findings(*PRIVATELY, show + THEN, "sh")


# The packet filter


@provokes("rules-missing")
def test_a_table_that_was_flushed_while_plugind_was_down_is_found(doctor, plugind):
    plugind.stop()
    plugind.on_host("nft", "flush", "ruleset")
    assert "no table inet plugind, and bridge br-" in doctor.findings()["rules-missing"][0]
    plugind.start()
    doctor.findings()


@provokes("forward-drop")
def test_a_forward_policy_of_drop_is_a_problem_until_something_accepts_the_mark(doctor, plugind):
    plugind.on_host("iptables-nft", "-P", "FORWARD", "DROP")
    assert "ip filter FORWARD" in doctor.findings()["forward-drop"][0]
    plugind.on_host("iptables-nft", "-I", "FORWARD", "-m", "mark", "--mark", "0x20000000/0x20000000", "-j", "ACCEPT")
    doctor.findings()


@provokes("forward-drop")
def test_plugind_s_own_rule_in_docker_user_is_seen(doctor, plugind):
    for command in (["-N", "DOCKER-USER"], ["-A", "FORWARD", "-j", "DOCKER-USER"], ["-P", "FORWARD", "DROP"]):
        plugind.on_host("iptables-nft", *command)
    plugind.stop()
    plugind.on_host("iptables-nft", "-F", "DOCKER-USER")
    assert "forward-drop" in doctor.findings()
    plugind.start()
    assert "forward-drop" not in doctor.findings()


@provokes("forward-chain-drop", "forward-chain-rules")
def test_another_table_that_drops_is_found(doctor, plugind):
    plugind.on_host("nft", "add table inet host; "
                    "add chain inet host forward { type filter hook forward priority 5; policy drop; }; "
                    "add table ip other; add chain ip other forward { type filter hook forward priority 6; }; "
                    "add rule ip other forward ip saddr 192.0.2.1 drop")
    findings = doctor.findings()
    assert "inet host forward" in findings["forward-chain-drop"][0]
    assert "ip other forward" in findings["forward-chain-rules"][0]
    plugind.on_host("nft", "add rule inet host forward meta mark and 0x20000000 == 0x20000000 accept; "
                    "flush chain ip other forward")
    doctor.findings()


@pytest.mark.parametrize("command", ["iptables-legacy", "ip6tables-legacy"])
@provokes("legacy-iptables-drop", "legacy-iptables-rules")
def test_legacy_iptables_are_seen(doctor, plugind, command):
    if run(*plugind.namespace.enter, command, "-n", "-L").returncode != 0:
        pytest.skip(f"the kernel has nothing for {command}")
    assert not {"legacy-iptables-rules", "legacy-iptables-drop"} & set(doctor.findings())
    plugind.on_host(command, "-A", "FORWARD", "-i", "eth9", "-j", "DROP")
    assert doctor.findings()["legacy-iptables-rules"] == [f"{command} has rules in FORWARD"]
    plugind.on_host(command, "-P", "FORWARD", "DROP")
    assert doctor.findings()["legacy-iptables-drop"] == [f"the policy of FORWARD of {command} is DROP"]
    # Not what is asked for: of one link, another mark, not the mark.
    mark = "0x20000000/0x20000000"
    for rule in (["-i", "eth9", "-m", "mark", "--mark", mark], ["-m", "mark", "--mark", "0x1/0x1"],
                 ["-m", "mark", "!", "--mark", mark]):
        plugind.on_host(command, "-I", "FORWARD", *rule, "-j", "ACCEPT")
    assert "legacy-iptables-drop" in doctor.findings()
    plugind.on_host(command, "-I", "FORWARD", "-m", "mark", "--mark", mark, "-j", "ACCEPT")
    assert "legacy-iptables-drop" not in doctor.findings()
    plugind.on_host(command, "-F", "FORWARD")
    plugind.on_host(command, "-P", "FORWARD", "ACCEPT")
    doctor.findings()


# Networks


@provokes("pool-conflict")
def test_a_route_that_overlaps_a_pool_is_found(doctor, plugind):
    plugind.on_host("sh", "-c", "ip link add vpn type bridge; ip link set vpn up; ip route add 10.88.0.128/25 dev vpn")
    # The daemon looks a second after the change.
    findings = until(doctor, lambda findings: "pool-conflict" in findings)
    assert "10.88.0.128/25" in findings["pool-conflict"][0]
    plugind.on_host("ip", "route", "delete", "10.88.0.128/25")
    until(doctor, lambda findings: "pool-conflict" not in findings)


@provokes("bridge-ports-short")
def test_a_bridge_with_few_ports_left_is_found(doctor, plugind):
    lines = "".join(f"link add port{n} master {Network.BRIDGE} type veth peer name peer{n}\n" for n in range(1000))
    batch = plugind.directory / "batch"
    batch.write_text(lines)
    plugind.on_host("ip", "-batch", str(batch))
    assert doctor.findings()["bridge-ports-short"] == [f"{Network.BRIDGE} has 1000 of 1023 ports"]
    plugind.on_host("ip", "link", "delete", "port0")
    doctor.findings()


# The engine


@pytest.mark.parametrize("is_silent", [False, True])
@provokes("engine-unreachable")
def test_an_engine_that_plugind_was_told_to_ask_and_cannot_is_found(doctor, plugind, is_silent):
    path = plugind.directory / "engine.sock"
    plugind.start_with(engine_socket=str(path))
    del doctor.options["engine-socket"]
    if is_silent:
        with SomeEngine(path):
            words = doctor.findings()["engine-unreachable"]
        assert words == [f"{path}: GET /version was not answered within 5.0 seconds"]
    else:
        with socket.socket(socket.AF_UNIX) as nobody:
            nobody.bind(str(path))
        assert doctor.findings()["engine-unreachable"] == [f"{path}: Connection refused"]
        path.unlink()
    with SomeEngine(path, "29.1.0"):
        assert not {"engine-unreachable", "engine-not-found"} & set(doctor.findings())


@provokes("engine-not-found", "engine-too-old", "engine-without-names")
def test_the_engine_s_version_is_judged(doctor, plugind):
    path = plugind.directory / "engine.sock"
    assert doctor.findings()["engine-not-found"] == [f"{path}: No such file or directory"]
    for version, kinds in (("19.03.15", {"engine-too-old"}), ("28.5.2", {"engine-without-names"}), ("29.1.0", set())):
        with SomeEngine(path, version):
            findings = doctor.findings()
        assert {kind for kind in findings if kind.startswith("engine-")} == kinds


def test_it_works_in_a_namespace_without_anything(binary, tmp_path):
    plugind = LonePlugind(tmp_path)
    try:
        findings = Doctor(plugind).findings()
        assert {"daemon-down", "plugin-socket-missing", "state-missing"} <= set(findings)
    finally:
        plugind.close()
