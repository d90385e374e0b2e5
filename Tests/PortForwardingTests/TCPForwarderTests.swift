// SPDX-License-Identifier: Apache-2.0

import Addressing
import Foundation
import HostNetwork
import Testing

@testable import PortForwarding

@Suite(.timeLimit(.minutes(10)), .needsSocketFilters) struct TCPForwarderTests {
    let ports = HeldPorts.make()
    let container: Peer

    init() throws {
        container = try Peer(.tcp, at: .loopback4)
    }

    /// Bytes that show when one is missing or out of place.
    private static func sample(_ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    }

    /// Both ends of a connection over a forwarded port.
    private func connection(at address: IPAddress = .loopback4) throws -> (client: Peer, inside: Peer) {
        let client = try Peer(.tcp, to: address, port: ports.forward(.tcp, at: address, to: container))
        return (client, try container.accept())
    }

    @Test(.needsIPv6) func `a client over IPv6 reaches a container that has only IPv4`() throws {
        let (client, inside) = try connection(at: .loopback6)
        try client.send("question")
        #expect(try inside.text() == "question")
        try inside.send("answer")
        #expect(try client.text() == "answer")
    }

    @Test func `each client has its own connection`() throws {
        let port = try ports.forward(.tcp, at: .all4, to: container)
        for name in ["one", "two", "three"] {
            let client = try Peer(.tcp, to: .other4, port: port)
            let inside = try container.accept()
            try client.send(name)
            #expect(try inside.text() == name)
        }
    }

    @Test func `what is long arrives whole, both ways at once`() async throws {
        let (client, inside) = try connection()
        let sample = Self.sample(16 << 20)
        async let up: Void = onThread {
            try client.send(sample)
            client.finish()
        }
        async let down: Void = onThread {
            try inside.send(sample)
            inside.finish()
        }
        async let outside = onThread { try client.rest() }
        async let received = onThread { try inside.rest() }
        _ = try await (up, down)
        let isWhole = try await (outside == sample, received == sample)
        #expect(isWhole == (true, true))
    }

    @Test func `a client that has said all still gets its answer`() throws {
        let (client, inside) = try connection()
        try client.send("question")
        client.finish()
        #expect(try String(decoding: inside.rest(), as: UTF8.self) == "question")
        try inside.send("answer")
        inside.finish()
        #expect(try String(decoding: client.rest(), as: UTF8.self) == "answer")
    }

    @Test func `a container that has said all still hears the client`() throws {
        let (client, inside) = try connection()
        try inside.send("greeting")
        inside.finish()
        #expect(try String(decoding: client.rest(), as: UTF8.self) == "greeting")
        try client.send("thanks")
        client.finish()
        #expect(try String(decoding: inside.rest(), as: UTF8.self) == "thanks")
    }

    @Test func `a client that has said all and reads slowly gets all of a long answer`() async throws {
        let (client, inside) = try connection()
        client.finish()
        #expect(try inside.rest().isEmpty)
        let sample = Self.sample(8 << 20)
        // Much of it still waits in the forwarder when the container has closed its connection.
        async let sent: Void = onThread {
            try inside.send(sample)
            inside.finish()
        }
        #expect(client.waits(for: CInt(POLLIN), milliseconds: 120_000))
        let isWhole = try await onThread { try client.rest(atMost: 4096) } == sample
        try await sent
        #expect(isWhole)
    }

    @Test func `a container that does not read slows its client down`() async throws {
        let (client, inside) = try connection()
        let piece = Self.sample(1 << 16)
        var count = 0
        // The kernel's buffers on the way hold some.
        while client.waits(for: CInt(POLLOUT), milliseconds: 1000), count < 256 << 20 {
            count += max(send(client.descriptor, piece, piece.count, CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL)), 0)
        }
        #expect(count < 256 << 20)
        client.finish()
        let received = try await onThread { try inside.rest().count }
        #expect(received == count)
    }

    @Test(.needsOuterAddress) func `a client that is not in the list is closed`() throws {
        let stranger = try #require(Machine.outerAddress)
        let list = [try #require(Prefix("198.51.100.0/24"))]
        let port = try ports.forward(.tcp, at: .loopback4, to: container, clients: list)
        #expect(try Peer(.tcp, to: .loopback4, port: port, from: stranger).isEnded())
        // The host itself gets through, and is the first that the container sees.
        let host = try Peer(.tcp, to: .loopback4, port: port)
        let inside = try container.accept()
        try host.send("host")
        #expect(try inside.text() == "host")
    }

    @Test(.needsOuterAddress) func `a client that is in the list gets through`() throws {
        let friend = try #require(Machine.outerAddress)
        let list = [try #require(Prefix(base: friend, length: 32))]
        let port = try ports.forward(.tcp, at: .loopback4, to: container, clients: list)
        let client = try Peer(.tcp, to: .loopback4, port: port, from: friend)
        try client.send("friend")
        #expect(try container.accept().text() == "friend")
    }

    @Test func `a client whose container refuses is closed`() throws {
        let port = try {
            let container = try Peer(.tcp, at: .loopback4)
            return try ports.forward(.tcp, at: .loopback4, to: container)
        }()
        #expect(try Peer(.tcp, to: .loopback4, port: port).isEnded())
    }

    @Test func `a client is closed when there are too many`() async throws {
        // One descriptor for each half of a connection.
        let ports = HeldPorts.make(budget: DescriptorBudget(3))
        let port = try ports.forward(.tcp, at: .loopback4, to: container)
        var first: Peer? = try Peer(.tcp, to: .loopback4, port: port)
        var inside: Peer? = try container.accept()
        #expect(try Peer(.tcp, to: .loopback4, port: port).isEnded())
        try first?.send("still there")
        #expect(try inside?.text() == "still there")
        first = nil
        inside = nil
        #expect(
            try await eventually {
                guard let next = try? Peer(.tcp, to: .loopback4, port: port) else { return false }
                return !next.waits(for: CInt(POLLIN), milliseconds: 100)
            })
        await ports.close()
    }

    @Test(arguments: [false, true]) func `a connection that one side resets ends for the other`(
        isClient: Bool
    ) throws {
        let (client, inside) = try connection()
        try client.send("hello")
        #expect(try inside.text() == "hello")
        (isClient ? client : inside).reset()
        #expect(try (isClient ? inside : client).isEnded())
    }

    @Test func `a release ends connections and frees the port at once`() throws {
        let port = try ports.forward(.tcp, at: .loopback4, to: container)
        let client = try Peer(.tcp, to: .loopback4, port: port)
        let inside = try container.accept()
        try client.send("hello")
        #expect(try inside.text() == "hello")
        ports.release(port, .tcp, at: [.loopback4])
        #expect(try refusal(.tcp, at: .loopback4, port: port) == nil)
        #expect(try client.isEnded())
        #expect(try inside.isEnded())
        ports.release(port, .tcp, at: [.loopback4])
    }

    @Test func `ports are forwarded again after all was closed`() async throws {
        let port = try ports.forward(.tcp, at: .loopback4, to: container)
        await ports.close()
        #expect(try refusal(.tcp, at: .loopback4, port: port) == nil)
        let (client, inside) = try connection()
        try client.send("again")
        #expect(try inside.text() == "again")
        await ports.close()
        #expect(try client.isEnded())
    }

    @Test(arguments: [false, true]) func `a forwarded port is kept from others`(sharing: Bool) throws {
        let port = try ports.forward(.tcp, at: .loopback4, to: container)
        #expect(try refusal(.tcp, at: .loopback4, port: port, sharing: sharing) == EADDRINUSE)
    }
}
