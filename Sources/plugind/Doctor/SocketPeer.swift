// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Who listens at a socket.
enum SocketPeer {
    /// The process, as the kernel numbers it here. Nil if nobody listens, or none that can be seen.
    static func process(at path: String) -> Int32? {
        guard let descriptor = connected(to: path) else { return nil }
        defer { close(descriptor) }
        // struct ucred of unix(7): process, user, group.
        var peer: [Int32] = [0, 0, 0]
        var size = socklen_t(3 * MemoryLayout<Int32>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0, peer[0] > 0 else { return nil }
        return peer[0]
    }

    private static func connected(to path: String) -> Int32? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let descriptor = socket(
            AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        let result = withUnsafeBytes(of: &address) { bytes in
            bytes.withMemoryRebound(to: sockaddr.self) { buffer in
                buffer.baseAddress.map { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) } ?? -1
            }
        }
        guard result == 0 else {
            close(descriptor)
            return nil
        }
        return descriptor
    }
}
