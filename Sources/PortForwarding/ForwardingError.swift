// SPDX-License-Identifier: Apache-2.0

/// Why forwarding cannot begin.
struct ForwardingError: Error {
    /// A positive errno.
    let code: CInt
}
