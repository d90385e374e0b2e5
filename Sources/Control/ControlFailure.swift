// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Why a command has no answer, in words for the person who typed it.
public enum ControlFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// Nobody answers at the socket.
    case notReachable(socket: String, reason: String)
    /// plugind refuses it, or failed.
    case refused(status: Int, text: String)
    /// What came back is not an answer of the control API, or did not come in time.
    case unusable(socket: String, reason: String)

    /// From the error of connect(2).
    init(socket: String, connectError code: CInt) {
        let reason =
            switch code {
            case ENOENT, ENOTDIR: "there is no such socket; plugind does not run, or serves another one"
            case ECONNREFUSED: "nobody listens there; plugind does not run"
            case EACCES, EPERM: "permission denied; it is for the user that plugind runs as, usually root"
            default: String(cString: strerror(code))
            }
        self = .notReachable(socket: socket, reason: reason)
    }

    /// What a command exits with: 3 if plugind cannot be reached, else 1.
    public var exitCode: Int32 {
        switch self {
        case .notReachable: 3
        case .refused, .unusable: 1
        }
    }

    public var description: String {
        switch self {
        case .notReachable(let socket, let reason): "cannot reach plugind at \(socket): \(reason)"
        case .refused(_, let text): text
        case .unusable(let socket, let reason): "plugind at \(socket): \(reason)"
        }
    }
}
