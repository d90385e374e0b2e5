// SPDX-License-Identifier: Apache-2.0

public import Glibc
import Synchronization

/// A listening unix socket at a path of its own, claimed so that the path never has two owners.
///
/// The socket is bound under another name, given its rights, made to listen, and only then renamed to `path`: whoever
/// finds it there can connect, and nobody can who should not. Claiming and removing hold a lock on the directory
/// itself, so of two daemons that start together one wins and the other sees a live socket, and no lock file stays.
/// Letting go of it closes the socket and removes the file.
public final class UnixSocket: ListeningSocket {
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
    public convenience init(directory: String, name: String, group: String = "docker") throws(SocketError) {
        try self.init(path: "\(directory)/\(name).sock", mode: 0o660, group: group)
    }

    /// Claims `path`, which is absolute, with the rights `mode`. Makes its directory if it is missing and replaces a dead
    /// socket. With a `group` that there is the socket is given to it, if the process may give files away.
    public init(path: String, mode: mode_t, group: String? = nil) throws(SocketError) {
        let parent = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
        let directory = parent.isEmpty ? "/" : parent
        // One name is enough for all, because the directory is locked.
        let unpublished = "\(parent)/.claim"
        for path in [path, unpublished] where path.utf8.count > SocketAddress.longestPath {
            throw .pathTooLong(path)
        }
        try makeDirectory(directory)
        let lock = try DirectoryLock(directory)
        try checkFree(path)
        let socket = try listen(at: unpublished, mode: mode, group: group)
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
    public func takeListener() -> CInt {
        listener.withLock { listener in
            guard let taken = listener.take() else {
                preconditionFailure("the listener of \(path) was taken before")
            }
            return taken.release()
        }
    }

    /// Removes the file, if it still is this socket's: a daemon that started since may have replaced it.
    public func remove() throws(SocketError) {
        let lock = try DirectoryLock(directory)
        if try FileIdentity(ifPresent: path) == file, unlink(path) != 0 {
            throw .refused(operation: "delete \(path)", code: errno)
        }
        lock.release()
    }
}

/// Makes a socket that listens, with its rights, at a path where nothing of value is.
private func listen(at path: String, mode: mode_t, group: String?) throws(SocketError) -> FileDescriptor {
    guard unlink(path) == 0 || errno == ENOENT else {
        throw .refused(operation: "delete \(path)", code: errno)
    }
    let socket = try FileDescriptor(unixStreamSocket(), "make a unix socket")
    guard SocketAddress(path: path).withPointer({ bind(socket.number, $0, $1) }) == 0 else {
        throw .refused(operation: "bind a socket to \(path)", code: errno)
    }
    guard chmod(path, mode) == 0 else {
        throw .refused(operation: "set the rights of \(path)", code: errno)
    }
    // EINVAL: in a user namespace that does not know the group.
    if let group, let group = getgrnam(group)?.pointee.gr_gid, chown(path, getuid(), group) != 0,
        ![EPERM, EINVAL].contains(errno)
    {
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

/// Mode 0755, whatever the umask.
private func makeDirectory(_ path: String) throws(SocketError) {
    var end = path.startIndex
    while end != path.endIndex {
        end = path[path.index(after: end)...].firstIndex(of: "/") ?? path.endIndex
        let parent = String(path[..<end])
        if mkdir(parent, 0o755) != 0 {
            guard errno == EEXIST else {
                throw .refused(operation: "make the directory \(parent)", code: errno)
            }
        } else if chmod(parent, 0o755) != 0 {
            throw .refused(operation: "set the rights of \(parent)", code: errno)
        }
    }
}
