# SPDX-License-Identifier: Apache-2.0
"""How the engine finds plugind, by socket, by TCP and by TLS; and who is answered over TLS."""

import contextlib
import json
import signal
import ssl
import subprocess

import pytest

from certificates import CLIENT, SERVER, Certificates, activate
from engine import output, run
from ipam import LonePlugind
from lab import Lab, Namespace, wait_until
from plugind import BINARY, Plugind

PORT = 9478
ADDRESS = ("127.0.0.1", PORT)
ANSWER = '{"Implements":["NetworkDriver","IpamDriver"]}'


def make_certificates(directory):
    certificates = Certificates(directory)
    certificates.authority("ca")
    certificates.authority("other-ca")
    certificates.make("server", "ca", SERVER)
    certificates.make("engine", "ca", CLIENT)
    return certificates


# Without an engine


class GuardedPlugind:
    """plugind with TLS at the loopback of a network namespace."""

    def __init__(self, directory):
        self.certificates = make_certificates(directory / "tls")
        self.plugind = LonePlugind(directory, **self.settings())
        try:
            self.plugind.start()
            self.inside = Namespace.of(f"/proc/{self.plugind.pid}/ns/net")
        except BaseException:
            self.plugind.close()
            raise

    def settings(self, certificate="server", client_ca="ca"):
        return {"tcp_address": f"127.0.0.1:{PORT}", "tls_certificate": str(self.certificates.path(certificate)),
                "tls_key": str(self.certificates.key(certificate)),
                "tls_client_ca": str(self.certificates.path(client_ca))}

    def answer(self, name=None, trusts="ca", change=None):
        """What a client gets that shows the certificate of that name."""
        context = self.certificates.client(name, trusts)
        if change:
            change(context)
        return self.inside.do(lambda: activate(ADDRESS, context))

    def close(self):
        self.inside.close()
        self.plugind.close()


@pytest.fixture
def guarded(binary, tmp_path):
    guarded = GuardedPlugind(tmp_path)
    yield guarded
    guarded.close()


def test_only_a_client_with_a_valid_certificate_of_the_right_ca_is_answered(guarded):
    guarded.certificates.make("stranger", "other-ca", CLIENT)
    guarded.certificates.make("late", "ca", CLIENT, days=-1)
    assert guarded.answer("engine") == ANSWER
    for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
        def only_that(context):
            context.minimum_version = context.maximum_version = version
        assert guarded.answer("engine", change=only_that) == ANSWER
        # Nobody, somebody of another CA, one whose time is over, and plugind's own, which is not for clients.
        for name in None, "stranger", "late", "server":
            assert guarded.answer(name, change=only_that) is None, f"{name} is answered over {version}"
    assert guarded.inside.do(lambda: activate(ADDRESS, None)) is None
    log = guarded.plugind.log.read_text()
    assert "it speaks HTTP without TLS" in log
    assert log.count("it has shown no certificate") == 2
    assert log.count("its certificate is not signed by the CA for clients, not valid now, or not for clients") == 6
    # The socket is not affected by any of them.
    assert guarded.plugind.call("/Plugin.Activate")[0] == 200




def test_certificates_are_read_anew_at_sighup_and_bad_files_change_nothing(guarded):
    guarded.certificates.make("new-server", "other-ca", SERVER)
    guarded.certificates.make("new-engine", "other-ca", CLIENT)
    assert guarded.answer("engine") == ANSWER
    settings = guarded.settings("new-server", "other-ca")
    guarded.plugind.configure(**{**settings, "tls_key": str(guarded.certificates.key("server"))})
    reload_and_wait(guarded.plugind, "is not the key of the certificate in")
    assert guarded.answer("engine") == ANSWER
    guarded.plugind.configure(**settings)
    subprocess.run(["kill", "-HUP", str(guarded.plugind.pid)], check=True)
    wait_until(lambda: guarded.answer("new-engine", trusts="other-ca") == ANSWER, "the new certificate", deadline=60)
    assert guarded.answer("engine", trusts="other-ca") is None
    assert guarded.plugind.is_running()


def reload_and_wait(plugind, words):
    subprocess.run(["kill", "-HUP", str(plugind.pid)], check=True)
    wait_until(lambda: words in plugind.log.read_text(), f"‘{words}’ in the log", deadline=60)


@pytest.mark.parametrize("arguments, words", [
    (["--tcp-address", "0.0.0.0:9478"], "is not an address of the loopback, and only those are served without TLS"),
    (["--plugin-dir", "off"], "plugin-dir and tcp-address are both off"),
    (["--tcp-address", "127.0.0.1:9478", "--tls-certificate", "/nonexistent", "--tls-key", "/k",
      "--tls-client-auth", "off"], "tls-certificate: cannot read /nonexistent: No such file or directory"),
])
def test_what_would_be_unsafe_or_cannot_be_served_is_an_error_in_words(binary, tmp_path, arguments, words):
    done = run("unshare", "--net", BINARY, "serve", "--state-dir", tmp_path / "s", "--plugin-dir", tmp_path / "p",
               "--control-socket", "off", *arguments)
    assert done.returncode == 1
    assert words in done.stderr
    assert not (tmp_path / "p").exists()


def test_plugind_can_do_without_a_socket(binary, tmp_path):
    with open(tmp_path / "log", "w") as log:
        plugind = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", 'ip link set lo up; exec "$@"', "sh", BINARY, "serve", "--state-dir",
             tmp_path / "s", "--plugin-dir", "off", "--control-socket", "off", "--tcp-address", f"127.0.0.1:{PORT}"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        wait_until(lambda: f"socket=tcp://127.0.0.1:{PORT}" in (tmp_path / "log").read_text(), "the start", 60)
        with contextlib.closing(Namespace.of(f"/proc/{plugind.pid}/ns/net")) as inside:
            assert inside.do(lambda: activate(ADDRESS, None)) == ANSWER
    finally:
        plugind.send_signal(signal.SIGTERM)
        assert plugind.wait(timeout=20) == 0


# With an engine


class Discovery:
    """Discovery files of an engine, which sees a copy of /etc, and plugins that it can find by them alone."""

    def __init__(self, engine):
        self.engine = engine
        self.certificates = make_certificates(engine.directory / "tls")
        inside = ["nsenter", "--target", engine.enter("cat", "/run/root.pid").strip(), "--mount", "--"] \
            if engine.root else []
        self.prefix = [*engine.namespaces, *inside]
        layers = "lowerdir=/etc,upperdir=/run/engine/etc/upper,workdir=/run/engine/etc/work"
        for name in "upper", "work":
            (engine.directory / "etc" / name).mkdir(parents=True)
        output(*self.prefix, "mount", "-t", "overlay", "overlay", "-o", layers, "/etc")

    def close(self):
        output(*self.prefix, "umount", "--lazy", "/etc")

    def put(self, name, text):
        """Puts a discovery file where the engine looks."""
        (self.engine.directory / name).write_text(text)
        output(*self.prefix, "mkdir", "-p", "/etc/docker/plugins")
        output(*self.prefix, "cp", f"/run/engine/{name}", "/etc/docker/plugins/")

    def seen(self, path):
        """A file of the engine's directory, as it is called in there."""
        return f"/run/engine/{path.relative_to(self.engine.directory)}"


@pytest.fixture(scope="module")
def discovery(engine, plugind):
    """The plugind of the other tests stays beside: two are no trouble to each other."""
    discovery = Discovery(engine)
    yield discovery
    discovery.close()


def delete_table(engine, name):
    """What plugind's traffic goes through stays when plugind ends."""
    for line in engine.enter("nft", "list", "tables").splitlines():
        if line.split()[-1] == name:
            engine.enter("nft", "delete", *line.split())


class OtherPlugin:
    """A plugin of another name, in a directory that the engine does not look into."""

    def __init__(self, discovery, name, settings):
        self.discovery, self.name = discovery, name
        directory = discovery.engine.directory / name
        directory.mkdir()
        (directory / "config.yaml").write_text(json.dumps(settings))
        self.plugind = Plugind(
            f"/run/engine/{name}/p", f"/run/engine/{name}/state", directory / "plugind.log",
            discovery.engine.namespaces, seen_as=directory / "p", name=name)
        self.plugind.command += ["--config", f"/run/engine/{name}/config.yaml"]
        self.plugind.start()
        self.lab = Lab(discovery.engine, self.plugind)

    def print_discovery(self, *arguments):
        return self.discovery.engine.enter(
            "env", f"PLUGIND_PLUGIN_DIR=/run/engine/{self.name}/p", BINARY, "discovery", "print", "--name", self.name,
            "--config", f"/run/engine/{self.name}/config.yaml", *arguments)

    def assert_usable(self):
        """A network of this plugin with two containers that reach each other; and all goes again."""
        self.lab.network("lan", "--subnet", "10.88.0.0/24", driver=self.name, ipam=self.name)
        self.lab.container("ada", "lan")
        self.lab.container("bob", "lan")
        self.lab.assert_reaches("ada", "bob", self.lab.address("bob", "lan"))
        self.lab.remove_containers()
        self.lab.remove_networks()
        assert "NetworkDriver.DeleteNetwork status=200" in self.plugind.log.read_text()

    def close(self):
        self.lab.close()
        assert self.plugind.stop() == 0, "plugind does not end with status 0 on SIGTERM"
        delete_table(self.discovery.engine, f"plugind-{self.name}")


@pytest.fixture
def other(discovery):
    """Makes a plugin of a name with settings. Its networks are removed while it is there."""
    with contextlib.ExitStack() as plugins:
        def make(name, **settings):
            plugin = OtherPlugin(
                discovery, name, {key.replace("_", "-"): text for key, text in settings.items()})
            return plugins.enter_context(contextlib.closing(plugin))
        yield make


def tls_settings(discovery):
    path, key = discovery.certificates.path, discovery.certificates.key
    return {"tcp_address": f"127.0.0.1:{PORT}", "tls_certificate": discovery.seen(path("server")),
            "tls_key": discovery.seen(key("server")), "tls_client_ca": discovery.seen(path("ca"))}


def engine_files(discovery, ca="ca"):
    path, key = discovery.certificates.path, discovery.certificates.key
    return ["--ca", discovery.seen(path(ca)), "--cert", discovery.seen(path("engine")),
            "--key", discovery.seen(key("engine"))]


@pytest.mark.one_engine
def test_the_engine_finds_a_socket_elsewhere_by_a_spec_file(discovery, other):
    plugin = other("by-socket")
    text = plugin.print_discovery("--spec")
    assert text == "unix:///run/engine/by-socket/p/by-socket.sock\n"
    discovery.put("by-socket.spec", text)
    plugin.assert_usable()


@pytest.mark.one_engine
def test_the_engine_finds_an_address_by_a_spec_file(discovery, other):
    plugin = other("by-tcp", tcp_address=f"127.0.0.1:{PORT}")
    text = plugin.print_discovery("--spec", "--address", f"tcp://127.0.0.1:{PORT}")
    assert text == f"tcp://127.0.0.1:{PORT}\n"
    discovery.put("by-tcp.spec", text)
    plugin.assert_usable()


@pytest.mark.one_engine
def test_the_engine_finds_an_address_and_certificates_by_a_json_file(discovery, other):
    plugin = other("by-tls", **tls_settings(discovery))
    text = plugin.print_discovery("--json", *engine_files(discovery))
    assert json.loads(text)["Addr"] == f"https://127.0.0.1:{PORT}"
    discovery.put("by-tls.json", text)
    plugin.assert_usable()


@pytest.mark.one_engine
def test_an_engine_that_trusts_another_ca_says_so_and_calls_nothing(discovery, other):
    plugin = other("by-wrong-ca", **tls_settings(discovery))
    discovery.put("by-wrong-ca.json", plugin.print_discovery("--json", *engine_files(discovery, ca="other-ca")))
    words = plugin.lab.refused("network", "create", "--driver", "by-wrong-ca", "--ipam-driver", "by-wrong-ca", "lan")
    assert "certificate signed by unknown authority" in words
    log = plugin.plugind.log.read_text()
    assert "it does not accept this certificate of plugind" in log
    # One from the test itself, over the socket.
    assert log.count("method=Plugin.Activate") == 1
