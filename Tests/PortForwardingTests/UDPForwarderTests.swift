// SPDX-License-Identifier: Apache-2.0

import Addressing
import Foundation
import HostNetwork
import Testing

@testable import PortForwarding

/// A client is connected to where it writes to, so the kernel lets it hear an answer from there only.
@Suite(.timeLimit(.minutes(10))) struct UDPForwarderTests {
    let ports = HeldPorts.make()
    let container: Peer

    init() throws {
        container = try Peer(.udp, at: .loopback4)
    }

    /// Sends a datagram to the container and back.
    private func exchange(_ client: Peer, _ text: String) throws {
        try client.send(text)
        let question = try container.datagram()
        #expect(question.text == text)
        try container.send("re: \(text)", to: question.sender)
        #expect(try client.text() == "re: \(text)")
    }

    @Test(arguments: [IPAddress.loopback4, .other4])
    func `an answer comes from the address that the client wrote to`(address: IPAddress) throws {
        let port = try ports.forward(.udp, at: .all4, to: container)
        let client = try Peer(.udp, to: address, port: port)
        try exchange(client, "one")
        try exchange(client, "two")
    }

    @Test(.needsIPv6, arguments: [IPAddress.loopback6, .all6])
    func `a client over IPv6 reaches a container that has only IPv4`(address: IPAddress) throws {
        let port = try ports.forward(.udp, at: address, to: container)
        try exchange(try Peer(.udp, to: .loopback6, port: port), "hello")
    }

    @Test func `each client gets its own answers`() throws {
        let port = try ports.forward(.udp, at: .all4, to: container)
        let clients = try (0..<8).map { try Peer(.udp, to: $0 % 2 == 0 ? .loopback4 : .other4, port: port) }
        var senders: [SocketName] = []
        for (number, client) in clients.enumerated() {
            try client.send("\(number)")
            senders.append(try container.datagram().sender)
        }
        for (number, sender) in senders.enumerated().reversed() { try container.send("for \(number)", to: sender) }
        for (number, client) in clients.enumerated() { #expect(try client.text() == "for \(number)") }
    }

    @Test func `a client that writes to two addresses is answered from each`() throws {
        let port = try ports.forward(.udp, at: .all4, to: container)
        let client = try Peer(.udp, at: .all4)
        for address in [IPAddress.loopback4, .other4] {
            try client.send("to \(address)", to: SocketName(address, port: port))
            let question = try container.datagram()
            try container.send(question.text, to: question.sender)
            let answer = try client.datagram()
            #expect(answer.text == "to \(address)")
            #expect(answer.sender == SocketName(address, port: port))
        }
    }

    @Test(arguments: [0, 1, 65_507]) func `datagrams of every length pass`(length: Int) throws {
        let port = try ports.forward(.udp, at: .loopback4, to: container)
        let client = try Peer(.udp, to: .loopback4, port: port)
        let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0) }
        try client.send(bytes)
        #expect(try container.receive() == bytes)
    }

    @Test(.needsOuterAddress) func `a client that is not in the list is not heard`() throws {
        let stranger = try #require(Machine.outerAddress)
        let list = [try #require(Prefix("198.51.100.0/24"))]
        let port = try ports.forward(.udp, at: .loopback4, to: container, clients: list)
        try Peer(.udp, to: .loopback4, port: port, from: stranger).send("stranger")
        // The host itself is heard, and is the first.
        try exchange(try Peer(.udp, to: .loopback4, port: port), "host")
    }

    @Test func `a session ends when it is idle`() async throws {
        let budget = DescriptorBudget(1)
        let ports = HeldPorts.make(idleTime: .milliseconds(40), budget: budget)
        let port = try ports.forward(.udp, at: .loopback4, to: container)
        let client = try Peer(.udp, to: .loopback4, port: port)
        try client.send("one")
        _ = try container.datagram()
        #expect(try await eventually { budget.take() }, "its descriptor is free again")
        budget.giveBack()
        try exchange(client, "two")
    }

    @Test func `the session that is idle for longest makes room for a new one`() throws {
        let ports = HeldPorts.make(budget: DescriptorBudget(2))
        let port = try ports.forward(.udp, at: .loopback4, to: container)
        let clients = try (0..<3).map { _ in try Peer(.udp, to: .loopback4, port: port) }
        for client in clients { try exchange(client, "hello") }
        try clients[1].send("one")
        let sender = try container.datagram().sender
        try exchange(clients[0], "again")
        try container.send("late answer", to: sender)
        #expect(try clients[1].text() == "late answer")
    }

    @Test func `a container that is back after a refusal is heard`() throws {
        let absent = try Peer(.udp, at: .loopback4).port
        let target = PortTarget(address: .loopback4, port: absent)
        let port = try ports.take(
            PortHold(
                transport: .udp, addresses: [.loopback4], ports: nil, forwarding: [.loopback4: target]))
        let client = try Peer(.udp, to: .loopback4, port: port)
        try client.send("lost")
        try client.send("lost")
        let container = try Peer(.udp, at: .loopback4, port: absent)
        try client.send("heard")
        var text = try container.text()
        while text == "lost" { text = try container.text() }
        #expect(text == "heard")
    }

    @Test func `a release ends sessions and frees the port at once`() async throws {
        let budget = DescriptorBudget(2)
        let ports = HeldPorts.make(budget: budget)
        let port = try ports.forward(.udp, at: .loopback4, to: container)
        try exchange(try Peer(.udp, to: .loopback4, port: port), "hello")
        ports.release(port, .udp, at: [.loopback4])
        #expect(try refusal(.udp, at: .loopback4, port: port) == nil)
        #expect(budget.take() && budget.take())
    }

    @Test(arguments: [false, true]) func `a forwarded port is kept from others`(sharing: Bool) throws {
        let port = try ports.forward(.udp, at: .loopback4, to: container)
        #expect(try refusal(.udp, at: .loopback4, port: port, sharing: sharing) == EADDRINUSE)
    }
}
