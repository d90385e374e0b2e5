# SPDX-License-Identifier: Apache-2.0
"""plugind as a managed plugin: made, set, enabled, used, disabled, upgraded from a registry, and after a legacy plugind
with the same state."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from engine import REPOSITORY, SID_ROOT, CommandError, Engine, Unavailable, output, run
from lab import Lab, wait_until
from plugind import Plugind

BUILD = REPOSITORY / "packaging/managed-plugin/build.sh"
REGISTRY = "127.0.0.1:5000"
# Debian's, unpacked and not installed, since its service would start with the machine. Kept for the next time.
REGISTRY_ROOT = SID_ROOT.with_name("registry")
REGISTRY_CONFIGURATION = f"""
version: 0.1
storage: {{filesystem: {{rootdirectory: DIRECTORY}}}}
http: {{addr: "{REGISTRY}"}}
"""


@pytest.fixture(scope="module", params=["installed", "sid"])
def host(request, binary, tmp_path_factory):
    """An engine of its own, with the directory of the plugin and with one for its state."""
    if missing := [tool for tool in ("gcc", "strip") if not shutil.which(tool)]:
        pytest.skip(f"managed plugins are not tested: there is no {' and no '.join(missing)}")
    if "libswiftCore" in output("ldd", binary):
        pytest.skip(f"managed plugins are not tested: {binary} needs the toolchain's libraries, as debug builds do")
    try:
        engine = Engine(request.param, tmp_path_factory.mktemp("managed") / request.param)
    except Unavailable as reason:
        pytest.skip(f"engine '{request.param}': {reason}")
    try:
        # As on a machine with systemd: plugins see what the engine mounts there later.
        engine.enter("mount", "--make-rshared", "/run")
        output(BUILD, "--binary", binary, engine.directory / "plugin", timeout=300)
        (engine.directory / "state").mkdir()
        yield engine
    finally:
        engine.stop()


@pytest.fixture
def managed(host):
    """A lab without plugin. Whatever plugins there are in the end are removed."""
    lab = Lab(host, None)
    yield lab
    lab.remove_containers()
    lab.remove_networks()
    for name in host.docker("plugin", "ls", "--format", "{{.Name}}").split():
        run(*host.client, "plugin", "disable", "--force", name)
        host.docker("plugin", "rm", "--force", name)
    wait_until(lambda: not any("plugind:" in thing for thing in lab.look() if thing.startswith("link")),
               "plugind's links to be gone")


def create(engine, name, directory="plugin"):
    # The client of another root directory sees the engine's directory there.
    place = "/run/engine" if engine.root else engine.directory
    engine.docker("plugin", "create", name, f"{place}/{directory}")


def start(engine, name):
    engine.docker("plugin", "set", name, "state.source=/run/engine/state", "PLUGIND_LOG_LEVEL=debug")
    engine.docker("plugin", "enable", name)


def inspect(engine, name):
    return json.loads(engine.docker("plugin", "inspect", name))[0]


def fetched(engine):
    """What a container answers at port 80 of the engine's host; None if it does not."""
    try:
        return engine.enter(
            "timeout", "2", "bash", "-c",
            r'exec 3<>/dev/tcp/127.0.0.1/80 && printf "GET / HTTP/1.0\r\n\r\n" >&3 && tail -n 1 <&3').strip()
    except CommandError:
        return None


def serve_hello(lab, network):
    lab.docker(
        "run", "--detach", "--name", "web", "--restart", "always", "--stop-signal", "KILL", "--network", network,
        "--publish", "80:80", "busybox", "sh", "-c", "echo hello >/index.html; exec httpd -f -h /")


def assert_hello(lab, network):
    """The container answers at the host's port, and to another container by name."""
    wait_until(lambda: fetched(lab.engine) == "hello", "an answer at port 80", deadline=30)
    lab.container("other", network)
    lab.assert_reaches("other", "web", lab.address("web", network))
    lab.docker("rm", "--force", "other")


def test_it_serves_networks_containers_and_ports_until_it_is_removed(managed, binary):
    engine = managed.engine
    create(engine, "plugind")
    start(engine, "plugind")
    managed.network("lan", "--ipv6", driver="plugind:latest", ipam="plugind:latest")
    serve_hello(managed, "lan")
    assert_hello(managed, "lan")

    # The commands of the host reach it, since its control socket is where theirs is.
    endpoints = json.loads(engine.enter(binary, "endpoints", "--json"))["endpoints"]
    # It sees the sandboxes, and may enter them.
    managed.on_host("ip", "link", "delete", endpoints[0]["hostLink"])
    assert_hello(managed, "lan")

    # Without its tag nobody finds it.
    assert "could not resolve" in managed.refused("network", "create", "--driver", "plugind", "other").lower()
    assert "in use" in managed.refused("plugin", "disable", "plugind")
    address = managed.address("web", "lan")
    engine.docker("plugin", "disable", "--force", "plugind")
    assert address in managed.exec("web", "ip", "address", "show", "eth0")
    engine.docker("plugin", "enable", "plugind")
    assert_hello(managed, "lan")


@pytest.mark.one_engine
def test_it_takes_over_networks_and_addresses_of_a_legacy_plugind(managed):
    engine = managed.engine
    legacy = Plugind(
        "/run/docker/plugins", "/run/engine/state", engine.directory / "plugind.log", engine.namespaces,
        seen_as=engine.directory / "plugins")
    legacy.start()
    managed.network("lan", "--ipv6")
    serve_hello(managed, "lan")
    address = managed.address("web", "lan")
    assert legacy.stop() == 0

    create(engine, "plugind-managed")
    start(engine, "plugind-managed")
    # The engine has the networks under the old name, and looks for that at the old place.
    socket = f"{inspect(engine, 'plugind-managed')['Id']}/plugind.sock"
    engine.enter("ln", "--symbolic", "--force", socket, "/run/docker/plugins/plugind.sock")
    try:
        assert_hello(managed, "lan")
        assert managed.address("web", "lan") == address
        managed.network("new", driver="plugind-managed:latest", ipam="plugind-managed:latest")
        managed.container("beside", "new")
        managed.assert_reaches("beside", managed.ipam("new")[0]["Gateway"])

        # The engine starts its plugins before its networks.
        engine.stop_daemon()
        engine.start_daemon()
        assert_hello(managed, "lan")
        managed.docker("rm", "--force", "web", "beside")
        managed.docker("network", "rm", "lan", "new")
    finally:
        engine.enter("rm", "-f", "/run/docker/plugins/plugind.sock")


@pytest.mark.one_engine
def test_an_upgrade_from_a_registry_keeps_networks_and_variables(managed, registry):
    engine = managed.engine
    publish(engine, "1", "the first")
    publish(engine, "2", "the second")
    engine.docker(
        "plugin", "install", "--grant-all-permissions", "--alias", "plugind", f"{REGISTRY}/plugind:1",
        "state.source=/run/engine/state", "PLUGIND_LOG_LEVEL=debug")
    managed.network("lan", driver="plugind:latest", ipam="plugind:latest")
    serve_hello(managed, "lan")
    address = managed.address("web", "lan")
    before = inspect(engine, "plugind")

    engine.docker("plugin", "disable", "--force", "plugind")
    engine.docker(
        "plugin", "upgrade", "--grant-all-permissions", "--skip-remote-check", "plugind", f"{REGISTRY}/plugind:2")
    after = inspect(engine, "plugind")
    assert after["Config"]["Description"] == "the second"
    assert after["Id"] == before["Id"]
    assert "PLUGIND_LOG_LEVEL=debug" in after["Settings"]["Env"]
    # The engine has forgotten what it mounts, whatever it shows.
    engine.docker("plugin", "set", "plugind", "state.source=/run/engine/state")
    engine.docker("plugin", "enable", "plugind")
    assert_hello(managed, "lan")
    assert managed.address("web", "lan") == address


def publish(engine, tag, description):
    """Pushes the plugin as that version, and removes it from the engine."""
    config = json.loads((engine.directory / "plugin/config.json").read_text())
    version = engine.directory / "version"
    version.mkdir(exist_ok=True)
    (version / "config.json").write_text(json.dumps({**config, "Description": description}))
    if not (version / "rootfs").exists():
        shutil.copytree(engine.directory / "plugin/rootfs", version / "rootfs", symlinks=True)
    name = f"{REGISTRY}/plugind:{tag}"
    create(engine, name, "version")
    engine.docker("plugin", "push", name)
    engine.docker("plugin", "rm", name)


@pytest.fixture
def registry(host, tmp_path):
    """A registry beside the engine."""
    program = registry_program()
    configuration = tmp_path / "registry.yml"
    configuration.write_text(REGISTRY_CONFIGURATION.replace("DIRECTORY", str(tmp_path / "registry")))
    with open(tmp_path / "registry.log", "wb") as log:
        process = subprocess.Popen(
            ["nsenter", "--target", str(host.init), "--net", "--", program, "serve", configuration],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        port = REGISTRY.rpartition(":")[2]
        wait_until(
            lambda: run(*host.namespaces, "bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{port}").returncode == 0,
            "the registry to listen", deadline=30)
        yield
    finally:
        process.terminate()
        process.wait(timeout=20)


def registry_program():
    program = REGISTRY_ROOT / "usr/bin/docker-registry"
    if program.exists():
        return program
    REGISTRY_ROOT.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(f"{REGISTRY_ROOT}.{os.getpid()}")
    unfinished.mkdir()
    try:
        done = run("apt-get", "--quiet", "download", "docker-registry", cwd=unfinished, timeout=120)
        if done.returncode != 0:
            pytest.skip(f"no registry to upgrade from: {(done.stderr.strip().splitlines() or ['?'])[-1]}")
        output("dpkg-deb", "--extract", next(unfinished.glob("*.deb")), unfinished)
        try:
            unfinished.rename(REGISTRY_ROOT)
        except OSError:
            # The tests of the other engine were faster.
            assert program.exists()
        return program
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
