// SPDX-License-Identifier: Apache-2.0

import Foundation
import Logging
import PluginKit
import PluginServer
import ServiceLifecycle

/// A directory of its own, deleted in the end.
func withDirectory<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    let name = "plugind-\(UUID().uuidString.prefix(8))"
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent(name)
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: directory) }
    return try await body(directory.path)
}

/// A running server.
struct TestServer: Sendable {
    let path: String
    let work: Work
    private let services: ServiceGroup
    private let running: Task<Void, any Error>

    /// Runs `body` against a server and stops it.
    static func run(_ body: (TestServer) async throws -> Void) async throws {
        try await withDirectory { directory in
            try await run(on: UnixSocket(directory: directory, name: "test"), body)
        }
    }

    /// Runs `body` against a server on `socket` and stops it.
    static func run(
        on socket: any ListeningSocket, tls: ServerTLS? = nil, _ body: (TestServer) async throws -> Void
    ) async throws {
        let server = TestServer(socket: socket, tls: tls)
        do {
            try await body(server)
        } catch {
            server.running.cancel()
            throw error
        }
        try await server.stop()
    }

    private init(socket: any ListeningSocket, tls: ServerTLS?) {
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let work = Work()
        var methods = MethodTable(logger: quiet, explain: { _ in nil })
        methods.on(Echo.self) { request in Echo.Reply(length: request.text.utf8.count) }
        methods.on(AnsweringThread.self) { _ in AnsweringThread.Reply(number: AnsweringThread.current) }
        methods.on(Wait.self) { _ in
            await work.wait()
            return Wait.Reply(isCancelled: Task.isCancelled)
        }
        let services = ServiceGroup(
            services: [PluginServer(socket: socket, tls: tls, methods: methods, logger: quiet)], logger: quiet)
        path = socket.path
        self.work = work
        self.services = services
        running = Task { try await services.run() }
    }

    func connect() throws -> Connection {
        try Connection(to: path)
    }

    /// Asks for graceful shutdown, without waiting for it.
    func beginStop() async {
        await services.triggerGracefulShutdown()
    }

    /// Stops and waits until the server has ended.
    func stop() async throws {
        await beginStop()
        do {
            try await running.value
        } catch is CancellationError {
            // What the test wanted.
        }
    }

    /// Cancels the server's task, which is not how it should be stopped.
    func cancel() {
        running.cancel()
    }
}

/// What the method Test.Wait does: it waits until it is let go.
actor Work {
    private(set) var begun = 0
    private(set) var done = 0
    private var isReleased = false

    func wait() async {
        begun += 1
        while !isReleased {
            // Not cut short by cancellation, as a sleep would be.
            await Task { try? await Task.sleep(for: .milliseconds(5)) }.value
        }
        done += 1
    }

    func release() {
        isReleased = true
    }
}

/// Waits for something to become true, for two minutes at most.
func eventually(_ condition: () async throws -> Bool) async throws -> Bool {
    let deadline = ContinuousClock.now + .seconds(120)
    while ContinuousClock.now < deadline {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(10))
    }
    return try await condition()
}

struct Echo: PluginMethod {
    static let name = "Test.Echo"
    var text: String

    enum CodingKeys: String, CodingKey {
        case text = "Text"
    }

    struct Reply: Codable, Sendable {
        var length: Int

        enum CodingKeys: String, CodingKey {
            case length = "Length"
        }
    }
}

/// Answers which thread it is answered on.
struct AnsweringThread: PluginMethod {
    static let name = "Test.Thread"
    static let hasArguments = false

    static var current: UInt { UInt(pthread_self()) }

    struct Reply: Codable, Sendable {
        var number: UInt
    }
}

struct Wait: PluginMethod {
    static let name = "Test.Wait"
    static let hasArguments = false

    struct Reply: Codable, Sendable {
        var isCancelled: Bool

        enum CodingKeys: String, CodingKey {
            case isCancelled = "Cancelled"
        }
    }
}
