// SPDX-License-Identifier: Apache-2.0

import Addressing
import Foundation
import NIOCore
import NIOSSL
import Testing

@testable import PluginServer

@Suite("Server over TLS")
struct TLSTests {
    private static let echo =
        "POST /Test.Echo HTTP/1.1\r\nHost: \r\nContent-Length: 13\r\n\r\n{\"Text\":\"ab\"}"
    private static let answer = #"{"Length":2}"#

    /// Runs `body` against a server whose clients need a certificate of the CA `ca`.
    private func run(
        on host: String = "127.0.0.1", patience: Duration = .seconds(600), clientCA: String? = Certificates.authority,
        _ body: (TestServer, ListenAddress, ServerTLS, Certificates) async throws -> Void
    ) async throws {
        try await withDirectory { directory in
            let certificates = try Certificates(in: directory)
            let tls = try ServerTLS(certificates.files(clientCA: clientCA), patience: patience)
            let socket = try TCPSocket(ListenAddress(address: try #require(IPAddress(host)), port: 0))
            try await TestServer.run(on: socket, tls: tls) { server in
                try await body(server, socket.address, tls, certificates)
            }
        }
    }

    @Test(arguments: ["127.0.0.1", "::1"], [TLSVersion.tlsv12, .tlsv13])
    func `a client with a certificate of the CA is answered`(host: String, version: TLSVersion) async throws {
        try await run(on: host) { _, address, _, certificates in
            try certificates.make("engine", for: .client)
            var client = try TLSClient(address, certificates, showing: "engine")
            client.configuration?.minimumTLSVersion = version
            client.configuration?.maximumTLSVersion = version
            #expect(try await client.answer(to: Self.echo).hasSuffix(Self.answer))
        }
    }

    @Test func `without a CA for clients everybody is answered`() async throws {
        try await run(clientCA: nil) { _, address, _, certificates in
            let client = try TLSClient(address, certificates)
            #expect(try await client.answer(to: Self.echo).hasSuffix(Self.answer))
        }
    }

    private static let strangers: [@Sendable (Certificates) throws -> String?] = [
        { _ in nil },
        {
            try $0.make("client", for: .client, by: "other-ca")
            return "client"
        },
        {
            try $0.make("client", for: .client, days: -1)
            return "client"
        },
        // The listener's own certificate, say: whoever stole it is no engine.
        { _ in "server" },
    ]

    @Test(arguments: strangers.indices, [TLSVersion.tlsv12, .tlsv13])
    func `a client without a certificate, or with another's, an expired one or one for servers, gets no answer`(
        stranger: Int, version: TLSVersion
    ) async throws {
        try await run { server, address, _, certificates in
            var client = try TLSClient(
                address, certificates, showing: try Self.strangers[stranger](certificates))
            client.configuration?.minimumTLSVersion = version
            client.configuration?.maximumTLSVersion = version
            await #expect(throws: (any Error).self) {
                let answer = try await client.answer(to: "POST /Test.Wait HTTP/1.1\r\nHost: \r\n\r\n")
                #expect(answer == "")
                // Some ends of a connection are no error for who reads.
                throw ConnectionError(description: "closed")
            }
            #expect(await server.work.begun == 0)
        }
    }

    @Test(arguments: [TLSVersion.tlsv1, .tlsv11]) func `an old version of TLS is refused`(version: TLSVersion)
        async throws
    {
        try await run(clientCA: nil) { _, address, _, certificates in
            var client = try TLSClient(address, certificates)
            client.configuration?.maximumTLSVersion = version
            await #expect(throws: (any Error).self) { _ = try await client.answer(to: Self.echo) }
        }
    }

    @Test(arguments: ["ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA"])
    func `an old cipher is refused`(cipher: String) async throws {
        try await run(clientCA: nil) { _, address, _, certificates in
            var client = try TLSClient(address, certificates)
            client.configuration?.maximumTLSVersion = .tlsv12
            client.configuration?.cipherSuites = cipher
            await #expect(throws: (any Error).self) { _ = try await client.answer(to: Self.echo) }
        }
    }

    @Test func `a client that speaks no TLS gets no answer, and the next client does`() async throws {
        try await run(clientCA: nil) { _, address, _, certificates in
            let nothing = try await TLSClient(plain: address).answer(to: Self.echo)
            #expect(nothing == "")
            let answer = try await TLSClient(address, certificates).answer(to: Self.echo)
            #expect(answer.hasSuffix(Self.answer))
        }
    }

    @Test func `a client that does not begin to speak TLS is not waited for`() async throws {
        try await run(patience: .milliseconds(50)) { _, address, _, _ in
            let silent = try await TLSClient(plain: address).connect()
            try await silent.executeThenClose { inbound, _ in
                for try await _ in inbound { Issue.record("something came") }
            }
        }
    }

    @Test func `a connection may stay idle after its handshake`() async throws {
        try await run(patience: .milliseconds(200), clientCA: nil) { _, address, _, certificates in
            try await TLSClient(address, certificates).connect().executeThenClose { inbound, outbound in
                var parts = inbound.makeAsyncIterator()
                for _ in 1...3 {
                    try await outbound.write(ByteBuffer(string: Self.echo))
                    #expect(String(buffer: try #require(try await parts.next())).hasSuffix(Self.answer))
                    try await Task.sleep(for: .milliseconds(300))
                }
            }
        }
    }

    @Test func `idle connections and strangers do not hold up the end`() async throws {
        try await run(clientCA: nil) { server, address, _, certificates in
            let stranger = try await TLSClient(plain: address).connect()
            try await stranger.executeThenClose { _, _ in
                try await TLSClient(address, certificates).connect().executeThenClose { inbound, outbound in
                    var parts = inbound.makeAsyncIterator()
                    try await outbound.write(ByteBuffer(string: Self.echo))
                    _ = try await parts.next()
                    try await server.stop()
                }
            }
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `half a request over TLS does not hold up a server that is cancelled`() async throws {
        try await run(clientCA: nil) { server, address, _, certificates in
            try await TLSClient(address, certificates).connect().executeThenClose { _, outbound in
                try await outbound.write(ByteBuffer(string: "POST /Test.Echo HTTP/1.1\r\nHo"))
                // Accepted after the half, so that is in hand by now.
                let answer = try await TLSClient(address, certificates).answer(to: Self.echo)
                #expect(answer.hasSuffix(Self.answer))
                await server.beginStop()
                server.cancel()
                try await server.stop()
            }
        }
    }

    @Test func `new connections see the files that were read anew, and bad files change nothing`() async throws {
        try await run { _, address, tls, certificates in
            try certificates.make("engine", for: .client)
            try certificates.make("new-engine", for: .client, by: "other-ca")
            let old = try TLSClient(address, certificates, showing: "engine")
            let new = try TLSClient(address, certificates, showing: "new-engine")
            try "nothing".write(toFile: certificates.path("bad"), atomically: true, encoding: .utf8)
            #expect(throws: TLSError.self) { try ServerTLS(certificates.files(clientCA: "bad")) }
            #expect(try await old.answer(to: Self.echo).hasSuffix(Self.answer))
            try await old.connect().executeThenClose { inbound, outbound in
                var parts = inbound.makeAsyncIterator()
                try await outbound.write(ByteBuffer(string: Self.echo))
                #expect(try await parts.next() != nil)
                tls.take(try ServerTLS(certificates.files(clientCA: "other-ca")))
                // What was there before is still answered.
                try await outbound.write(ByteBuffer(string: Self.echo))
                #expect(try await parts.next() != nil)
            }
            #expect(try await new.answer(to: Self.echo).hasSuffix(Self.answer))
            let answer = try? await old.answer(to: Self.echo)
            #expect(answer ?? "" == "")
        }
    }
}
