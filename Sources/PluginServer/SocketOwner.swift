// SPDX-License-Identifier: Apache-2.0

import Glibc

/// `struct ucred`, which Glibc's module leaves out.
private struct PeerCredentials {
    var pid: pid_t = 0
    var uid: uid_t = 0
    var gid: gid_t = 0
}

/// The process that listens at the other end of a connection: `plugind (pid 812, /usr/bin/plugind)`.
struct SocketOwner: CustomStringConvertible {
    let description: String

    /// The kernel remembers who called `listen`; that process may be gone, or be in another pid namespace (pid 0).
    init(of connection: borrowing FileDescriptor) {
        var peer = PeerCredentials()
        var size = socklen_t(MemoryLayout<PeerCredentials>.size)
        guard getsockopt(connection.number, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0, peer.pid > 0 else {
            description = "a process that cannot be seen from here"
            return
        }
        let program = Self.name(of: peer.pid) ?? "a process"
        let file = Self.executable(of: peer.pid).map { ", \($0)" } ?? ""
        description = "\(program) (pid \(peer.pid)\(file))"
    }

    private static func name(of process: pid_t) -> String? {
        guard let file = try? FileDescriptor(open("/proc/\(process)/comm", O_RDONLY | O_CLOEXEC), "read a name") else {
            return nil
        }
        return text { read(file.number, $0, $1) }?.split(separator: "\n").first.map(String.init)
    }

    private static func executable(of process: pid_t) -> String? {
        text { buffer, size in
            buffer.map { readlink("/proc/\(process)/exe", $0.assumingMemoryBound(to: CChar.self), size) } ?? -1
        }
    }

    private static func text(_ read: (UnsafeMutableRawPointer?, Int) -> Int) -> String? {
        var bytes = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = bytes.withUnsafeMutableBytes { read($0.baseAddress, $0.count) }
        return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
    }
}
