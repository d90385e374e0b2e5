// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Store
import Synchronization
import TestSupport
import Testing

@testable import NetDriver

@Suite("Published ports after a restart")
struct PublishRestartTests {
    private let bench = Bench()
    private let network: NetworkRequest
    private let endpoint: EndpointRequest
    private static let held = ["tcp 0.0.0.0 8080", "tcp :: 8080 to 10.0.0.2 80"]

    init() async throws {
        network = try .make()
        endpoint = try .make()
        try await bench.start(network, endpoint)
        try await bench.driver.publish(
            [.tcp(8080)], of: endpoint.id, in: network.id, isWithoutIPv6Proxy: false)
    }

    private var ports: [String] { bench.firewall.words(in: "ports4") }

    private func startOther(on driver: Driver) async throws -> EndpointRequest {
        let other = try EndpointRequest.make("aaaaaaaaaaaaaaaa", ipv4: "10.0.0.3/24")
        try await bench.start(network, other, on: driver)
        return other
    }

    @Test func `they are held again, and led as before`() async throws {
        let rules = bench.firewall.elements
        let driver = try await bench.restarted()
        #expect(bench.hostPorts.held == Self.held)
        #expect(bench.firewall.elements == rules)
        let commits = bench.store.commits
        try await driver.publish([.tcp(8080)], of: endpoint.id, in: network.id, isWithoutIPv6Proxy: false)
        #expect(bench.store.commits == commits)
        try await driver.unpublish(endpoint.id, of: network.id)
        #expect(bench.hostPorts.held == [] && ports == [])
    }

    @Test func `after a reboot too, when nothing is left of the rules`() async throws {
        let rules = bench.firewall.elements
        bench.firewall.flush()
        bench.kernel.state.withLock { $0.forwarding = [] }
        _ = try await bench.restarted()
        #expect(bench.hostPorts.held == Self.held && bench.firewall.elements == rules)
    }

    @Test func `one that somebody took meanwhile is held once it is free`() async throws {
        let driver = try bench.new()
        bench.hostPorts.takeByOther(8080)
        try await driver.reconcile()
        #expect(bench.hostPorts.held == [])
        // Connections go to the container as they did all the time.
        #expect(ports == ["ports4 tcp . 8080 : 10.0.0.2 . 80"])
        await driver.upkeep()
        #expect(bench.hostPorts.held == [])
        bench.hostPorts.giveBackByOther(8080)
        await driver.upkeep()
        #expect(bench.hostPorts.held == Self.held)
    }

    @Test func `one that is not held is still nobody else's`() async throws {
        let driver = try bench.new()
        bench.hostPorts.takeByOther(8080)
        try await driver.reconcile()
        bench.hostPorts.giveBackByOther(8080)
        let other = try await startOther(on: driver)
        let error = await #expect(throws: DriverError.self) {
            try await driver.publish([.tcp(8080)], of: other.id, in: network.id, isWithoutIPv6Proxy: false)
        }
        #expect(error?.description.hasSuffix("published for endpoint 56e4d91db20d of network 09dff9c378bc") == true)
        // Of a range it gets the next.
        try await driver.publish(
            [PortRequest(transport: .tcp, port: 80, hostPorts: 8080...8081)], of: other.id, in: network.id,
            isWithoutIPv6Proxy: false)
        await driver.upkeep()
        #expect(
            ports == ["ports4 tcp . 8080 : 10.0.0.2 . 80", "ports4 tcp . 8081 : 10.0.0.3 . 80"])
        #expect(
            bench.hostPorts.held
                == (Self.held + ["tcp 0.0.0.0 8081", "tcp :: 8081 to 10.0.0.3 80"]).sorted())
        #expect(bench.firewall.collisions == [])
    }

    @Test func `a call that comes before they are held again gets none of them`() async throws {
        let driver = try bench.new()
        let other = try await startOther(on: driver)
        await #expect(throws: DriverError.self) {
            try await driver.publish([.tcp(8080)], of: other.id, in: network.id, isWithoutIPv6Proxy: false)
        }
        try await driver.reconcile()
        #expect(bench.hostPorts.held == Self.held)
    }

    @Test func `one that is taken back while somebody else has it is forgotten`() async throws {
        let driver = try bench.new()
        bench.hostPorts.takeByOther(8080)
        try await driver.reconcile()
        try await driver.leave(endpoint.id, of: network.id)
        bench.hostPorts.giveBackByOther(8080)
        await driver.upkeep()
        #expect(bench.hostPorts.held == [] && ports == [])
        #expect(await driver.unheld.isEmpty)
        #expect(await driver.robbed.isEmpty)
    }

    @Test func `of several, those that are held stay held while another is tried again`() async throws {
        try await bench.driver.publish(
            [.tcp(8080), .tcp(8081)], of: endpoint.id, in: network.id, isWithoutIPv6Proxy: false)
        let driver = try bench.new()
        bench.hostPorts.takeByOther(8081)
        try await driver.reconcile()
        #expect(bench.hostPorts.held == Self.held)
        // Whoever took the other one now takes this one, too: it is not let go of for a moment.
        bench.hostPorts.takeByOther(8080)
        await driver.upkeep()
        #expect(bench.hostPorts.held == Self.held)
        // Other ports take the place of one that was never held.
        try await driver.publish([.tcp(8080)], of: endpoint.id, in: network.id, isWithoutIPv6Proxy: false)
        bench.hostPorts.giveBackByOther(8081)
        await driver.upkeep()
        #expect(bench.hostPorts.held == Self.held)
    }

    @Test func `an endpoint that was being deleted keeps its ports until it is gone`() async throws {
        var record = try #require(bench.store.state.endpoints.first)
        record.phase = .deleting
        try await bench.store.commit([.putEndpoint(record)])
        bench.kernel.refuse("retire", code: 16)
        let driver = try await bench.restarted()
        let other = try await startOther(on: driver)
        await #expect(throws: (any Error).self) {
            try await driver.publish([.tcp(8080)], of: other.id, in: network.id, isWithoutIPv6Proxy: false)
        }
        #expect(bench.firewall.collisions == [])
        bench.kernel.allowEverything()
        await driver.upkeep()
        try await driver.publish([.tcp(8080)], of: other.id, in: network.id, isWithoutIPv6Proxy: false)
        #expect(ports == ["ports4 tcp . 8080 : 10.0.0.3 . 80"])
    }
}

extension PortRequest {
    fileprivate static func tcp(_ hostPort: UInt16) -> PortRequest {
        PortRequest(transport: .tcp, port: 80, hostPorts: hostPort...hostPort)
    }
}
