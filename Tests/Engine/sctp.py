# SPDX-License-Identifier: Apache-2.0
"""Sends the packet that an SCTP association begins with: sctp.py ADDRESS PORT

By a raw socket, as many kernels have no SCTP. The checksum is right: the tracking of connections looks at it."""

import socket
import struct
import sys

IPPROTO_SCTP = 132
SOURCE_PORT = 40000
INIT = 1


def crc32c(data):
    """The checksum of RFC 9260, appendix A."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def init(port):
    """Ports, no tag as yet, the checksum; then one chunk: its tag, a window, streams out and in, a first number."""
    chunk = struct.pack("!BBHIIHHI", INIT, 0, 20, 1, 65535, 1, 1, 1)
    head = struct.pack("!HHI", SOURCE_PORT, port, 0)
    return head + struct.pack("<I", crc32c(head + bytes(4) + chunk)) + chunk


def main(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_RAW, IPPROTO_SCTP) as raw:
        raw.sendto(init(int(port)), (address, 0))


if __name__ == "__main__":
    main(*sys.argv[1:])
