# SPDX-License-Identifier: Apache-2.0
"""Links that plugind makes in the sandbox (`plugind.attach=direct`): a container has all that the engine would have
given it, keeps it whatever happens, and leaves nothing. Engines before 28 have no sandbox yet when a container joins
its networks: there the engine moves the links as ever, and only a container that runs is joined directly."""

import contextlib
import ipaddress
import json
import socket
import sqlite3
import struct
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab import wait_until

DIRECT = ["-o", "plugind.attach=direct"]
OPTION = "com.docker.network.endpoint."
NOTICE = "NOTICE Cannot make a link in its sandbox"


def has_sandbox_at_join(lab):
    return int(lab.engine.version.split(".")[0]) >= 28


@pytest.fixture
def direct_lab(steady_lab):
    """A lab of an engine whose containers are joined directly."""
    if not has_sandbox_at_join(steady_lab):
        pytest.skip(f"Docker {steady_lab.engine.version} joins networks before there is a sandbox")
    return steady_lab


@pytest.fixture
def direct_ways(lab):
    """The same, whose plugind is killed after each command or is not."""
    if not has_sandbox_at_join(lab):
        pytest.skip(f"Docker {lab.engine.version} joins networks before there is a sandbox")
    return lab


def dual_stack(lab, name="lan", number=77, *options):
    return lab.network(
        name, "--ipv6", "--subnet", f"10.{number}.0.0/24", "--subnet", f"fd{number}::/64", *DIRECT, *options)


def stored_endpoints(lab):
    with contextlib.closing(
            sqlite3.connect(f"file:{lab.engine.directory}/state/plugind.db?mode=ro", uri=True)) as database:
        return [json.loads(body) for body, in database.execute("SELECT body FROM endpoint")]


def attached(lab, container, network):
    """In which way a container got its link."""
    endpoint = lab.endpoint(container, network)["EndpointID"]
    [attach] = [row["attach"] for row in stored_endpoints(lab) if row["id"] == endpoint]
    return attach


def assert_attached(lab, container, network):
    assert attached(lab, container, network) == ("direct" if has_sandbox_at_join(lab) else "move")


def inside(lab, container, path):
    return lab.exec(container, "cat", f"/proc/sys/net/{path}").strip()


def addresses(lab, container, link="eth0"):
    """Those that are not of the link alone, with what the kernel says of each."""
    lines = lab.exec(container, "ip", "-o", "address", "show", "dev", link).splitlines()
    return {line.split()[3]: line for line in lines if " scope link " not in line}


def names(lab, container):
    """What a container's links are called, but for the loopback."""
    return sorted(name for name in lab.links_inside(container) if name != "lo")


def wait_for_links(lab, container, *expected):
    """A link that has left is gone a moment after the answer."""
    wait_until(lambda: names(lab, container) == [*expected], f"{container} to have the links {expected}")


def wait_for_ports(lab, count):
    """plugind has so many endpoints, and the network's bridge as many links."""
    wait_until(lambda: len(stored_endpoints(lab)) == len(lab.on_host(
        "ip", "-o", "link", "show", "master", lab.bridge("lan")).splitlines()) == count, f"{count} ports to be there")


def host_link(lab, container, network):
    return "pdh" + lab.endpoint(container, network)["EndpointID"][:12]


# What it has


def test_a_container_has_what_the_engine_says_it_has(direct_ways):
    lab = direct_ways
    dual_stack(lab, "lan", 77, "-o", "com.docker.network.driver.mtu=1400")
    lab.container("ada", "lan")
    assert_attached(lab, "ada", "lan")
    links, endpoint = lab.links_inside("ada"), lab.endpoint("ada", "lan")
    assert list(links) == ["lo", "eth0"], "and no second link to docker_gwbridge"
    assert f"link/ether {endpoint['MacAddress']} " in links["eth0"] and " mtu 1400 " in links["eth0"]
    found = addresses(lab, "ada")
    assert set(found) == {f"{endpoint['IPAddress']}/24", f"{endpoint['GlobalIPv6Address']}/64"}
    assert not any("tentative" in line or "dadfailed" in line for line in found.values())
    assert endpoint["Gateway"] == "10.77.0.1" and endpoint["IPv6Gateway"] == "fd77::1"
    assert "default via 10.77.0.1 dev eth0" in lab.exec("ada", "ip", "route")
    assert "default via fd77::1 dev eth0" in lab.exec("ada", "ip", "-6", "route")
    assert inside(lab, "ada", "ipv6/conf/eth0/disable_ipv6") == "0"


def test_containers_and_their_host_reach_each_other(direct_ways):
    lab = direct_ways
    dual_stack(lab)
    lab.container("ada", "lan")
    lab.container("bob", "lan")
    lab.assert_reaches("ada", "bob", "bob/6", lab.address("bob", "lan"), lab.address6("bob", "lan"))
    lab.assert_reaches("bob", "ada", "ada/6", "10.77.0.1", "fd77::1")
    lab.assert_host_reaches(lab.address("ada", "lan"), lab.address6("ada", "lan"))


def test_a_link_without_an_ipv6_address_has_no_ipv6(direct_lab):
    lab = direct_lab
    lab.network("lan", *DIRECT)
    lab.container("ada", "lan")
    assert inside(lab, "ada", "ipv6/conf/eth0/disable_ipv6") == "1"
    assert list(addresses(lab, "ada")) == [lab.address("ada", "lan") + "/" + lab.ipam("lan")[0]["Subnet"].split("/")[1]]


def test_an_internal_network_has_no_way_out(direct_ways):
    lab = direct_ways
    lab.network("lan", "--internal", "--subnet", "10.77.0.0/24", *DIRECT)
    lab.container("ada", "lan")
    lab.container("bob", "lan")
    lab.assert_reaches("ada", "bob")
    assert "default" not in lab.exec("ada", "ip", "route")
    assert names(lab, "ada") == ["eth0"]


def test_a_container_has_the_addresses_that_were_asked_for(direct_ways):
    lab = direct_ways
    dual_stack(lab)
    lab.container("ada", "lan", "--ip", "10.77.0.99", "--ip6", "fd77::99", "--mac-address", "02:11:22:33:44:55")
    assert set(addresses(lab, "ada")) == {"10.77.0.99/24", "fd77::99/64"}
    assert "link/ether 02:11:22:33:44:55 " in lab.links_inside("ada")["eth0"]
    assert lab.endpoint("ada", "lan")["MacAddress"] == "02:11:22:33:44:55"
    lab.container("bob", "lan")
    lab.assert_reaches("bob", "10.77.0.99", "fd77::99")


def test_a_container_without_ipv6_is_as_if_the_engine_had_moved_its_link(direct_lab):
    lab = direct_lab
    dual_stack(lab)
    lab.network("moved", "--ipv6", "--subnet", "10.78.0.0/24", "--subnet", "fd78::/64", "-o", "plugind.attach=move")
    ways = {}
    for name, network in (("ada", "lan"), ("bob", "moved")):
        lab.container(name, network, "--sysctl", "net.ipv6.conf.all.disable_ipv6=1")
        ways[name] = (inside(lab, name, "ipv6/conf/all/disable_ipv6"), inside(lab, name, "ipv6/conf/eth0/disable_ipv6"),
                      len(addresses(lab, name)))
    assert ways["ada"] == ways["bob"]


def test_a_link_has_the_name_and_the_settings_that_were_asked_for(direct_lab):
    lab = direct_lab
    dual_stack(lab)
    settings = "net.ipv4.conf.IFNAME.log_martians=1,net.ipv6.conf.IFNAME.hop_limit=33"
    lab.container("ada", f'name=lan,driver-opt={OPTION}ifname=lan0,"driver-opt={OPTION}sysctls={settings}"')
    lab.container("bob", "lan")
    lab.docker("network", "disconnect", "lan", "bob")
    # Unlike `run`, this command leaves capital letters as they are.
    lab.docker("network", "connect", "--driver-opt", f"{OPTION}ifname=LAN0",
               "--driver-opt", f'"{OPTION}sysctls={settings}"', "lan", "bob")
    for container, name in (("ada", "lan0"), ("bob", "LAN0")):
        assert names(lab, container) == [name]
        assert inside(lab, container, f"ipv4/conf/{name}/log_martians") == "1"
        assert inside(lab, container, f"ipv6/conf/{name}/hop_limit") == "33"
    lab.assert_reaches("ada", "bob", "bob/6")


def test_a_setting_that_there_is_not_is_told_and_leaves_nothing(direct_lab):
    lab = direct_lab
    dual_stack(lab)
    words = lab.refused(*lab.run_arguments(
        "ada", f"name=lan,driver-opt={OPTION}sysctls=net.ipv4.conf.IFNAME.no_such_key=1"))
    assert "no_such_key" in words
    wait_for_ports(lab, 0)


def test_neighbours_are_told_where_addresses_are(direct_lab):
    lab = direct_lab
    dual_stack(lab)
    with contextlib.closing(lab.host_namespace()) as namespace:
        listener = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW)
    with listener:
        every_protocol = 3
        listener.bind((lab.bridge("lan"), every_protocol))
        listener.settimeout(60)
        lab.container("ada", "lan", "--ip", "10.77.0.50", "--ip6", "fd77::50")
        mac = bytes.fromhex(lab.endpoint("ada", "lan")["MacAddress"].replace(":", ""))
        awaited = {("ARP", "10.77.0.50", mac), ("NA", "fd77::50", mac)}
        while awaited:
            awaited.discard(announcement(listener.recv(2048)))


def announcement(frame):
    """What a frame tells everybody: by which protocol, of which address, at which link-layer address."""
    kind = struct.unpack_from("!H", frame, 12)[0]
    if kind == 0x0806 and frame[28:32] == frame[38:42]:
        return "ARP", str(ipaddress.ip_address(frame[28:32])), frame[22:28]
    neighbour_advertisement, option_length = 136, 8
    if kind == 0x86dd and frame[20] == socket.IPPROTO_ICMPV6 and frame[54] == neighbour_advertisement \
            and len(frame) >= 78 + option_length:
        return "NA", str(ipaddress.ip_address(frame[62:78])), frame[80:86]
    return None


# Several networks


@pytest.mark.one_engine("sid")
def test_networks_of_plugind_go_together_in_each_way_and_order(steady_lab):
    lab = steady_lab
    dual_stack(lab, "first", 77)
    dual_stack(lab, "second", 78)
    lab.network("moved", "--subnet", "10.79.0.0/24", "-o", "plugind.attach=move")
    lab.container("ada", "first")
    lab.container("bob", "second")
    lab.container("cleo", "moved")
    for networks in (("first", "second"), ("second", "first"), ("first", "moved"), ("moved", "first"),
                     ("moved", "second", "first"), ("first", "moved", "second")):
        lab.docker("create", *lab.run_arguments("dora", networks[0])[2:])
        for network in networks[1:]:
            lab.docker("network", "connect", network, "dora")
        lab.docker("start", "dora")
        assert names(lab, "dora") == [f"eth{number}" for number in range(len(networks))]
        neighbours = {"first": ("ada", "ada/6"), "second": ("bob", "bob/6"), "moved": ("cleo",)}
        lab.assert_reaches("dora", *(target for network in networks for target in neighbours[network]))
        assert lab.exec("dora", "ip", "route").count("default") == 1
        lab.docker("rm", "--force", "dora")


def test_a_link_with_a_name_of_its_own_goes_with_networks_of_other_drivers(direct_lab):
    lab = direct_lab
    dual_stack(lab, "lan", 77, "-o", "com.docker.network.container_iface_prefix=lan")
    dual_stack(lab, "other", 78)
    lab.network("built-in", driver="bridge", ipam="default")
    lab.container("ada", "built-in")
    for network, name in (("lan", "lan0"), (f"name=other,driver-opt={OPTION}ifname=fast", "fast")):
        # In which order the engine joins them is its own affair: both should have been seen.
        for _ in range(3):
            lab.container("bob", network, "--network", "name=built-in")
            assert names(lab, "bob") == ["eth0", name]
            lab.assert_reaches("bob", "ada")
            lab.docker("rm", "--force", "bob")
        lab.container("bob", network)
        lab.docker("network", "connect", "built-in", "bob")
        assert names(lab, "bob") == ["eth0", name]
        lab.assert_reaches("bob", "ada")
        lab.docker("rm", "--force", "bob")


def test_the_network_with_the_highest_priority_has_the_default_route(direct_lab):
    lab = direct_lab
    # Of a network with IPv6 the engine would have both routes.
    lab.network("lan", "--subnet", "10.77.0.0/24", *DIRECT, "-o", "com.docker.network.container_iface_prefix=lan")
    lab.network("built-in", "--subnet", "10.78.0.0/24", driver="bridge", ipam="default")
    for chosen, gateway in (("lan", "10.77.0.1 dev lan0"), ("built-in", "10.78.0.1 dev eth0")):
        networks = [f"name={name},gw-priority={int(name == chosen)}" for name in ("lan", "built-in")]
        lab.container("ada", networks[0], "--network", networks[1])
        assert f"default via {gateway}" in lab.exec("ada", "ip", "route")
        lab.docker("rm", "--force", "ada")


# While it runs


def test_a_running_container_is_connected_and_disconnected(lab):
    """An engine before 28 has a sandbox by then."""
    dual_stack(lab, "lan", 77)
    dual_stack(lab, "other", 78)
    lab.network("moved", "--subnet", "10.79.0.0/24", "-o", "plugind.attach=move")
    lab.container("ada", "lan")
    lab.container("bob", "other")
    for _ in range(2):
        lab.docker("network", "connect", "other", "ada")
        assert attached(lab, "ada", "other") == "direct"
        assert names(lab, "ada") == ["eth0", "eth1"]
        endpoint = lab.endpoint("ada", "other")
        assert set(addresses(lab, "ada", "eth1")) == {
            f"{endpoint['IPAddress']}/24", f"{endpoint['GlobalIPv6Address']}/64"}
        lab.assert_reaches("ada", "bob", "bob/6")
        lab.docker("network", "connect", "moved", "ada")
        assert attached(lab, "ada", "moved") == "direct", "the engine does not know that eth1 is taken"
        assert names(lab, "ada") == ["eth0", "eth1", "eth2"]
        lab.docker("network", "disconnect", "other", "ada")
        wait_for_links(lab, "ada", "eth0", "eth2")
        lab.docker("network", "disconnect", "moved", "ada")
        wait_for_links(lab, "ada", "eth0")
        lab.assert_does_not_reach("ada", lab.address("bob", "other"))


def test_a_name_that_is_free_again_is_the_engines_to_use(lab):
    dual_stack(lab, "lan", 77)
    lab.network("other", *DIRECT)
    lab.network("built-in", driver="bridge", ipam="default")
    lab.container("bob", "built-in")
    lab.container("ada", "none" if has_sandbox_at_join(lab) else "lan")
    if has_sandbox_at_join(lab):
        lab.docker("network", "disconnect", "none", "ada")
    links = names(lab, "ada")
    lab.docker("network", "connect", "other", "ada")
    assert names(lab, "ada") == [*links, f"eth{len(links)}"]
    lab.docker("network", "disconnect", "other", "ada")
    wait_for_links(lab, "ada", *links)
    lab.docker("network", "connect", "built-in", "ada")
    assert names(lab, "ada") == [*links, f"eth{len(links)}"]
    lab.assert_reaches("ada", "bob")


def test_a_container_can_leave_its_only_network_and_come_back(lab):
    dual_stack(lab)
    lab.container("ada", "lan")
    lab.container("bob", "lan")
    for _ in range(2):
        lab.docker("network", "disconnect", "lan", "ada")
        wait_for_links(lab, "ada")
        lab.docker("network", "connect", "lan", "ada")
        assert names(lab, "ada") == ["eth0"]
        lab.assert_reaches("ada", "bob", "bob/6")


def test_a_container_is_reached_after_each_stop_and_start(direct_ways):
    lab = direct_ways
    dual_stack(lab)
    lab.container("ada", "lan", "--ip", "10.77.0.50", "--ip6", "fd77::50")
    lab.container("bob", "lan")
    # By one who still holds its link-layer address.
    for commands in ([], ["restart"], ["stop", "start"], ["kill", "start"], ["pause", "unpause"]):
        for command in commands:
            lab.docker(command, "ada")
        lab.assert_reaches("bob", "ada", "ada/6", "10.77.0.50", "fd77::50")
        assert names(lab, "ada") == ["eth0"]
        assert len(lab.on_host("ip", "-o", "link", "show", "master", lab.bridge("lan")).splitlines()) == 2


def test_a_container_whose_process_is_killed_comes_back_by_itself(direct_ways):
    lab = direct_ways
    dual_stack(lab)
    lab.container("ada", "lan", "--restart", "always")
    lab.container("bob", "lan")
    state = lab.inspect("ada")["State"]
    lab.on_host("kill", "-9", str(state["Pid"]))
    wait_until(lambda: lab.inspect("ada")["State"]["StartedAt"] != state["StartedAt"]
               and lab.inspect("ada")["State"]["Running"], "the container to run again")
    lab.assert_reaches("bob", "ada", "ada/6")
    assert names(lab, "ada") == ["eth0"]


def test_a_link_stays_while_plugind_does_not_run_and_is_put_back_if_somebody_deletes_it(steady_lab):
    lab = steady_lab
    dual_stack(lab)
    lab.container("ada", "lan")
    lab.container("bob", "lan")
    lab.plugind.kill()
    lab.assert_reaches("ada", "bob", "bob/6")
    lab.plugind.start()
    lab.assert_reaches("ada", "bob", "bob/6")
    before = state_inside(lab)
    with contextlib.closing(lab.namespace("ada")) as namespace:
        namespace.run("ip", "link", "delete", "eth0")
    wait_until(lambda: state_inside(lab) == before, "the link to be put back")
    lab.assert_reaches("ada", "bob", "bob/6", "10.77.0.1")
    # Also by a start.
    lab.plugind.kill()
    lab.on_host("ip", "link", "delete", host_link(lab, "ada", "lan"))
    lab.plugind.start()
    wait_until(lambda: state_inside(lab) == before, "the link to be put back at the start")
    lab.assert_reaches("bob", "ada", "ada/6")
    lab.docker("restart", "ada")
    lab.assert_reaches("bob", "ada", "ada/6")


def state_inside(lab):
    """What ada has, without the numbers that the kernel gives."""
    links = [(name, line.split("link/ether ")[1].split()[0]) for name, line in lab.links_inside("ada").items()
             if "link/ether" in line]
    here = sorted(addresses(lab, "ada")) if links else []
    routes = [lab.exec("ada", "ip", family, "route", "show", "default").split() for family in ("-4", "-6")]
    return links, here, [line[:5] for line in routes]


def test_a_removal_that_begins_while_plugind_is_down_is_complete_once_it_is_back(steady_lab):
    lab = steady_lab
    dual_stack(lab)
    lab.container("bob", "lan")
    log = lab.engine.directory / "dockerd.log"
    lab.container("ada", "lan")
    lab.plugind.kill()
    begin = log.stat().st_size
    with ThreadPoolExecutor(1) as pool:
        removal = pool.submit(lab.docker, "rm", "--force", "ada")
        wait_until(lambda: b"retrying in" in log.read_bytes()[begin:], "the engine to miss plugind")
        lab.plugind.start()
        removal.result()
    wait_for_ports(lab, 1)


def test_plugind_may_die_whenever_a_container_is_removed(steady_lab):
    """Right after the answer: the start finds what was put off."""
    lab = steady_lab
    dual_stack(lab)
    lab.container("bob", "lan")
    for _ in range(5):
        lab.container("ada", "lan")
        lab.docker("rm", "--force", "ada")
        lab.plugind.kill_and_start()
        wait_for_ports(lab, 1)


@pytest.mark.one_engine("sid")
def test_twenty_containers_that_come_and_go_at_once_leave_nothing(steady_lab):
    lab = steady_lab
    dual_stack(lab)
    names = [f"c{number}" for number in range(20)]
    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(lambda name: lab.container(name, "lan"), names))
    lab.assert_reaches("c0", *names[1:])
    wait_for_ports(lab, len(names))
    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(lambda name: lab.engine.docker("rm", "--force", name), names))
    wait_for_ports(lab, 0)


# What else there is to it


def test_published_ports_are_reached(direct_ways):
    lab = direct_ways
    dual_stack(lab)
    lab.container("ada", "lan", "-p", "8080:80")
    lab.exec("ada", "sh", "-c", "mkdir /www; echo hello >/www/index.html; httpd -p 80 -h /www")
    for address in ("10.77.0.1", "[fd77::1]"):
        assert lab.on_host("busybox", "wget", "-q", "-O", "-", f"http://{address}:8080/") == "hello\n"


def test_the_engine_does_not_count_what_goes_over_a_link_that_it_does_not_know(direct_lab):
    lab = direct_lab
    dual_stack(lab)
    lab.network("moved", "--subnet", "10.78.0.0/24", "-o", "plugind.attach=move")
    for name, network, gateway in (("ada", "lan", "10.77.0.1"), ("bob", "moved", "10.78.0.1")):
        lab.container(name, network)
        lab.assert_reaches(name, gateway)
    counts = {name: lab.engine.docker("stats", "--no-stream", "--format", "{{.NetIO}}", name).strip()
              for name in ("ada", "bob")}
    assert counts["ada"] == "0B / 0B" != counts["bob"]


def test_an_engine_that_has_no_sandbox_yet_moves_the_link_and_that_is_told_once(steady_lab):
    lab = steady_lab
    if has_sandbox_at_join(lab):
        pytest.skip(f"Docker {lab.engine.version} has a sandbox by then")
    lab.plugind.kill_and_start()
    begin = lab.plugind.log.stat().st_size
    dual_stack(lab)
    for name in ("ada", "bob"):
        lab.container(name, "lan")
        assert attached(lab, name, "lan") == "move"
    lab.assert_reaches("ada", "bob", "bob/6")
    lines = lab.plugind.log.read_bytes()[begin:].decode().splitlines()
    assert sum(NOTICE in line for line in lines) == 1
