// SPDX-License-Identifier: Apache-2.0

/// A socket that listens for calls, wherever it comes from.
public protocol ListeningSocket: Sendable {
    /// Where clients find it.
    var path: String { get }

    /// The listening descriptor, which is the caller's to close. To be taken once.
    func takeListener() -> CInt

    /// Removes the socket's file, if that is this process's to do.
    func remove() throws(SocketError)
}
