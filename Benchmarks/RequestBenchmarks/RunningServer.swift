// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import Logging
import PluginKit
import PluginServer
import ServiceLifecycle

enum RunningServer {
    /// Serves `methods` on a unix socket of its own while `body` runs, which is given the socket's path.
    static func run(_ methods: MethodTable, _ body: (String) async throws -> Void) async throws {
        let quiet = Logger(label: "benchmark") { _ in SwiftLogNoOpLogHandler() }
        let directory = FileManager.default.temporaryDirectory
            .appending(path: "plugind-benchmark-\(UInt64.random(in: 0...UInt64.max))")
        defer { try? FileManager.default.removeItem(at: directory) }
        let socket = try UnixSocket(directory: directory.path, name: "benchmark")
        let services = ServiceGroup(
            services: [PluginServer(socket: socket, methods: methods, logger: quiet)], logger: quiet)
        async let running: Void = services.run()
        let result: Result<Void, any Error>
        do {
            result = .success(try await body(socket.path))
        } catch {
            result = .failure(error)
        }
        await services.triggerGracefulShutdown()
        try await running
        try result.get()
    }
}
