// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOPosix
import PluginServer
import Testing

@testable import Control

@Suite("Control client")
struct ClientTests {
    @Test func `a socket that is not there is told, and the exit code is 3`() async {
        let failure = await failure { try await ControlClient(socket: "/nonexistent/control.sock").pools() }
        #expect(
            failure?.description
                == "cannot reach plugind at /nonexistent/control.sock: there is no such socket; plugind does not run, "
                + "or serves another one")
        #expect(failure?.exitCode == 3)
    }

    @Test func `a socket at which nobody listens is told`() async throws {
        try await withDirectory { directory in
            let path = "\(directory)/control.sock"
            do {
                let socket = try UnixSocket(path: "\(directory)/other.sock", mode: 0o600)
                #expect(link(socket.path, path) == 0)
            }
            let failure = await failure { try await ControlClient(socket: path, deadline: .seconds(600)).pools() }
            #expect(
                failure?.description
                    == "cannot reach plugind at \(path): nobody listens there; plugind does not run")
            #expect(failure?.exitCode == 3)
        }
    }

    @Test func `a socket that one may not use is told`() {
        let failure = ControlFailure(socket: "/run/plugind/control.sock", connectError: EACCES)
        #expect(
            failure.description
                == "cannot reach plugind at /run/plugind/control.sock: permission denied; it is for the user that "
                + "plugind runs as, usually root")
        #expect(failure.exitCode == 3)
    }

    @Test(.enabled(if: getuid() != 0, "root may use every socket"))
    func `a socket without rights cannot be used`() async throws {
        try await withDirectory { directory in
            let path = "\(directory)/control.sock"
            let socket = try UnixSocket(path: path, mode: 0)
            let failure = await failure { try await ControlClient(socket: path, deadline: .seconds(600)).pools() }
            #expect(failure == ControlFailure(socket: path, connectError: EACCES))
            close(socket.takeListener())
        }
    }

    @Test func `a path that is too long for a socket is told`() async {
        let path = "/" + String(repeating: "n", count: 200)
        let failure = await failure { try await ControlClient(socket: path, deadline: .seconds(600)).pools() }
        #expect(failure == .notReachable(socket: path, reason: "the path is too long for a socket"))
    }

    private static let answers = [
        (200, "{}", "the answer to GET /pools is not what was expected: field pools is missing"),
        (200, "no", "the answer to GET /pools is not what was expected: "),
        (500, "no", "GET /pools was answered 500"),
    ]

    @Test(arguments: answers)
    func `what is no answer of plugind is told, and the exit code is 1`(
        status: Int, body: String, words: String
    ) async throws {
        try await withDirectory { directory in
            let path = "\(directory)/control.sock"
            let server = SocketServer(socket: try UnixSocket(path: path, mode: 0o600), logger: .silent) { _ in
                SocketReply(status: status, contentType: "text/plain", body: Array(body.utf8))
            }
            try await running(server) {
                let failure = await failure { try await ControlClient(socket: path, deadline: .seconds(600)).pools() }
                #expect(failure?.description.hasPrefix("plugind at \(path): \(words)") == true)
                #expect(failure?.exitCode == 1)
            }
        }
    }

    @Test func `a connection that ends before the answer is told`() async throws {
        try await withListener({ $0.close() }) { path in
            let failure = await failure { try await ControlClient(socket: path, deadline: .seconds(600)).pools() }
            #expect(failure?.exitCode == 1)
            #expect(failure?.description.hasPrefix("plugind at \(path): ") == true)
        }
    }

    @Test func `an answer that does not come is not waited for longer than the deadline`() async throws {
        try await withListener({ $0.eventLoop.makeSucceededVoidFuture() }) { path in
            let client = ControlClient(socket: path, deadline: .milliseconds(50))
            let failure = await failure { try await client.pools() }
            #expect(failure == .unusable(socket: path, reason: "GET /v1/pools was not answered within 0.05 seconds"))
        }
    }

    /// Somebody who accepts connections and does nothing else but `greet` them.
    private func withListener(
        _ greet: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>, _ body: (String) async throws -> Void
    ) async throws {
        try await withDirectory { directory in
            let path = "\(directory)/control.sock"
            let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            let listener = try await ServerBootstrap(group: group)
                .childChannelInitializer(greet)
                .bind(unixDomainSocketPath: path).get()
            try await body(path)
            try await listener.close()
            try await group.shutdownGracefully()
        }
    }
}
