// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
public import Logging
import NIOCore
import NIOSSL
import Synchronization

/// TLS of a `SocketServer`: from version 1.2 on, and only for clients with a certificate of the right CA if there is
/// one to know them by.
public final class ServerTLS: Sendable {
    private let material: Mutex<TLSMaterial>
    private let patience: Duration

    /// Reads the files.
    public convenience init(_ files: TLSFiles) throws(TLSError) {
        try self.init(files, patience: .seconds(10))
    }

    /// `patience` is how long a handshake may take.
    init(_ files: TLSFiles, patience: Duration) throws(TLSError) {
        material = Mutex(try TLSMaterial(files))
        self.patience = patience
    }

    /// Takes what another one has read, for connections that begin from now on.
    public func take(_ other: ServerTLS) {
        let new = other.material.withLock(\.self)
        material.withLock { $0 = new }
    }

    /// Logs a warning for each certificate that is not valid now, or not for much longer.
    public func warn(_ logger: Logger) {
        for concern in concerns(at: Int(Date.now.timeIntervalSince1970)) {
            logger.warning("A certificate needs to be looked after", metadata: ["certificate": "\(concern)"])
        }
    }

    /// What somebody should know of the certificates at the time `now`, in seconds since 1970.
    func concerns(at now: Int) -> [String] {
        material.withLock(\.certificates).compactMap { certificate in
            certificate.concern(at: now).map { "\(certificate.path) \($0)" }
        }
    }

    /// Puts TLS between a connection and what is added to it after this.
    func addHandlers(to channel: any Channel, logger: Logger) throws {
        try channel.pipeline.syncOperations.addHandlers([
            NIOSSLServerHandler(context: material.withLock(\.context)),
            HandshakeWatch(peer: Self.name(of: channel.remoteAddress), patience: patience, logger: logger),
        ])
    }

    private static func name(of peer: NIOCore.SocketAddress?) -> String {
        guard let peer, let host = peer.ipAddress, let port = peer.port else { return "unknown" }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
