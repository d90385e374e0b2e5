// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Server's end")
struct LifecycleTests {
    private let wait = "POST /Test.Wait HTTP/1.1\r\nHost: \r\nContent-Length: 0\r\n\r\n"
    private let echo = "POST /Test.Echo HTTP/1.1\r\nHost: \r\nContent-Length: 13\r\n\r\n{\"Text\":\"ab\"}"

    @Test func `a request in hand is finished and answered before the server ends`() async throws {
        try await TestServer.run { server in
            let connection = try server.connect()
            try await connection.send(wait)
            #expect(try await eventually { await server.work.begun == 1 })
            await server.beginStop()
            // Nobody new gets in meanwhile.
            #expect(try await eventually { (try? server.connect()) == nil })
            #expect(await server.work.done == 0)
            await server.work.release()
            #expect(try await connection.reply().text == #"{"Cancelled":false}"#)
            #expect(try await connection.isClosedByServer())
            try await server.stop()
        }
    }

    @Test func `idle connections are closed at the end`() async throws {
        try await TestServer.run { server in
            let new = try server.connect()
            let used = try server.connect()
            try await used.send(echo)
            #expect(try await used.reply().status == 200)
            try await server.stop()
            #expect(try await new.isClosedByServer())
            #expect(try await used.isClosedByServer())
        }
    }

    @Test func `the socket is removed at the end`() async throws {
        try await TestServer.run { server in
            #expect(FileManager.default.fileExists(atPath: server.path))
            try await server.stop()
            #expect(!FileManager.default.fileExists(atPath: server.path))
        }
    }

    @Test func `a method runs to its end though its client is gone`() async throws {
        try await TestServer.run { server in
            var connection: Connection? = try server.connect()
            try await connection?.send(wait)
            #expect(try await eventually { await server.work.begun == 1 })
            connection = nil
            await server.work.release()
            #expect(try await eventually { await server.work.done == 1 })
        }
    }

    @Test func `a method runs to its end though the server is cancelled`() async throws {
        try await TestServer.run { server in
            let connection = try server.connect()
            try await connection.send(wait)
            #expect(try await eventually { await server.work.begun == 1 })
            server.cancel()
            await server.work.release()
            #expect(try await eventually { await server.work.done == 1 })
        }
    }

    private static let halves = [
        "POST /Test.Echo HTTP/1.1\r\nHo",
        "POST /Test.Echo HTTP/1.1\r\nHost: \r\nContent-Length: 13\r\n\r\n{\"Te",
    ]

    /// A service group cancels what a graceful shutdown has not ended in time.
    @Test(.timeLimit(.minutes(10)), arguments: halves)
    func `a request of which only half has come does not hold up a server that is cancelled`(half: String) async throws
    {
        try await TestServer.run { server in
            let connection = try server.connect()
            try await connection.send(half)
            // Answered by the same thread, so it has seen the half by now.
            let other = try server.connect()
            try await other.send(echo)
            #expect(try await other.reply().status == 200)

            await server.beginStop()
            #expect(try await other.isClosedByServer())
            server.cancel()
            #expect(try await connection.isClosedByServer())
            try await server.stop()
        }
    }
}
