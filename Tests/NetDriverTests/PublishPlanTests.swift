// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Store
import TestSupport
import Testing

@testable import NetDriver

private let bridge = "com.docker.network.bridge."

/// An endpoint's addresses.
enum Addresses: String, CaseIterable, Sendable {
    case both, v4, v6, none
}

@Suite("Plan for published ports")
struct PublishPlanTests {
    private func plan(
        _ addresses: Addresses = .both, _ options: [String: String] = [:], mode: PublishMode = .direct,
        isWithoutIPv6Proxy: Bool = false, clients: [String]? = nil
    ) throws -> PublishPlan {
        let hasIPv4 = addresses == .both || addresses == .v4
        let hasIPv6 = addresses == .both || addresses == .v6
        let endpoint = EndpointRecord(
            id: try .make(), network: try .make(), phase: .ready, hostLink: try #require(InterfaceName("pdh1")),
            sandboxLink: try #require(InterfaceName("pds1")), mac: try #require(MACAddress("02:00:00:00:00:02")),
            ipv4: hasIPv4 ? InterfaceAddress("10.0.0.2/24") : nil,
            ipv6: hasIPv6 ? InterfaceAddress("fd00:1::2/64") : nil,
            sandboxKey: nil, clients: try clients?.map { try .make($0) })
        let edge = try NetworkOptions(options).edge
        return PublishPlan(
            endpoint: endpoint, edge: edge, mode: edge.publishMode ?? mode, isWithoutIPv6Proxy: isWithoutIPv6Proxy)
    }

    /// Addresses that are taken, and after `→` where what arrives there is forwarded to.
    private func words(_ hold: PortHold?) -> String {
        guard let hold else { return "nothing" }
        return hold.addresses.map { address in
            "\(address)" + (hold.forwarding[address].map { "→\($0.address)" } ?? "")
        }.joined(separator: " ")
    }

    // MARK: Holds

    private static let holds: [(Addresses, String, String)] = [
        (.both, "8080:80", "0.0.0.0 ::→fd00:1::2"),
        (.v4, "8080:80", "0.0.0.0 ::→10.0.0.2"),
        (.v6, "8080:80", "::→fd00:1::2"),
        (.none, "8080:80", "nothing"),
        (.both, "0.0.0.0:8080:80", "0.0.0.0"),
        (.both, "[::]:8080:80", "::→fd00:1::2"),
        (.both, "192.0.2.1:8080:80", "192.0.2.1"),
        (.both, "[2001:db8::1]:8080:80", "2001:db8::1"),
        (.v4, "[2001:db8::1]:8080:80", "2001:db8::1→10.0.0.2"),
        (.both, "127.0.0.1:8080:80", "127.0.0.1"),
        (.both, "[::1]:8080:80", "::1→fd00:1::2"),
        (.v4, "[::1]:8080:80", "::1→10.0.0.2"),
    ]

    @Test(arguments: holds)
    func `ports are held where the packet filter or plugind leads them to the container`(
        addresses: Addresses, request: String, words: String
    ) throws {
        let plan = try plan(addresses)
        #expect(self.words(try plan.hold(for: .make(request))) == words)
    }

    @Test(arguments: [
        (Addresses.both, "8080:80", "0.0.0.0→10.0.0.2 ::→fd00:1::2"), (.v4, "8080:80", "0.0.0.0→10.0.0.2 ::→10.0.0.2"),
        (.both, "192.0.2.1:8080:80", "192.0.2.1→10.0.0.2"), (.both, "127.0.0.1:8080:80", "127.0.0.1→10.0.0.2"),
        (.both, "[2001:db8::1]:8080:80", "2001:db8::1→fd00:1::2"),
    ])
    func `where the host's input rules decide plugind forwards everything, and the packet filter nothing`(
        addresses: Addresses, request: String, words: String
    ) throws {
        let plan = try plan(addresses, ["plugind.publish": "respect-host"])
        let hold = try #require(try plan.hold(for: .make(request)))
        #expect(self.words(hold) == words)
        let port = PublishedPort(transport: .tcp, port: 80, hostAddresses: hold.addresses, hostPort: 8080)
        #expect(plan.elements(for: [port]).isEmpty)
    }

    @Test(arguments: [
        ("192.0.2.1:8080:80", Addresses.v6, "192.0.2.1"), ("0.0.0.0:8080:80", .v6, "0.0.0.0"),
        ("[::1]:8080:80", .none, "::1"),
    ])
    func `an address of the host that leads nowhere is refused`(
        request: String, addresses: Addresses, host: String
    ) throws {
        let plan = try plan(addresses)
        let error = #expect(throws: DriverError.self) { try plan.hold(for: .make(request)) }
        #expect(
            error?.description
                == "cannot publish at \(host): endpoint 56e4d91db20d has no address to which it could lead")
        #expect(error?.isBadRequest == true)
    }

    @Test(arguments: ["8080:80", "0.0.0.0:8080:80"])
    func `where another endpoint serves IPv6 this one has no IPv6 addresses of the host`(request: String) throws {
        let plan = try plan(.v4, isWithoutIPv6Proxy: true)
        #expect(words(try plan.hold(for: .make(request))) == "0.0.0.0")
    }

    @Test func `what is asked for at an IPv6 address is then the other endpoint's`() throws {
        #expect(try plan(.v4, isWithoutIPv6Proxy: true).hold(for: .make("[::1]:8080:80")) == nil)
        #expect(words(try plan(.both, isWithoutIPv6Proxy: true).hold(for: .make("[::1]:8080:80"))) == "::1→fd00:1::2")
    }

    @Test func `ports without an address are published at the one that the network binds to`() throws {
        let plan = try plan(.both, [bridge + "host_binding_ipv4": "192.0.2.9"])
        #expect(words(try plan.hold(for: .make("8080:80"))) == "192.0.2.9")
        #expect(words(try plan.hold(for: .make("192.0.2.1:8080:80"))) == "192.0.2.1")
        #expect(words(try plan.hold(for: .make("[::]:8080:80"))) == "::→fd00:1::2")
    }

    @Test(arguments: [
        (["ipv4"], "8080:80", "::→fd00:1::2"), (["ipv6"], "8080:80", "0.0.0.0"),
        (["ipv4", "ipv6"], "8080:80", "nothing"),
        (["ipv4"], "192.0.2.1:8080:80", "nothing"), (["ipv6"], "[::1]:8080:80", "nothing"),
    ])
    func `a routed family has no ports of the host`(families: [String], request: String, words: String) throws {
        let options = Dictionary(uniqueKeysWithValues: families.map { (bridge + "gateway_mode_\($0)", "routed") })
        let plan = try plan(.both, options)
        #expect(self.words(try plan.hold(for: .make(request))) == words)
    }

    @Test func `an unprotected network publishes as others do`() throws {
        let plan = try plan(.both, [bridge + "gateway_mode_ipv4": "nat-unprotected"])
        #expect(words(try plan.hold(for: .make("8080:80"))) == "0.0.0.0 ::→fd00:1::2")
    }

    @Test func `numbers are as they were asked for, and the container's port is forwarded to`() throws {
        let plan = try plan(.v4, clients: ["192.0.2.0/24"])
        #expect(try plan.hold(for: .make("80"))?.ports == nil)
        let hold = try #require(try plan.hold(for: .make("8080-8090:80/udp")))
        #expect(hold.ports == 8080...8090 && hold.transport == .udp)
        let target = try PortTarget(address: .make("10.0.0.2"), port: 80, clients: [.make("192.0.2.0/24")])
        #expect(hold.forwarding == [try .make("::"): target])
    }

    @Test func `a port that was published is held again at the same place`() throws {
        let plan = try plan(.v4)
        let hold = plan.hold(for: try .make("8080:80", at: "0.0.0.0", "::"))
        #expect(words(hold) == "0.0.0.0 ::→10.0.0.2" && hold.ports == 8080...8080)
        #expect(words(plan.hold(for: try .make("8080:80", at: "0.0.0.0"))) == "0.0.0.0")
    }

    // MARK: Elements

    private func elements(_ plan: PublishPlan, _ ports: PublishedPort...) -> [String] {
        plan.elements(for: ports).map(\.words).sorted()
    }

    @Test(arguments: [
        (Addresses.both, "0.0.0.0 ::", "ports4 tcp . 8080 : 10.0.0.2 . 80, ports6 tcp . 8080 : fd00:1::2 . 80"),
        (.v4, "0.0.0.0 ::", "ports4 tcp . 8080 : 10.0.0.2 . 80"), (.v6, "::", "ports6 tcp . 8080 : fd00:1::2 . 80"),
        (.both, "192.0.2.1", "hostports4 192.0.2.1 . tcp . 8080 : 10.0.0.2 . 80"),
        (.both, "2001:db8::1", "hostports6 2001:db8::1 . tcp . 8080 : fd00:1::2 . 80"), (.v4, "2001:db8::1", ""),
        (.both, "127.0.0.1", "hostports4 127.0.0.1 . tcp . 8080 : 10.0.0.2 . 80"), (.both, "::1", ""), (.both, "", ""),
    ])
    func `the packet filter leads what is of the container's family`(
        addresses: Addresses, hosts: String, words: String
    ) throws {
        let port = PublishedPort(
            transport: .tcp, port: 80, hostAddresses: try hosts.split(separator: " ").map { try .make(String($0)) },
            hostPort: hosts.isEmpty ? 0 : 8080)
        #expect(elements(try plan(addresses), port).joined(separator: ", ") == words)
    }

    @Test func `neighbouring ports of the same numbers are one element, others are one each`() throws {
        let plan = try plan(.v4)
        let words = elements(
            plan, try .make("9000:9000", at: "0.0.0.0"), try .make("9002:9002", at: "0.0.0.0"),
            try .make("9001:9001", at: "0.0.0.0"), try .make("9003:9004", at: "0.0.0.0"),
            try .make("9005:9005/udp", at: "0.0.0.0"), try .make("9006:9006/udp", at: "192.0.2.1"),
            try .make("9008:9008", at: "192.0.2.1"), try .make("9009:9009", at: "192.0.2.1"))
        #expect(
            words == [
                "hostports4 192.0.2.1 . udp . 9006 : 10.0.0.2 . 9006", "ports4 tcp . 9003 : 10.0.0.2 . 9004",
                "ports4 udp . 9005 : 10.0.0.2 . 9005", "ranges4 0.0.0.0/0 . tcp . 9000-9002 : 10.0.0.2",
                "ranges4 192.0.2.1 . tcp . 9008-9009 : 10.0.0.2",
            ])
    }

    @Test func `a range ends with the last port that there is`() throws {
        let words = elements(
            try plan(.both), try .make("65534:65534", at: "0.0.0.0", "::"),
            try .make("65535:65535", at: "0.0.0.0", "::"))
        #expect(
            words == [
                "ranges4 0.0.0.0/0 . tcp . 65534-65535 : 10.0.0.2", "ranges6 ::/0 . tcp . 65534-65535 : fd00:1::2",
            ])
    }

    @Test func `a routed container's own ports are open, neighbours as one`() throws {
        let plan = try plan(.both, [bridge + "gateway_mode_ipv4": "routed", bridge + "gateway_mode_ipv6": "routed"])
        let ports = [80, 81, 443].map { (port: UInt16) in
            PublishedPort(transport: .tcp, port: port, hostAddresses: [], hostPort: 0)
        }
        #expect(
            plan.elements(for: ports).map(\.words).sorted() == [
                "open4 10.0.0.2 . tcp . 443", "open6 fd00:1::2 . tcp . 443", "openranges4 10.0.0.2 . tcp . 80-81",
                "openranges6 fd00:1::2 . tcp . 80-81",
            ])
    }

    @Test func `a container's port is open once, however often it is published`() throws {
        let plan = try plan(.v4, [bridge + "trusted_host_interfaces": "eth0"])
        let words = elements(plan, try .make("8080:80", at: "0.0.0.0"), try .make("8081:80", at: "0.0.0.0"))
        #expect(
            words == [
                "open4 10.0.0.2 . tcp . 80", "ports4 tcp . 8080 : 10.0.0.2 . 80", "ports4 tcp . 8081 : 10.0.0.2 . 80",
            ])
    }

    @Test func `clients of the endpoint count before those of the network`() throws {
        let options = ["plugind.publish.allow": "10.0.0.0/8,fd00::/16"]
        let port = try PublishedPort.make("8080:80", at: "0.0.0.0")
        let ofNetwork = elements(try plan(.both, options), port).filter { !$0.hasPrefix("ports4") }
        #expect(
            ofNetwork == [
                "clients4 10.0.0.2 . 10.0.0.0/8", "clients6 fd00:1::2 . fd00::/16", "restricted4 10.0.0.2",
                "restricted6 fd00:1::2",
            ])
        let own = elements(try plan(.both, options, clients: ["192.0.2.7/32"]), port)
        #expect(own.filter { $0.hasPrefix("clients") } == ["clients4 10.0.0.2 . 192.0.2.7/32"])
        #expect(own.filter { $0.hasPrefix("restricted") } == ["restricted4 10.0.0.2", "restricted6 fd00:1::2"])
    }

    @Test func `a client within another is not said twice`() throws {
        let plan = try plan(.v4, clients: ["10.0.0.0/8", "10.1.0.0/16", "10.0.0.0/8"])
        let words = elements(plan, try .make("8080:80", at: "0.0.0.0"))
        #expect(words.filter { $0.hasPrefix("clients") } == ["clients4 10.0.0.2 . 10.0.0.0/8"])
    }

    @Test func `without ports there is nothing, not even a list of clients`() throws {
        #expect(try plan(.both, clients: ["10.0.0.0/8"]).elements(for: []).isEmpty)
    }

    @Test func `numbers are gathered into the fewest ranges`() {
        #expect([UInt16]([5, 1, 2, 2, 3, 65535, 65534, 0]).ranges == [0...3, 5...5, 65534...65535])
        #expect([UInt16]().ranges == [])
    }
}
