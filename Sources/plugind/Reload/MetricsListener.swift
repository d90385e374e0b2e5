// SPDX-License-Identifier: Apache-2.0

import Addressing
import Control
import Logging
import PluginKit
import PluginServer
import ServiceLifecycle

/// Serves metrics over TCP, at an address that may change, or nowhere.
final class MetricsListener: Service {
    private let metrics: Metrics
    private let logger: Logger
    /// What is to be served, one after the other; nil: nothing.
    private let servers: AsyncStream<MetricsServer?>
    private let continuation: AsyncStream<MetricsServer?>.Continuation

    init(metrics: Metrics, logger: Logger) {
        self.metrics = metrics
        self.logger = logger
        (servers, continuation) = AsyncStream.makeStream()
    }

    /// Claims an address; nil for nil. What is returned must be given to `serve`.
    func claim(_ address: ListenAddress?) throws(SocketError) -> MetricsServer? {
        guard let address else { return nil }
        return try MetricsServer(
            address: address, metrics: metrics, logger: logger, explain: MethodTable.Explanation.init(of:))
    }

    /// Serves this from now on, in place of what was served.
    func serve(_ server: MetricsServer?) {
        if let server, !server.address.address.isLoopback {
            logger.notice(
                "Metrics are served to everybody who reaches this address",
                metadata: ["address": "\(server.address)"])
        }
        continuation.yield(server)
    }

    /// Serves at `address` from now on. One that cannot be had is logged and done without: containers do not need it.
    /// Returns where it serves.
    func start(at address: ListenAddress?) -> ListenAddress? {
        do throws(SocketError) {
            serve(try claim(address))
            return address
        } catch {
            logger.error(
                "Cannot serve metrics, going on without", error: error,
                metadata: ["address": "\(address.map(\.description) ?? "")"])
            return nil
        }
    }

    func run() async throws {
        var serving: Task<Void, any Error>?
        for await server in servers.cancelOnGracefulShutdown() {
            serving?.cancel()
            _ = await serving?.result
            serving = server.map { server in Task { try await server.run() } }
        }
        // The task knows of the shutdown, too.
        guard let serving else { return }
        await withTaskCancellationHandler {
            _ = await serving.result
        } onCancel: {
            serving.cancel()
        }
    }
}
