// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Which file a path leads to, symbolic links not followed.
struct FileIdentity: Hashable, Sendable {
    private let device: dev_t
    private let inode: ino_t
    let isSocket: Bool

    /// Nil if there is no such file.
    init?(ifPresent path: String) throws(SocketError) {
        var status = stat()
        guard lstat(path, &status) == 0 else {
            guard errno == ENOENT else {
                throw .refused(operation: "look at \(path)", code: errno)
            }
            return nil
        }
        device = status.st_dev
        inode = status.st_ino
        isSocket = status.st_mode & S_IFMT == S_IFSOCK
    }

    init(of path: String) throws(SocketError) {
        guard let file = try Self(ifPresent: path) else {
            throw .refused(operation: "look at \(path)", code: ENOENT)
        }
        self = file
    }
}
