// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Excludes every other process that locks the same directory, until it is let go of.
///
/// The lock is on the directory itself, so it leaves no file behind, and the kernel ends it with the process.
struct DirectoryLock: ~Copyable {
    private let directory: FileDescriptor

    init(_ path: String) throws(SocketError) {
        let directory = try FileDescriptor(
            open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), "open the directory \(path)")
        while flock(directory.number, LOCK_EX) != 0 {
            guard errno == EINTR else {
                throw .refused(operation: "lock the directory \(path)", code: errno)
            }
        }
        self.directory = directory
    }

    /// Says where the locked part ends; without it the compiler may end it sooner.
    consuming func release() {}
}
