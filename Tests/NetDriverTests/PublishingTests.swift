// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Store
import Synchronization
import TestSupport
import Testing

@testable import NetDriver

private let bridge = "com.docker.network.bridge."

@Suite("Publishing ports")
struct PublishingTests {
    private let bench = Bench()

    /// A network with an endpoint that is in a sandbox.
    private func start(_ options: [String: String] = [:], ipv6: String? = nil, isInternal: Bool = false) async throws {
        try await bench.start(
            .make(subnet6: ipv6 == nil ? nil : "fd00:1::/64", isInternal: isInternal, options: options),
            .make(ipv6: ipv6), sandbox: "/1")
    }

    private static let web = "ports4 tcp . 8080 : 10.0.0.2 . 80"
    private static let held = ["tcp 0.0.0.0 8080", "tcp :: 8080 to 10.0.0.2 80"]

    @Test func `a port is held, led to the container and stored`() async throws {
        try await start()
        try await bench.publish("8080:80")
        #expect(bench.hostPorts.held == Self.held)
        #expect(bench.firewall.words(in: "ports4", "ports6") == [Self.web])
        #expect(try bench.published() == [.make("8080:80")])
    }

    @Test func `publishing the same again changes nothing`() async throws {
        try await start()
        try await bench.publish("8080:80", "443", "9000-9009:90")
        let (held, ports, commits) = (bench.hostPorts.held, try bench.published(), bench.store.commits.count)
        // In another order.
        try await bench.publish("9000-9009:90", "443", "8080:80")
        #expect(bench.hostPorts.held == held && bench.store.commits.count == commits)
        #expect(try bench.published() == ports)
    }

    @Test func `what is asked for as before keeps its port, what is not is let go of`() async throws {
        try await start()
        try await bench.publish("443", "8080:80", "8081:81")
        let first = try bench.published()
        try await bench.publish("443", "8080:80", "8082:82")
        let kept = try bench.published().filter { first.contains($0) }
        #expect(kept.map(\.port).sorted() == [80, 443])
        #expect(
            bench.hostPorts.held.filter { $0.hasPrefix("tcp 0.0.0.0 80") } == ["tcp 0.0.0.0 8080", "tcp 0.0.0.0 8082"])
        #expect(
            bench.firewall.words(in: "ports4").filter { $0.contains("808") } == [
                Self.web, "ports4 tcp . 8082 : 10.0.0.2 . 82",
            ])
    }

    @Test func `a port that only one request can have stays that one's`() async throws {
        try await start()
        try await bench.publish("80", "8080:80", "8080-8081:80")
        let first = try bench.published()
        #expect(Set(first.map(\.hostPort)) == [8080, 8081, 32768])
        try await bench.publish("80", "8080:80", "8080-8081:80", "443:443")
        #expect(try bench.published().filter { $0.port == 80 } == first)
    }

    @Test func `who has no choice comes before who has one`() async throws {
        try await start()
        // By the container's port the other way round.
        try await bench.publish("8080-8081:80", "8080:81", "32768:443", "79")
        #expect(
            try bench.published().map { "\($0.hostPort):\($0.port)" } == [
                "8080:81", "8081:80", "32768:443", "32769:79",
            ])
    }

    @Test func `a port at the address that the network binds to is kept, too`() async throws {
        try await start([bridge + "host_binding_ipv4": "192.0.2.1"])
        try await bench.publish("8080:80")
        try await bench.publish("8080:80", "8443:443")
        #expect(bench.hostPorts.held == ["tcp 192.0.2.1 8080", "tcp 192.0.2.1 8443"])
    }

    @Test func `a refusal leaves what was there`() async throws {
        try await start()
        try await bench.publish("8080:80")
        bench.hostPorts.takeByOther(8082)
        let error = await #expect(throws: HostPortError.self) {
            try await bench.publish("8080:80", "8081:81", "8082:82")
        }
        #expect(error?.description == "cannot publish tcp port 0.0.0.0:8082: the port is in use on this host")
        #expect(bench.hostPorts.held == Self.held && bench.firewall.words(in: "ports4") == [Self.web])
        #expect(try bench.published() == [.make("8080:80")])
    }

    @Test func `all ports are published or none`() async throws {
        try await start()
        bench.hostPorts.takeByOther(8082)
        await #expect(throws: HostPortError.self) { try await bench.publish("8080:80", "8081:81", "8082:82", "443") }
        #expect(bench.hostPorts.held == [] && bench.firewall.words(in: "ports4") == [])
        #expect(try bench.published() == [])
        bench.hostPorts.giveBackByOther(8082)
        try await bench.publish("8080:80", "8081:81", "8082:82", "443")
        #expect(try bench.published().count == 4)
    }

    @Test func `of a range it is the first that is free`() async throws {
        try await start()
        bench.hostPorts.takeByOther(9000)
        try await bench.publish("9000-9002:80", "9000-9002:81")
        #expect(try bench.published().map(\.hostPort) == [9001, 9002])
        await #expect(throws: HostPortError.self) {
            try await bench.publish("9000-9002:80", "9000-9002:81", "9000-9002:82")
        }
    }

    @Test func `without an endpoint there is nothing to publish`() async throws {
        let unknown = await #expect(throws: DriverError.self) { try await bench.publish("8080:80") }
        #expect(unknown?.description == "network 09dff9c378bc is not known to plugind")
        try await bench.driver.createNetwork(.make())
        let error = await #expect(throws: DriverError.self) { try await bench.publish("8080:80") }
        #expect(error?.description == "endpoint 56e4d91db20d is not known to plugind")
    }

    @Test func `of an internal network nothing is published`() async throws {
        try await start(isInternal: true)
        try await bench.publish("8080:80", "192.0.2.1:8081:81")
        #expect(bench.hostPorts.held == [] && bench.firewall.words(in: "ports4", "hostports4") == [])
    }

    @Test func `a routed network's ports are open at the container`() async throws {
        try await start([bridge + "gateway_mode_ipv4": "routed"])
        try await bench.publish("8080:80", "443")
        #expect(bench.hostPorts.held == [])
        #expect(
            bench.firewall.words(in: "open4", "ports4") == ["open4 10.0.0.2 . tcp . 443", "open4 10.0.0.2 . tcp . 80"])
        try await bench.driver.unpublish(.make(), of: .make())
        #expect(bench.firewall.words(in: "open4") == [])
    }

    @Test func `where another endpoint takes over IPv6 this one gives it up, and back again`() async throws {
        try await start()
        try await bench.publish("8080:80")
        try await bench.publish("8080:80", isWithoutIPv6Proxy: true)
        #expect(bench.hostPorts.held == ["tcp 0.0.0.0 8080"])
        #expect(try bench.published() == [.make("8080:80", at: "0.0.0.0")])
        try await bench.publish("8080:80")
        #expect(bench.hostPorts.held == Self.held)
    }

    // MARK: Hosts without IPv6

    @Test func `a host without IPv6 does without`() async throws {
        bench.hostPorts.remove(try .make("::"))
        try await start(ipv6: "fd00:1::2/64")
        try await bench.publish("8080:80", "443")
        #expect(bench.hostPorts.held == ["tcp 0.0.0.0 32768", "tcp 0.0.0.0 8080"])
        #expect(try bench.published().allSatisfy { $0.hostAddresses == [try .make("0.0.0.0")] })
        try await bench.publish("8080:80", "443", "8081:81")
        #expect(bench.hostPorts.held == ["tcp 0.0.0.0 32768", "tcp 0.0.0.0 8080", "tcp 0.0.0.0 8081"])
    }

    @Test(arguments: ["[::]:8080:80", "192.0.2.1:8080:80"])
    func `an address that was asked for and is none of the host's is refused`(port: String) async throws {
        for address in ["::", "192.0.2.1"] { bench.hostPorts.remove(try .make(address)) }
        try await start()
        await #expect(throws: HostPortError.self) { try await bench.publish(port) }
        #expect(try bench.published() == [])
    }

    // MARK: Taking back

    @Test(arguments: ["unpublish", "leave", "deleteEndpoint", "publish"])
    func `what takes ports back leaves nothing of them, and can come again`(call: String) async throws {
        try await start()
        try await bench.publish("8080:80", "53:53/udp")
        for _ in 1...2 {
            switch call {
            case "unpublish": try await bench.driver.unpublish(.make(), of: .make())
            case "leave": try await bench.driver.leave(.make(), of: .make())
            case "publish": try await bench.publish()
            default: try await bench.delete(.make())
            }
            #expect(bench.hostPorts.held == [] && bench.firewall.words(in: "ports4") == [])
            #expect(try bench.published() == [])
        }
    }

    @Test func `another network's endpoint is nobody's to take back`() async throws {
        try await start()
        try await bench.publish("8080:80")
        try await bench.driver.unpublish(.make(), of: .make("aaaaaaaaaaaaaaaa"))
        try await bench.driver.leave(.make(), of: .make("aaaaaaaaaaaaaaaa"))
        #expect(bench.hostPorts.held == Self.held)
    }

    @Test func `ports go with a network whose endpoint was lost`() async throws {
        try await start()
        try await bench.publish("8080:80")
        for end in ["pdh56e4d91db20d", "pds56e4d91db20d"] { bench.kernel.lose(try #require(InterfaceName(end))) }
        try await bench.driver.deleteNetwork(.make())
        #expect(try bench.isClean())
    }

    // MARK: Refusals of the store and of the packet filter

    @Test func `if it cannot be stored nothing is published`() async throws {
        try await start()
        bench.store.failNext()
        await #expect(throws: StoreError.self) { try await bench.publish("8080:80") }
        #expect(bench.hostPorts.held == [] && bench.firewall.words(in: "ports4") == [])
        try await bench.publish("8080:80")
        bench.store.failNext()
        await #expect(throws: StoreError.self) { try await bench.publish("8081:81") }
        #expect(bench.hostPorts.held == Self.held && bench.firewall.words(in: "ports4") == [Self.web])
        #expect(try bench.published() == [.make("8080:80")])
    }

    @Test func `if it cannot be stored that ports are taken back they stay published`() async throws {
        try await start()
        try await bench.publish("8080:80")
        bench.store.failNext(3)
        await #expect(throws: StoreError.self) { try await bench.driver.unpublish(.make(), of: .make()) }
        await #expect(throws: StoreError.self) { try await bench.driver.leave(.make(), of: .make()) }
        await #expect(throws: StoreError.self) { try await bench.publish() }
        #expect(bench.hostPorts.held == Self.held && bench.firewall.words(in: "ports4") == [Self.web])
        try await bench.driver.leave(.make(), of: .make())
        #expect(bench.hostPorts.held == [])
    }

    @Test func `a refusal of the packet filter is undone`() async throws {
        try await start()
        bench.firewall.refuse(true)
        await #expect(throws: FirewallError.self) { try await bench.publish("8080:80") }
        #expect(bench.hostPorts.held == [])
        #expect(try bench.published() == [])
        bench.firewall.refuse(false)
        try await bench.publish("8080:80")
        #expect(bench.firewall.words(in: "ports4") == [Self.web])
    }

    @Test(arguments: ["unpublish", "leave", "deleteEndpoint"])
    func `a port is held for as long as the packet filter leads it away`(call: String) async throws {
        try await start()
        try await bench.publish("8080:80")
        bench.firewall.refuse(true)
        switch call {
        case "unpublish": try await bench.driver.unpublish(.make(), of: .make())
        case "leave": try await bench.driver.leave(.make(), of: .make())
        default:
            await #expect(throws: FirewallError.self) { try await bench.driver.deleteEndpoint(.make(), of: .make()) }
        }
        #expect(bench.hostPorts.held == Self.held && bench.firewall.words(in: "ports4") == [Self.web])
        await bench.driver.upkeep()
        #expect(bench.hostPorts.held == Self.held)
        bench.firewall.refuse(false)
        await bench.driver.upkeep()
        #expect(bench.hostPorts.held == [] && bench.firewall.words(in: "ports4") == [])
    }

    // MARK: Flows

    @Test func `flows of UDP end when a port is published and when it is taken back`() async throws {
        try await start()
        bench.kernel.addForeign("eth0", address: InterfaceAddress("192.0.2.9/24"))
        bench.kernel.addForeign("eth1", address: InterfaceAddress("2001:db8::9/64"))
        try await bench.publish("5000:50/udp", "5001:51/udp", "127.0.0.1:53:53/udp", "8080:80")
        let own = Set(try ["192.0.2.9", "10.0.0.1", "2001:db8::9"].map { try IPAddress.make($0) })
        let all = FlowFilter(transport: .udp, destinations: own, port: 5000...5001)
        let one = FlowFilter(transport: .udp, destinations: [try .make("127.0.0.1")], port: 53...53)
        #expect(Set(bench.kernel.state.withLock { $0.forgottenFlows }) == [all, one])
        bench.kernel.state.withLock { $0.forgottenFlows = [] }
        try await bench.driver.unpublish(.make(), of: .make())
        #expect(Set(bench.kernel.state.withLock { $0.forgottenFlows }) == [all, one])
    }

    @Test func `flows of TCP go on, and flows that cannot be ended hinder nobody`() async throws {
        try await start()
        try await bench.publish("8080:80", "8081:81/sctp")
        #expect(bench.kernel.state.withLock { $0.forgottenFlows } == [])
        bench.kernel.refuse("forgetFlows", code: 1)
        try await bench.publish("5000:50/udp")
        #expect(try bench.published().count == 1)
    }
}
