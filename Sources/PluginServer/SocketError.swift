// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Why there is no socket to serve.
public enum SocketError: Error, Hashable, Sendable, CustomStringConvertible {
    case pathTooLong(String)
    /// Another program listens there.
    case inUse(String, owner: String)
    /// Something that is not a socket is in the way, and is left alone.
    case notASocket(String)
    /// A service manager passed more descriptors than one, or what is no number.
    case notOnePassed(count: String)
    /// A service manager passed something else than a listening socket.
    case notAListener(descriptor: CInt, kind: String)
    case refused(operation: String, code: CInt)

    public var description: String {
        switch self {
        case .pathTooLong(let path):
            "the socket path \(path) has \(path.utf8.count) bytes, a unix socket allows \(SocketAddress.longestPath)"
        case .inUse(let path, let owner):
            "\(path) is in use by \(owner)"
        case .notASocket(let path):
            "\(path) exists and is not a socket"
        case .notOnePassed(let count):
            "the service manager passed ‘\(count)’ sockets (LISTEN_FDS), plugind serves exactly one: "
                + "give its socket unit one ListenStream"
        case .notAListener(let descriptor, let kind):
            "the descriptor \(descriptor) that the service manager passed is \(kind), not a listening unix stream "
                + "socket: give its socket unit one ListenStream with a path, and Accept=no"
        case .refused(let operation, let code):
            "cannot \(operation): \(String(cString: strerror(code)))"
        }
    }
}
