// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The address of a unix socket in the file system.
struct SocketAddress {
    /// `sun_path` has 108 bytes and ends in a zero.
    static let longestPath = 107

    private var address = sockaddr_un()

    /// A longer path must have been refused before.
    init(path: String) {
        precondition(path.utf8.count <= Self.longestPath)
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    }

    /// The address that a socket is bound to, unless it is none in the file system.
    init?(of descriptor: CInt) {
        var size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = withUnsafeMutableBytes(of: &address) { bytes in
            bytes.withMemoryRebound(to: sockaddr.self) { getsockname(descriptor, $0.baseAddress, &size) }
        }
        guard result == 0, address.sun_family == sa_family_t(AF_UNIX), address.sun_path.0 != 0 else {
            return nil
        }
    }

    /// The path. The kernel ends it with a zero if it is shorter than the longest there can be.
    var path: String {
        withUnsafeBytes(of: address.sun_path) { bytes in
            String(decoding: bytes.prefix(while: { $0 != 0 }), as: UTF8.self)
        }
    }

    /// Calls `body` with what `bind` and `connect` take.
    func withPointer(_ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt) -> CInt {
        withUnsafeBytes(of: address) { bytes in
            bytes.withMemoryRebound(to: sockaddr.self) { buffer in
                buffer.baseAddress.map { body($0, socklen_t(bytes.count)) } ?? -1
            }
        }
    }
}

func unixStreamSocket() -> CInt {
    socket(AF_UNIX, CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
}
