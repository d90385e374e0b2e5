// SPDX-License-Identifier: Apache-2.0

public import Logging
public import PluginKit
public import PluginServer
public import ServiceLifecycle

/// Serves metrics and health over TCP, and nothing else of the control API.
///
/// Containers do not need it: if it ends before its time, that is logged, and the daemon goes on.
public struct MetricsServer: Service {
    /// Where clients find it.
    public let address: ListenAddress
    private let server: SocketServer
    private let logger: Logger

    /// Claims `address`. Calls that come before `run()` wait.
    public init(
        address: ListenAddress, metrics: Metrics, logger: Logger,
        explain: @escaping @Sendable (any Error) -> MethodTable.Explanation?
    ) throws(SocketError) {
        let socket = try TCPSocket(address)
        var router = ControlRouter(logger: logger, explain: explain)
        router.onMetrics(metrics)
        self.address = socket.address
        self.logger = logger
        // Unlike the engine, a client that reads may find its connection closed.
        server = SocketServer(socket: socket, logger: logger, idleTimeout: .seconds(120)) { [router] in
            await router.answer($0)
        }
    }

    /// Serves until graceful shutdown. To be called once.
    public func run() async throws {
        do {
            try await server.run()
        } catch let error as CancellationError {
            throw error
        } catch {
            logger.error("Cannot serve metrics any longer", error: error, metadata: ["address": "\(address)"])
            try await gracefulShutdown()
        }
    }
}
