# SPDX-License-Identifier: Apache-2.0
"""What a service manager does for a socket: `activate.py SOCKET COMMAND…` listens there, starts the command when
somebody connects, with the listening socket as descriptor 3, and again when it has ended and somebody waits. SIGTERM is
passed on to the command; then both end."""

import os
import select
import signal
import socket
import sys


def main(path, *command):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(4096)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    while True:
        select.select([listener], [], [])
        child = os.fork()
        if child == 0:
            start(listener, command)
        try:
            os.waitpid(child, 0)
        except SystemExit:
            os.kill(child, signal.SIGTERM)
            os.waitpid(child, 0)
            raise


def start(listener, command):
    """Becomes the command, as sd_listen_fds(3) wants it."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if listener.fileno() == 3:
        os.set_inheritable(3, True)
    else:
        os.dup2(listener.fileno(), 3)
    os.execvpe(command[0], command, {**os.environ, "LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"})


main(*sys.argv[1:])
