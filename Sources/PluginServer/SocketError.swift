// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Why the plugin socket could not be claimed.
public enum SocketError: Error, Hashable, Sendable, CustomStringConvertible {
    case pathTooLong(String)
    /// Another program listens there.
    case inUse(String, owner: String)
    /// Something that is not a socket is in the way, and is left alone.
    case notASocket(String)
    case refused(operation: String, code: CInt)

    public var description: String {
        switch self {
        case .pathTooLong(let path):
            "the socket path \(path) has \(path.utf8.count) bytes, a unix socket allows \(SocketAddress.longestPath)"
        case .inUse(let path, let owner):
            "\(path) is in use by \(owner)"
        case .notASocket(let path):
            "\(path) exists and is not a socket"
        case .refused(let operation, let code):
            "cannot \(operation): \(String(cString: strerror(code)))"
        }
    }
}
