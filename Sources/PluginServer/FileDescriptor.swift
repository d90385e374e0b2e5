// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Unique owner of one file descriptor: it cannot be copied, and letting go of it closes the descriptor.
struct FileDescriptor: ~Copyable, Sendable {
    let number: CInt

    /// Takes what `open` or `socket` returned.
    init(_ number: CInt, _ operation: @autoclosure () -> String) throws(SocketError) {
        guard number >= 0 else {
            let code = errno
            throw .refused(operation: operation(), code: code)
        }
        self.number = number
    }

    /// Refers to a file of any kind without opening it, so that it exists for as long as this does.
    init(pinning path: String) throws(SocketError) {
        let flagPath: CInt = 0o10000000  // O_PATH, which Glibc's module leaves out
        try self.init(open(path, flagPath | O_NOFOLLOW | O_CLOEXEC), "refer to \(path)")
    }

    deinit { close(number) }

    /// The number, which is the caller's to close from now on.
    consuming func release() -> CInt {
        let number = number
        discard self
        return number
    }
}
