# SPDX-License-Identifier: Apache-2.0
"""Runs a command on a kernel that has no netlink sockets of one protocol: without_sockets.py PROTOCOL COMMAND...

A kernel that was built without nfnetlink, say, answers socket(2) with EPROTONOSUPPORT. A filter of system calls does
the same here, for the command alone."""

import ctypes
import errno
import os
import platform
import socket
import struct
import sys

# The number of socket(2).
CALLS = {"x86_64": 41, "aarch64": 198}
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
# Offsets in struct seccomp_data: the call, and the lower halves of its arguments.
CALL, DOMAIN, PROTOCOL = 0, 16, 32


def filter_program(protocol):
    """A struct sock_filter for each step: what to do, how far to jump if so and if not, a number."""
    steps = [
        (LOAD, 0, 0, CALL), (JUMP_IF_EQUAL, 0, 5, CALLS[platform.machine()]),
        (LOAD, 0, 0, DOMAIN), (JUMP_IF_EQUAL, 0, 3, socket.AF_NETLINK),
        (LOAD, 0, 0, PROTOCOL), (JUMP_IF_EQUAL, 0, 1, protocol),
        (RETURN, 0, 0, ERRNO | errno.EPROTONOSUPPORT), (RETURN, 0, 0, ALLOW)]
    return steps, b"".join(struct.pack("HBBI", *step) for step in steps)


def main(protocol, *command):
    steps, program = filter_program(int(protocol))
    code = ctypes.create_string_buffer(program, len(program))
    head = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(steps), ctypes.addressof(code)))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, head, 0, 0):
        sys.exit(f"no filter of system calls: {os.strerror(ctypes.get_errno())}")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
