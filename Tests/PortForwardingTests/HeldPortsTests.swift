// SPDX-License-Identifier: Apache-2.0

import Addressing
import Foundation
import HostNetwork
import Testing

@testable import PortForwarding

@Suite(.timeLimit(.minutes(10)), .needsSocketFilters) struct HeldPortsTests {
    let ports = HeldPorts.make()

    @Test(arguments: [TransportProtocol.tcp, .udp], [false, true])
    func `a held port is kept from others, with SO_REUSEADDR and without`(
        transport: TransportProtocol, sharing: Bool
    ) throws {
        let port = try ports.take(transport, at: .loopback4)
        #expect(try refusal(transport, at: .loopback4, port: port, sharing: sharing) == EADDRINUSE)
        #expect(try refusal(transport, at: .all4, port: port, sharing: sharing) == EADDRINUSE)
    }

    @Test(arguments: [TransportProtocol.tcp, .udp], [false, true])
    func `a port of all addresses is kept from others at each`(transport: TransportProtocol, sharing: Bool) throws {
        let port = try ports.take(transport, at: .all4)
        #expect(try refusal(transport, at: .loopback4, port: port, sharing: sharing) == EADDRINUSE)
        #expect(try refusal(transport, at: .other4, port: port, sharing: sharing) == EADDRINUSE)
    }

    @Test(arguments: [TransportProtocol.tcp, .udp], [false, true])
    func `a port that somebody else has cannot be taken`(transport: TransportProtocol, sharing: Bool) throws {
        let other = try Peer(transport, at: .loopback4, sharing: sharing)
        let error = try #require(throws: HostPortError.self) {
            try ports.take(transport, at: .loopback4, port: other.port)
        }
        #expect(error.code == EADDRINUSE)
        #expect(
            error.description
                == "cannot publish \(transport) port 127.0.0.1:\(other.port): the port is in use on this host")
        #expect(throws: HostPortError.self) { try ports.take(transport, at: .all4, port: other.port) }
    }

    @Test(arguments: [TransportProtocol.tcp, .udp, .sctp])
    func `a port that is held cannot be taken again`(transport: TransportProtocol) throws {
        let port = try ports.take(transport, at: .loopback4)
        for address in [IPAddress.loopback4, .all4] {
            let error = try #require(throws: HostPortError.self) {
                try ports.take(transport, at: address, port: port)
            }
            #expect(error.code == EADDRINUSE)
            #expect(error.port == port)
            #expect(error.reason == "the port is held for a container already")
        }
        #expect(try ports.take(transport, at: .other4, port: port) == port)
    }

    @Test(arguments: [TransportProtocol.tcp, .udp])
    func `a released port is free at once`(transport: TransportProtocol) throws {
        let port = try ports.take(transport, at: .loopback4, .other4)
        ports.release(port, transport, at: [.loopback4])
        #expect(try refusal(transport, at: .loopback4, port: port) == nil)
        #expect(try refusal(transport, at: .other4, port: port) == EADDRINUSE)
        ports.release(port, transport, at: [.loopback4, .other4])
        #expect(try refusal(transport, at: .other4, port: port) == nil)
        #expect(try ports.take(transport, at: .loopback4, port: port) == port)
    }

    @Test func `ports are free when nobody holds them any more`() throws {
        var others: HeldPorts? = .make()
        let port = try #require(try others?.take(.tcp, at: .loopback4))
        #expect(try refusal(.tcp, at: .loopback4, port: port) == EADDRINUSE)
        others = nil
        #expect(try refusal(.tcp, at: .loopback4, port: port) == nil)
    }

    @Test(arguments: [TransportProtocol.tcp, .udp])
    func `a port is taken at all addresses or at none`(transport: TransportProtocol) throws {
        let other = try Peer(transport, at: .other4)
        let error = try #require(throws: HostPortError.self) {
            try ports.take(transport, at: .loopback4, .other4, port: other.port)
        }
        #expect(error.address == .other4)
        #expect(try refusal(transport, at: .loopback4, port: other.port) == nil)
        #expect(try ports.take(transport, at: .loopback4, port: other.port) == other.port)
    }

    @Test(.needsIPv6, arguments: [TransportProtocol.tcp, .udp, .sctp])
    func `the kernel's choice is the same number at every address`(transport: TransportProtocol) throws {
        let port = try ports.take(transport, at: .all4, .all6)
        #expect(port != 0)
        guard transport != .sctp else { return }
        #expect(try refusal(transport, at: .all4, port: port) == EADDRINUSE)
        #expect(try refusal(transport, at: .loopback6, port: port) == EADDRINUSE)
    }

    @Test func `the first free port of a range is taken`() throws {
        let other = try Peer(.tcp, at: .loopback4)
        let range = other.port...other.port + 50
        let first = try ports.take(PortHold(transport: .tcp, addresses: [.loopback4], ports: range))
        #expect(first > other.port)
        let second = try ports.take(PortHold(transport: .tcp, addresses: [.loopback4], ports: range))
        #expect(second > first)
    }

    @Test func `a range without a free port is refused`() throws {
        let other = try Peer(.tcp, at: .loopback4)
        _ = try? ports.take(.tcp, at: .loopback4, port: other.port + 1)
        let error = try #require(throws: HostPortError.self) {
            try ports.take(
                PortHold(transport: .tcp, addresses: [.loopback4], ports: other.port...other.port + 1))
        }
        #expect(error.code == EADDRINUSE)
        #expect(error.port == nil)
        #expect(error.reason == "none of the ports \(other.port)-\(other.port + 1) is free on this host")
    }

    @Test func `a connection to a port that is only held is not answered`() throws {
        let port = try ports.take(.tcp, at: .loopback4)
        guard let client = Descriptor(openSocket(.v4, SOCK_STREAM, protocol: 0)) else { throw PeerError("socket") }
        let result = SocketName(.loopback4, port: port).withPointer { connect(client.number, $0, $1) }
        #expect(result == -1)
        #expect(errno == EINPROGRESS)
        var poll = pollfd(fd: client.number, events: Int16(POLLOUT), revents: 0)
        #expect(Foundation.poll(&poll, 1, 300) == 0, "there is neither a connection nor a refusal")
    }

    @Test func `remnants of earlier connections do not keep a port from being taken`() throws {
        let port: UInt16
        do {
            let server = try Peer(.tcp, at: .loopback4, sharing: true)
            port = server.port
            let client = try Peer(.tcp, to: .loopback4, port: port)
            let served = try server.accept()
            // Who closes first keeps the remnant.
            served.finish()
            #expect(try client.receive().isEmpty)
            client.finish()
            #expect(try served.receive().isEmpty)
        }
        #expect(try refusal(.tcp, at: .loopback4, port: port) == EADDRINUSE, "there is a remnant")
        #expect(try ports.take(.tcp, at: .loopback4, port: port) == port)
    }

    @Test(arguments: [TransportProtocol.tcp, .udp])
    func `an address that is none of this host's is refused in words`(transport: TransportProtocol) throws {
        let address = IPAddress(v4: 0xc000_0201)
        let error = try #require(throws: HostPortError.self) { try ports.take(transport, at: address) }
        #expect(error.code == EADDRNOTAVAIL)
        #expect(
            error.description
                == "cannot publish \(transport) port 192.0.2.1:any: 192.0.2.1 is not an address of this host")
    }

    @Test func `what has no ports is refused in words`() throws {
        let error = try #require(throws: HostPortError.self) { try ports.take(.icmp, at: .loopback4) }
        #expect(error.reason == "icmp has no ports")
    }

    @Test func `port 0 and no address are refused`() throws {
        #expect(throws: HostPortError.self) { try ports.take(.tcp, at: .loopback4, port: 0) }
        #expect(throws: HostPortError.self) { try ports.take(.tcp, port: 1234) }
    }

    @Test func `what is not held can be released`() {
        ports.release(1, .tcp, at: [.loopback4, .loopback6])
    }
}
