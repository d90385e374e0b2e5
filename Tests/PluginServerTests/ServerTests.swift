// SPDX-License-Identifier: Apache-2.0

import Foundation
import HummingbirdCore
import Testing

@Suite("Server")
struct ServerTests {
    /// As sent by engines up to 20.10.25, 23.0.6 and 24.0.4: the Host header is empty, there is no Content-Type.
    private static let oldEngine = """
        POST /Test.Echo HTTP/1.1\r\nHost: \r\nUser-Agent: Go-http-client/1.1\r\nContent-Length: 14\r\n\
        Accept: application/vnd.docker.plugins.v1.2+json\r\n\r\n{"Text":"ab"}\n
        """
    private static let newEngine = oldEngine.replacingOccurrences(of: "Host: ", with: "Host: plugin.moby.localhost")

    private func request(_ method: String = "POST", _ path: String = "/Test.Echo", body: String? = nil) -> String {
        "\(method) \(path) HTTP/1.1\r\nHost:\r\n"
            + (body.map { "Content-Length: \($0.utf8.count)\r\n\r\n\($0)" } ?? "\r\n")
    }

    @Test(arguments: [oldEngine, newEngine])
    func `an engine's request is answered`(request: String) async throws {
        try await TestServer.run { server in
            let connection = try server.connect()
            try await connection.send(request)
            let reply = try await connection.reply()
            #expect(reply.status == 200)
            #expect(reply.text == #"{"Length":2}"#)
            #expect(reply.headers["content-type"] == "application/vnd.docker.plugins.v1.2+json")
            #expect(reply.headers["content-length"] == "12")
        }
    }

    @Test func `a connection serves one request after the other`() async throws {
        try await TestServer.run { server in
            let connection = try server.connect()
            for length in 0..<50 {
                try await connection.send(request(body: #"{"Text":"\#(String(repeating: "x", count: length))"}"#))
                #expect(try await connection.reply().text == #"{"Length":\#(length)}"#)
            }
        }
    }

    /// The engine keeps connections for minutes and reuses them.
    @Test func `a connection that was idle for seconds is answered`() async throws {
        try await TestServer.run { server in
            let new = try server.connect()
            let used = try server.connect()
            try await used.send(Self.newEngine)
            #expect(try await used.reply().status == 200)
            try await Task.sleep(for: .seconds(3))
            for connection in [new, used] {
                try await connection.send(Self.newEngine)
                #expect(try await connection.reply().status == 200)
            }
        }
    }

    @Test func `a channel as the server makes it has no idle timeout`() {
        #expect(HTTP1Channel(responder: { _, _, _ in }).configuration.idleTimeout == nil)
    }

    @Test func `requests sent in one go are answered in order`() async throws {
        try await TestServer.run { server in
            let connection = try server.connect()
            try await connection.send(
                (1...20).map { request(body: #"{"Text":"\#(String(repeating: "x", count: $0))"}"#) }.joined())
            for length in 1...20 {
                #expect(try await connection.reply().text == #"{"Length":\#(length)}"#)
            }
        }
    }

    @Test func `a request may come in small pieces`() async throws {
        try await TestServer.run { server in
            let connection = try server.connect()
            for byte in Self.oldEngine.utf8 {
                try await connection.send([byte])
            }
            #expect(try await connection.reply().text == #"{"Length":2}"#)
        }
    }

    @Test func `a chunked body is read like any other`() async throws {
        try await TestServer.run { server in
            let connection = try server.connect()
            try await connection.send("POST /Test.Echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            try await connection.send("5\r\n{\"Tex\r\n")
            try await connection.send("8\r\nt\":\"abc\"\r\n1\r\n}\r\n0\r\n\r\n")
            #expect(try await connection.reply().text == #"{"Length":3}"#)
        }
    }

    @Test func `an empty body where arguments are needed is refused and the connection stays`() async throws {
        try await TestServer.run { server in
            let connection = try server.connect()
            try await connection.send(request(body: ""))
            let refused = try await connection.reply()
            #expect(refused.status == 400)
            #expect(refused.text.contains("the request body is empty; field Text is missing"))
            try await connection.send(request(body: #"{"Text":""}"#))
            #expect(try await connection.reply().status == 200)
        }
    }

    @Test func `an unknown path is 404 in JSON`() async throws {
        try await TestServer.run { server in
            let connection = try server.connect()
            try await connection.send(request("POST", "/Test.Nothing", body: "{}"))
            let reply = try await connection.reply()
            #expect(reply.status == 404)
            let text = "/Test.Nothing is not a method of this plugin"
            #expect(reply.text == #"{"Err":"\#(text)","Error":"\#(text)"}"#)
        }
    }

    @Test func `a web page is not answered`() async throws {
        try await TestServer.run { server in
            let connection = try server.connect()
            try await connection.send(
                "POST /Test.Echo HTTP/1.1\r\nHost:\r\nOrigin: https://example.com\r\nContent-Length: 13\r\n\r\n"
                    + #"{"Text":"ab"}"#)
            let reply = try await connection.reply()
            #expect(reply.status == 403)
            #expect(reply.text == "not for web pages\n")
        }
    }

    @Test func `a query is ignored`() async throws {
        try await TestServer.run { server in
            let connection = try server.connect()
            try await connection.send(request("POST", "/Test.Echo?x=/Test.Wait#y", body: #"{"Text":"abc"}"#))
            #expect(try await connection.reply().text == #"{"Length":3}"#)
        }
    }

    @Test(arguments: ["GET", "PUT", "DELETE", "OPTIONS", "PATCH"])
    func `a method other than POST is 405 and says what is allowed`(method: String) async throws {
        try await TestServer.run { server in
            let connection = try server.connect()
            try await connection.send(request(method, "/Test.Echo", body: "{}"))
            let reply = try await connection.reply()
            #expect(reply.status == 405)
            #expect(reply.headers["allow"] == "POST")
            let text = "\(method) is not allowed, only POST is"
            #expect(reply.text == #"{"Err":"\#(text)","Error":"\#(text)"}"#)
            try await connection.send(Self.oldEngine)
            #expect(try await connection.reply().status == 200)
        }
    }

    @Test func `HEAD is 405 without a body`() async throws {
        try await TestServer.run { server in
            let connection = try server.connect()
            try await connection.send(request("HEAD"))
            let reply = try await connection.reply(toHead: true)
            #expect(reply.status == 405)
            #expect(reply.headers["allow"] == "POST")
            try await connection.send(Self.oldEngine)
            #expect(try await connection.reply().status == 200)
        }
    }

    @Test func `a body of 1 MiB is accepted`() async throws {
        try await TestServer.run { server in
            let connection = try server.connect()
            let count = (1 << 20) - #"{"Text":""}"#.utf8.count
            try await connection.send(request(body: #"{"Text":"\#(String(repeating: "x", count: count))"}"#))
            #expect(try await connection.reply().text == #"{"Length":\#(count)}"#)
        }
    }

    @Test(arguments: [(1 << 20) + 1, 8 << 20])
    func `a body of more than 1 MiB is refused in words and the connection is closed`(count: Int) async throws {
        try await TestServer.run { server in
            let connection = try server.connect()
            try await connection.send(request(body: String(repeating: "x", count: count)))
            let reply = try await connection.reply()
            #expect(reply.status == 400)
            #expect(reply.text.contains("the request body has more than 1048576 bytes"))
            #expect(reply.headers["connection"] == "close")
            #expect(try await connection.isClosedByServer())
        }
    }

    @Test func `a body that never ends is refused while it comes`() async throws {
        try await TestServer.run { server in
            let connection = try server.connect()
            try await connection.send("POST /Test.Echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            let chunk = Array("10000\r\n\(String(repeating: "x", count: 0x10000))\r\n".utf8)
            await #expect(throws: ConnectionError.self) {
                while true {
                    try await connection.send(chunk)
                }
            }
            #expect(try await connection.reply().status == 400)
        }
    }

    @Test func `what is not HTTP is refused and harms nobody else`() async throws {
        try await TestServer.run { server in
            let other = try server.connect()
            let connection = try server.connect()
            try await connection.send("\u{16}\u{3}\u{1} hello\r\n\r\n")
            #expect(try await connection.reply().status == 400)
            connection.finish()
            try await other.send(Self.oldEngine)
            #expect(try await other.reply().status == 200)
        }
    }

    @Test func `a client that closes its sending half gets its answer`() async throws {
        try await TestServer.run { server in
            let connection = try server.connect()
            try await connection.send(Self.oldEngine)
            connection.finish()
            #expect(try await connection.reply().status == 200)
            #expect(try await connection.isClosedByServer())
        }
    }

    @Test func `many connections are served at once`() async throws {
        try await TestServer.run { server in
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<40 {
                    group.addTask {
                        let connection = try server.connect()
                        for _ in 0..<10 {
                            try await connection.send(Self.newEngine)
                            guard try await connection.reply().status == 200 else { return 0 }
                        }
                        return 1
                    }
                }
                let served = try await group.reduce(0, +)
                #expect(served == 40)
            }
        }
    }

    /// Nobody else has to be woken for what needs no owner.
    @Test func `a request begins to be answered on the thread that reads it`() async throws {
        try await TestServer.run { server in
            var threads: Set<String> = []
            for _ in 0..<5 {
                let connection = try server.connect()
                for _ in 0..<20 {
                    try await connection.send(request("POST", "/Test.Thread", body: ""))
                    threads.insert(try await connection.reply().text)
                }
            }
            #expect(threads.count == 1)
        }
    }

    @Test func `a method that takes long holds up nobody else`() async throws {
        try await TestServer.run { server in
            let slow = try server.connect()
            try await slow.send(request("POST", "/Test.Wait", body: ""))
            #expect(try await eventually { await server.work.begun == 1 })
            let quick = try server.connect()
            try await quick.send(Self.oldEngine)
            #expect(try await quick.reply().status == 200)
            await server.work.release()
            #expect(try await slow.reply().status == 200)
        }
    }
}
