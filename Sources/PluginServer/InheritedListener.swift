// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The listening socket that a service manager made and passed to this process: socket activation, sd_listen_fds(3).
///
/// The service manager keeps the socket open, too. Calls that come while no plugind runs wait in its queue for the
/// next one. The file is the service manager's and stays.
public struct InheritedListener: ListeningSocket {
    /// The first, and here the only, passed descriptor; `SD_LISTEN_FDS_START`.
    static let descriptor: CInt = 3
    private static let variables = ["LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDS", "LISTEN_FDNAMES"]

    public let path: String
    private let descriptor: CInt

    /// Nil if none was passed. The variables that say so are unset, so that no other part of the process, and no child,
    /// takes the descriptor for its own.
    ///
    /// To be called before anything opens a file: should the descriptor not be there although it was announced, the
    /// next file would get its number.
    public init?() throws(SocketError) {
        let count = Self.announcedCount(process: getpid(), variable: { getenv($0).map { String(cString: $0) } })
        for variable in Self.variables { unsetenv(variable) }
        guard let count else {
            return nil
        }
        guard count == "1" else {
            throw .notOnePassed(count: count)
        }
        try self.init(descriptor: Self.descriptor)
    }

    /// How many descriptors were passed, in the service manager's words; nil if none were, or to another process: the
    /// variables are inherited by children that do not know them.
    static func announcedCount(process: pid_t, variable: (String) -> String?) -> String? {
        guard let number = variable("LISTEN_PID"), pid_t(number) == process else {
            return nil
        }
        return variable("LISTEN_FDS")
    }

    init(descriptor: CInt) throws(SocketError) {
        guard let kind = Self.kind(of: descriptor) else {
            throw .refused(operation: "use the passed descriptor \(descriptor)", code: errno)
        }
        guard kind == .listeningUnixStream else {
            throw .notAListener(descriptor: descriptor, kind: kind.description)
        }
        guard fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else {
            throw .refused(operation: "set close-on-exec on the passed descriptor \(descriptor)", code: errno)
        }
        let flags = fcntl(descriptor, F_GETFL)
        guard flags >= 0, fcntl(descriptor, F_SETFL, flags | O_NONBLOCK) == 0 else {
            throw .refused(operation: "make the passed descriptor \(descriptor) non-blocking", code: errno)
        }
        self.descriptor = descriptor
        path = SocketAddress(of: descriptor)?.path ?? "descriptor \(descriptor)"
    }

    public func takeListener() -> CInt { descriptor }

    /// Does nothing: the service manager still listens there.
    public func remove() {}

    /// What a descriptor is; nil, with errno, if it is not open.
    private static func kind(of descriptor: CInt) -> DescriptorKind? {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            return nil
        }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            return .notASocket
        }
        return DescriptorKind(
            family: option(SO_DOMAIN, of: descriptor), type: option(SO_TYPE, of: descriptor),
            isListening: option(SO_ACCEPTCONN, of: descriptor) != 0)
    }

    private static func option(_ name: CInt, of descriptor: CInt) -> CInt {
        var value: CInt = 0
        var size = socklen_t(MemoryLayout<CInt>.size)
        return getsockopt(descriptor, SOL_SOCKET, name, &value, &size) == 0 ? value : 0
    }
}

/// What a passed descriptor turned out to be.
private enum DescriptorKind: Equatable, CustomStringConvertible {
    case listeningUnixStream
    case notASocket
    case otherSocket(String)

    init(family: CInt, type: CInt, isListening: Bool) {
        guard family == AF_UNIX else {
            self = .otherSocket("a socket that is not a unix socket")
            return
        }
        guard type == CInt(SOCK_STREAM.rawValue) else {
            self = .otherSocket("a unix socket for datagrams or packets")
            return
        }
        self = isListening ? .listeningUnixStream : .otherSocket("a unix socket that does not listen")
    }

    var description: String {
        switch self {
        case .listeningUnixStream: "a listening unix stream socket"
        case .notASocket: "not a socket"
        case .otherSocket(let words): words
        }
    }
}
