// SPDX-License-Identifier: Apache-2.0

public import Logging
public import PluginServer
public import ServiceLifecycle

/// Serves the control API on a unix socket that is its owner's alone.
///
/// Containers do not need it: if it ends before its time, that is logged, and the daemon goes on.
public struct ControlServer: Service {
    /// Where clients find it.
    public let path: String
    private let server: SocketServer
    private let logger: Logger

    /// Claims `path`, an absolute one, with mode 0600. Makes its directory, with mode 0755, if it is missing, and replaces
    /// a dead socket. Calls that come before `run()` wait.
    public init(path: String, router: ControlRouter, logger: Logger) throws(SocketError) {
        let socket = try UnixSocket(path: path, mode: 0o600)
        self.path = path
        self.logger = logger
        server = SocketServer(socket: socket, logger: logger) { await router.answer($0) }
    }

    /// Serves until graceful shutdown. To be called once.
    public func run() async throws {
        do {
            try await server.run()
        } catch let error as CancellationError {
            throw error
        } catch {
            logger.error("Cannot serve the control socket any longer", error: error, metadata: ["socket": "\(path)"])
            try await gracefulShutdown()
        }
    }
}
