// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A refusal of the kernel: what was asked, the errno, and the kernel's own sentence if it gave one.
public struct KernelError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was asked, such as `add bridge br-1f2e`.
    public let operation: String
    /// A positive errno. Code decides by this, never by text.
    public let code: Int32
    /// The kernel's sentence (extended acknowledgement), or the errno's.
    public let reason: String

    public init(_ operation: String, code: Int32, reason: String = "") {
        self.operation = operation
        self.code = code
        self.reason = reason.isEmpty ? String(cString: strerror(code)) : reason
    }

    public var description: String {
        "cannot \(operation): \(reason)"
    }
}
