// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Keeps a second daemon off a state directory: an advisory lock that the kernel drops when the process dies.
final class DirectoryLock: Sendable {
    private let descriptor: Int32

    /// Makes the directory with mode 0700 if it is not there, and locks it.
    init(directory: String) throws(StoreError) {
        try Self.make(directory)
        let path = directory + "/lock"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StoreError("open \(path)", errno: errno)
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            // No close here: `deinit` runs, as every property is set.
            let owner = Self.text(of: descriptor)
            throw StoreError(
                "the state directory \(directory) is in use by another plugind\(owner); stop that one, or point --state-dir at another directory"
            )
        }
        // For whoever is turned away later; the lock is what counts.
        ftruncate(descriptor, 0)
        let text = "\(getpid())\n"
        pwrite(descriptor, text, text.utf8.count, 0)
    }

    deinit {
        close(descriptor)
    }

    /// Only its owner may look into it, also if somebody made it before.
    private static func make(_ directory: String) throws(StoreError) {
        var parent = ""
        for component in directory.split(separator: "/") {
            parent += (parent.isEmpty && !directory.hasPrefix("/") ? "" : "/") + component
            guard mkdir(parent, 0o755) == 0 || errno == EEXIST else {
                throw StoreError("make the state directory \(parent)", errno: errno)
            }
        }
        var status = stat()
        guard stat(directory, &status) == 0 else { throw StoreError("look at \(directory)", errno: errno) }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw StoreError("use the state directory \(directory)", errno: ENOTDIR)
        }
        if status.st_mode & 0o7777 == 0o700 { return }
        guard chmod(directory, 0o700) == 0 else {
            throw StoreError("set the rights of \(directory)", errno: errno)
        }
    }

    private static func text(of descriptor: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        let pid = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).filter(\.isNumber)
        return pid.isEmpty ? "" : " (process \(pid))"
    }
}
