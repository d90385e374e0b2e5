// SPDX-License-Identifier: Apache-2.0

public import Logging
public import ServiceLifecycle

/// Warns of certificates that expire soon, when it starts and once a day.
public struct CertificateWatch: Service {
    private let tls: ServerTLS
    private let logger: Logger

    public init(_ tls: ServerTLS, logger: Logger) {
        self.tls = tls
        self.logger = logger
    }

    /// Warns until graceful shutdown. To be called once.
    public func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                tls.warn(logger)
                try await Task.sleep(for: .seconds(24 * 60 * 60))
            }
        }
    }
}
