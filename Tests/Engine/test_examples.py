# SPDX-License-Identifier: Apache-2.0
"""The examples: each is started with docker-compose as it is, does what its README says, and leaves nothing."""

import contextlib
import ipaddress
import shutil
import socket

import pytest

from engine import REPOSITORY, CommandError, output
from lab import wait_until
from test_edge_engine import FAR4, OTHER_CLIENT, OUT4, WORLD4, ask, neighbourhood
from test_sticky import needs_compose

EXAMPLES = REPOSITORY / "examples"
HOST4 = "192.0.2.1"


class Project:
    """One example, copied to where docker-compose sees it."""

    def __init__(self, lab, name):
        self.lab = lab
        self.name = name
        shutil.copytree(EXAMPLES / name, lab.engine.directory / "examples" / name, dirs_exist_ok=True)

    def compose(self, *arguments):
        return output(
            *self.lab.engine.compose, "--file", f"/run/engine/examples/{self.name}/compose.yaml", *arguments)

    def container(self, service):
        return f"{self.name}-{service}-1"

    def exec(self, service, *command):
        return self.lab.exec(self.container(service), *command)

    def address(self, service, network="lan", family=4):
        endpoint = self.lab.endpoint(self.container(service), f"{self.name}_{network}")
        return endpoint["IPAddress" if family == 4 else "GlobalIPv6Address"]

    def assert_answers_host(self, address, port, words):
        """Asks a web server at an address of the host; it may still be starting."""
        namespace = self.lab.host_namespace()
        try:
            wait_until(lambda: page(namespace, address, port) == words, f"‘{words}’ at {address}, port {port}")
        finally:
            namespace.close()


def page(namespace, address, port):
    """What a web server says, None if it does not."""
    with namespace.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM) as client:
        client.settimeout(5)
        try:
            client.connect((address, port))
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            answer = b"".join(iter(lambda: client.recv(4096), b""))
        except OSError:
            return None
    return answer.decode().split("\r\n\r\n")[-1].strip()


@pytest.fixture
def up(steady_lab):
    """Starts an example, and takes it away after the test, with all that it brought."""
    needs_compose(steady_lab.engine)
    with contextlib.ExitStack() as downs:
        def start(name):
            project = Project(steady_lab, name)
            downs.enter_context(steady_lab.leaves_nothing())
            downs.callback(project.compose, "down")
            project.compose("up", "--detach")
            return project
        yield start


def test_every_example_has_a_test_and_a_line_in_the_list():
    names = {path.name for path in EXAMPLES.iterdir() if path.is_dir()}
    listed = (EXAMPLES / "README.md").read_text()
    tests = {
        name.removeprefix("test_example_").replace("_", "-") for name in globals() if name.startswith("test_example_")}
    assert tests == names
    for name in names:
        assert f"| [{name}]({name}) |" in listed, name
        assert {path.name for path in (EXAMPLES / name).iterdir()} == {"README.md", "compose.yaml"}, name


@pytest.mark.one_engine
def test_example_plain(up):
    plain = up("plain")
    plain.exec("client", "ping", "-c", "1", "-W", "5", "web")
    plain.assert_answers_host("127.0.0.1", 8080, "hello from web")
    assert plain.exec("client", "wget", "-q", "-O", "-", "http://web").strip() == "hello from web"


@pytest.mark.one_engine
def test_example_dual_stack(up):
    dual = up("dual-stack")
    for family, subnet in ((4, "10.20.0.0/24"), (6, "fd20::/64")):
        assert ipaddress.ip_address(dual.address("web", family=family)) in ipaddress.ip_network(subnet)
        dual.exec("client", "ping", f"-{family}", "-c", "1", "-W", "5", "web")
    for address in ("127.0.0.1", "::1"):
        dual.assert_answers_host(address, 8080, "hello from web")


@pytest.mark.one_engine
def test_example_fixed_addresses(up):
    fixed = up("fixed-addresses")
    for recreated in (False, True):
        if recreated:
            fixed.compose("up", "--detach", "--force-recreate")
        assert fixed.address("db") == "10.21.0.10"
        assert ipaddress.ip_address("10.21.0.128") <= ipaddress.ip_address(fixed.address("app"))
        assert ipaddress.ip_address(fixed.address("app")) < ipaddress.ip_address("10.21.0.200")
        fixed.exec("app", "ping", "-c", "1", "-W", "5", "10.21.0.10")
    words = fixed.lab.refused(
        "run", "--rm", "--network", "fixed-addresses_lan", "--ip", "10.21.0.10", "busybox", "true")
    assert "10.21.0.10" in words and "is taken" in words, words


@pytest.mark.one_engine
def test_example_published_allow(up, steady_lab):
    published = up("published-allow")
    with neighbourhood(steady_lab) as places:
        def reaches(place, port, source=None):
            return ask(places[place], HOST4, port, source=source)

        for client in (OUT4, OTHER_CLIENT):
            wait_until(lambda: reaches("outside", 8080, client), f"{client} of the network's list to be let in")
        wait_until(lambda: reaches("outside", 8081, OUT4), "the client of the container's list to be let in")
        assert not reaches("outside", 8081, OTHER_CLIENT)
        assert not reaches("far", 8080, FAR4)
        assert not reaches("far", 8081, FAR4)
    published.assert_answers_host("127.0.0.1", 8080, "hello from web")
    published.assert_answers_host("127.0.0.1", 8081, "hello from admin")


@pytest.mark.one_engine
def test_example_internal(up, steady_lab):
    internal = up("internal")
    internal.exec("app", "ping", "-c", "1", "-W", "5", "db")
    assert "default" not in internal.exec("db", "ip", "route")
    internal.assert_answers_host("127.0.0.1", 8080, "hello from app")
    with neighbourhood(steady_lab):
        wait_until(lambda: reaches_out(internal, "app"), "the way out of the application")
        assert not reaches_out(internal, "db")


def reaches_out(project, service):
    with contextlib.suppress(CommandError):
        return bool(project.exec(service, "ping", "-c", "1", "-W", "1", WORLD4))
    return False
