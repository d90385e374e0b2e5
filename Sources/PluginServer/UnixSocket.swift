// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// A listening unix socket at a path of its own, claimed so that the path never has two owners.
///
/// The socket is bound under another name, given its rights, made to listen, and only then renamed to `path`: whoever
/// finds it there can connect, and nobody can who should not. Claiming and removing hold a lock on the directory
/// itself, so of two daemons that start together one wins and the other sees a live socket, and no lock file stays.
/// Letting go of it closes the socket and removes the file.
public final class UnixSocket: Sendable {
    /// Where clients find it.
    public let path: String

    private let directory: String
    private let file: FileIdentity
    /// Keeps the file's inode number from being used again for another socket at the same path.
    private let pin: FileDescriptor
    private let listener: Mutex<FileDescriptor?>

    /// Claims `<directory>/<name>.sock`, mode 0660. Makes the directory if it is missing and replaces a dead socket.
    ///
    /// The socket is given to `group` if there is such a group and the process may give files away. Without it the
    /// engine still connects, being root.
    public init(directory: String, name: String, group: String = "docker") throws(SocketError) {
        let path = "\(directory)/\(name).sock"
        guard path.utf8.count <= SocketAddress.longestPath else {
            throw .pathTooLong(path)
        }
        try makeDirectory(directory)
        let lock = try DirectoryLock(directory)
        try checkFree(path)
        // Never longer than `path`. One name is enough for all, because the directory is locked.
        let unpublished = "\(directory)/.claim"
        let socket = try listen(at: unpublished, group: group)
        let pin = try FileDescriptor(pinning: unpublished)
        let file = try FileIdentity(of: unpublished)
        guard rename(unpublished, path) == 0 else {
            throw .refused(operation: "rename \(unpublished) to \(path)", code: errno)
        }
        self.path = path
        self.directory = directory
        self.file = file
        self.pin = pin
        listener = Mutex(socket)
        lock.release()
    }

    deinit {
        // It was tried with an error to report before; a file that stays is replaced by the next claim.
        try? remove()
    }

    /// The listening descriptor, non-blocking, which is the caller's to close. To be taken once.
    func takeListener() -> CInt {
        listener.withLock { listener in
            guard let taken = listener.take() else {
                preconditionFailure("the listener of \(path) was taken before")
            }
            return taken.release()
        }
    }

    /// Removes the file, if it still is this socket's: a daemon that started since may have replaced it.
    func remove() throws(SocketError) {
        let lock = try DirectoryLock(directory)
        if try FileIdentity(ifPresent: path) == file, unlink(path) != 0 {
            throw .refused(operation: "delete \(path)", code: errno)
        }
        lock.release()
    }
}

/// Makes a socket that listens, with its rights, at a path where nothing of value is.
private func listen(at path: String, group: String) throws(SocketError) -> FileDescriptor {
    guard unlink(path) == 0 || errno == ENOENT else {
        throw .refused(operation: "delete \(path)", code: errno)
    }
    let socket = try FileDescriptor(unixStreamSocket(), "make a unix socket")
    guard SocketAddress(path: path).withPointer({ bind(socket.number, $0, $1) }) == 0 else {
        throw .refused(operation: "bind a socket to \(path)", code: errno)
    }
    guard chmod(path, 0o660) == 0 else {
        throw .refused(operation: "set the rights of \(path)", code: errno)
    }
    if let group = getgrnam(group)?.pointee.gr_gid, chown(path, getuid(), group) != 0, errno != EPERM {
        throw .refused(operation: "give \(path) to group \(group)", code: errno)
    }
    guard listen(socket.number, 256) == 0 else {
        throw .refused(operation: "listen on \(path)", code: errno)
    }
    return socket
}

/// Throws unless nothing or a dead socket is at `path`.
private func checkFree(_ path: String) throws(SocketError) {
    guard let file = try FileIdentity(ifPresent: path) else {
        return
    }
    guard file.isSocket else {
        throw .notASocket(path)
    }
    let probe = try FileDescriptor(unixStreamSocket(), "make a unix socket")
    if SocketAddress(path: path).withPointer({ connect(probe.number, $0, $1) }) == 0 {
        throw .inUse(path, owner: SocketOwner(of: probe).description)
    }
    switch errno {
    case ECONNREFUSED, ENOENT: return
    case EAGAIN: throw .inUse(path, owner: "a program that does not accept connections")
    case let code: throw .refused(operation: "see whether \(path) is in use", code: code)
    }
}

private func makeDirectory(_ path: String) throws(SocketError) {
    var end = path.startIndex
    while end != path.endIndex {
        end = path[path.index(after: end)...].firstIndex(of: "/") ?? path.endIndex
        let parent = String(path[..<end])
        guard mkdir(parent, 0o755) == 0 || errno == EEXIST else {
            throw .refused(operation: "make the directory \(parent)", code: errno)
        }
    }
}
