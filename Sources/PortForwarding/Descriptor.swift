// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Unique owner of one descriptor: it cannot be copied, and letting go of it closes the descriptor.
struct Descriptor: ~Copyable, Sendable {
    let number: CInt

    /// Takes what `socket` or `fcntl` returned; nil, with errno, if that is none.
    init?(_ number: CInt) {
        guard number >= 0 else { return nil }
        self.number = number
    }

    deinit { close(number) }

    /// The number, which is the caller's to close from now on.
    consuming func release() -> CInt {
        let number = number
        discard self
        return number
    }

    /// Sets a socket option. Returns false, with errno, if the kernel refuses.
    func set(_ level: CInt, _ option: CInt, to value: CInt) -> Bool {
        var value = value
        return setsockopt(number, level, option, &value, socklen_t(MemoryLayout<CInt>.size)) == 0
    }
}
