# SPDX-License-Identifier: Apache-2.0
"""Makes and answers traffic. It runs inside of namespaces and containers and needs Python alone.

traffic.py agent                                       commands as JSON lines, see `Agent`
traffic.py listen PROTOCOL/PORT...                     answers everybody with the address that they come from
traffic.py connect PROTOCOL ADDRESS PORT [SECONDS]     prints that address, or what went wrong
"""

import errno
import json
import os
import selectors
import socket
import struct
import subprocess
import sys
import threading
import time

KINDS = {
    "tcp": (socket.SOCK_STREAM, socket.IPPROTO_TCP),
    "udp": (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
    "sctp": (socket.SOCK_STREAM, socket.IPPROTO_SCTP),
}
# What runs at the same time: enough that waiting for what never comes takes no time, and few enough to be prompt.
PARALLEL = 48


def make_socket(protocol, address):
    kind, number = KINDS[protocol]
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind, number)
    if ":" in address:
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return made


def words(error):
    return errno.errorcode.get(error.errno, str(error)) if getattr(error, "errno", None) else "timeout"


class Answers:
    """Answers every connection, and all that comes on it, and every datagram, with the address it comes from."""

    def __init__(self):
        self.selector = selectors.DefaultSelector()
        self.sockets = {}
        self.lock = threading.Lock()
        self.wake, waker = socket.socketpair()
        self.selector.register(waker, selectors.EVENT_READ, lambda: waker.recv(100))
        threading.Thread(target=self.serve, daemon=True).start()

    def listen(self, protocol, address, port):
        listener = make_socket(protocol, address)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        if protocol == "udp":
            self.add(listener, lambda: self.answer_datagram(listener))
        else:
            listener.listen(128)
            self.add(listener, lambda: self.accept(listener))
        with self.lock:
            self.sockets[protocol, address, port] = listener

    def close(self, protocol, address, port):
        with self.lock:
            listener = self.sockets.pop((protocol, address, port))
        self.selector.unregister(listener)
        listener.close()

    def add(self, opened, react):
        opened.setblocking(False)
        self.selector.register(opened, selectors.EVENT_READ, react)
        self.wake.send(b"x")

    def serve(self):
        while True:
            for key, _ in self.selector.select():
                try:
                    key.data()
                except OSError:
                    pass

    def answer_datagram(self, listener):
        _, source = listener.recvfrom(65536)
        listener.sendto(source[0].encode() + b"\n", source)

    def accept(self, listener):
        connection, source = listener.accept()
        answer = source[0].encode() + b"\n"
        self.add(connection, lambda: self.answer(connection, answer))
        connection.send(answer)

    def answer(self, connection, answer):
        try:
            if connection.recv(65536):
                connection.send(answer)
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self.selector.unregister(connection)
        connection.close()


class Flow:
    """A client's socket. It counts as connected once the other side has said something."""

    def __init__(self, protocol, address, port, timeout):
        self.protocol = protocol
        self.socket = make_socket(protocol, address)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect((address, port))
        except OSError:
            self.socket.close()
            raise

    def hear(self):
        """What a new connection is greeted with."""
        if self.protocol == "udp":
            self.socket.send(b"?\n")
        return self.receive()

    def ask(self, timeout):
        """Asks once more on the same socket."""
        self.socket.settimeout(timeout)
        self.socket.send(b"?\n")
        return self.receive()

    def receive(self):
        heard = self.socket.recv(200)
        if not heard:
            raise OSError(errno.ECONNRESET, "closed")
        return heard.decode().strip()

    def close(self):
        self.socket.close()


def connect(protocol, address, port, timeout):
    flow = Flow(protocol, address, port, timeout)
    try:
        return flow.hear()
    finally:
        flow.close()


def ping(address, timeout):
    """One echo request, by a raw socket; the address that answers it."""
    is_v6 = ":" in address
    family, number = (
        (socket.AF_INET6, socket.IPPROTO_ICMPV6) if is_v6 else (socket.AF_INET, socket.IPPROTO_ICMP))
    identity = os.urandom(4)
    packet = struct.pack("!BBH", 128 if is_v6 else 8, 0, 0) + identity + b"plugind!"
    if not is_v6:
        total = sum(struct.unpack("!8H", packet))
        total = (total & 0xFFFF) + (total >> 16)
        total = (total & 0xFFFF) + (total >> 16)
        packet = packet[:2] + struct.pack("!H", 0xFFFF - total) + packet[4:]
    with socket.socket(family, socket.SOCK_RAW, number) as raw:
        raw.connect((address, 0))
        raw.send(packet)
        end = time.monotonic() + timeout
        while (left := end - time.monotonic()) > 0:
            raw.settimeout(left)
            heard, source = raw.recvfrom(2000)
            message = heard if is_v6 else heard[(heard[0] & 15) * 4:]
            if message[0] == (129 if is_v6 else 0) and message[4:8] == identity:
                return source[0]
    raise TimeoutError


class Agent:
    """Carries out commands, each in a thread of its own: {"id", "op", …} is answered with {"id", "answer"}, or with
    {"id", "error"} if that did not work."""

    def __init__(self):
        self.answers = Answers()
        self.flows = {}
        self.held = {}
        self.room = threading.Semaphore(PARALLEL)
        self.output = threading.Lock()

    def serve(self):
        for line in sys.stdin:
            command = json.loads(line)
            threading.Thread(target=self.carry_out, args=(command,), daemon=True).start()

    def carry_out(self, command):
        number, op = command.pop("id"), command.pop("op")
        with self.room:
            try:
                reply = {"id": number, "answer": getattr(self, "do_" + op)(**command)}
            except OSError as error:
                reply = {"id": number, "error": words(error)}
            except Exception as error:
                reply = {"id": number, "error": f"{type(error).__name__}: {error}"}
        with self.output:
            sys.stdout.write(json.dumps(reply) + "\n")
            sys.stdout.flush()

    def do_listen(self, protocol, address, ports):
        for port in ports:
            self.answers.listen(protocol, address, port)

    def do_close_listener(self, protocol, address, port):
        self.answers.close(protocol, address, port)

    def do_connect(self, protocol, address, port, timeout):
        return connect(protocol, address, port, timeout)

    def do_ping(self, address, timeout):
        return ping(address, timeout)

    def do_open(self, flow, protocol, address, port, timeout):
        """A flow that stays; it need not be answered."""
        self.flows[flow] = opened = Flow(protocol, address, port, timeout)
        return opened.hear()

    def do_ask(self, flow, timeout):
        return self.flows[flow].ask(timeout)

    def do_end(self, flow):
        self.flows.pop(flow).close()

    def do_bind(self, protocol, address, port, reuse, hold=None):
        """Takes a port as a server would, and lets go of it unless it is to be held under a name."""
        bound = make_socket(protocol, address)
        try:
            if reuse:
                bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind((address, port))
            if protocol != "udp":
                bound.listen(1)
            if hold:
                self.held[hold] = bound
            return bound.getsockname()[1]
        finally:
            if not hold or hold not in self.held:
                bound.close()

    def do_release(self, hold):
        self.held.pop(hold).close()

    def do_run(self, argv, text=None):
        done = subprocess.run(argv, input=text or "", text=True, capture_output=True, timeout=30)
        if done.returncode != 0:
            raise RuntimeError(f"`{' '.join(argv)}` ended with status {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def do_write(self, files):
        """Writes files of /proc/sys by their path below it."""
        for path, value in files.items():
            with open("/proc/sys/" + path, "w") as file:
                file.write(str(value))

    def do_read(self, path):
        with open("/proc/sys/" + path) as file:
            return file.read().strip()


def main(arguments):
    if arguments == ["agent"]:
        print("ready", flush=True)
        Agent().serve()
    elif arguments[:1] == ["listen"]:
        answers = Answers()
        for argument in arguments[1:]:
            protocol, port = argument.split("/")
            for address in ("0.0.0.0", "::"):
                answers.listen(protocol, address, int(port))
        print("ready", flush=True)
        threading.Event().wait()
    elif arguments[:1] == ["connect"]:
        protocol, address, port, *timeout = arguments[1:]
        try:
            print(connect(protocol, address, int(port), float(*timeout or [1.0])))
        except OSError as error:
            sys.exit(words(error))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
