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

    /// All bytes of the file at `path`, if they are `limit` at most.
    func contents(atMost limit: Int, of path: String) throws(SocketError) -> [UInt8] {
        var contents: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 16384)
        while contents.count <= limit {
            let count = read(number, &part, part.count)
            guard count >= 0 else { throw .refused(operation: "read \(path)", code: errno) }
            if count == 0 { return contents }
            contents += part[..<count]
        }
        throw .refused(operation: "read \(path)", code: EFBIG)
    }

    /// The number, which is the caller's to close from now on.
    consuming func release() -> CInt {
        let number = number
        discard self
        return number
    }
}
