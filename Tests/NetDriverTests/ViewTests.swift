// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Store
import Synchronization
import TestSupport
import Testing

@testable import NetDriver

@Suite("What the driver shows")
struct ViewTests {
    /// The ways to a container with a published port 8080:80 and IPv4, unless told otherwise.
    private static func reaches(
        _ port: String = "8080:80", at hosts: [String] = ["0.0.0.0", "::"], ipv6: String? = nil,
        mode: PublishMode = .direct, clients: [String]? = nil, unheld: Bool = false, _ options: [String: String] = [:]
    ) throws -> [String] {
        let request = try EndpointRequest.make(ipv6: ipv6, clients: clients)
        let endpoint = EndpointRecord(
            id: request.id, network: request.network, phase: .ready,
            hostLink: try #require(InterfaceName("pdh0")), sandboxLink: try #require(InterfaceName("pds0")),
            mac: try #require(MACAddress("02:00:00:00:00:01")), ipv4: request.ipv4, ipv6: request.ipv6,
            sandboxKey: nil, clients: request.clients)
        let plan = PublishPlan(
            endpoint: endpoint, edge: try NetworkOptions(options).edge, mode: mode, isWithoutIPv6Proxy: false)
        var published = try PublishedPort.make(port)
        published.hostAddresses = try hosts.map { try .make($0) }
        return plan.reaches(of: [published], unheld: unheld ? [published] : []).map { reach in
            let host = reach.hostAddress.map { "\($0) \(reach.hostPort ?? 0) " } ?? ""
            let transport = reach.transport.map { "/\($0)" } ?? ""
            let notes = (reach.clients ?? []).map { " from \($0)" } + reach.links.map { " by \($0)" }
            return "\(reach.way): \(host)→ \(reach.address) \(reach.port.map(String.init) ?? "*")\(transport)"
                + notes.joined() + (reach.isHeld ? "" : " not held")
        }
    }

    private static let gatewayMode4 = "com.docker.network.bridge.gateway_mode_ipv4"
    private static let gatewayMode6 = "com.docker.network.bridge.gateway_mode_ipv6"

    @Test func `a port is led by the packet filter, and forwarded from IPv6 to a container without it`() throws {
        #expect(
            try Self.reaches() == [
                "direct: 0.0.0.0 8080 → 10.0.0.2 80/tcp", "forwarded: :: 8080 → 10.0.0.2 80/tcp",
            ])
        #expect(
            try Self.reaches(ipv6: "fd00::2/64") == [
                "direct: 0.0.0.0 8080 → 10.0.0.2 80/tcp", "direct: :: 8080 → fd00::2 80/tcp",
            ])
    }

    @Test func `what respects the host is forwarded, but for SCTP, which leads nowhere`() throws {
        #expect(
            try Self.reaches(at: ["0.0.0.0"], mode: .respectHost) == ["forwarded: 0.0.0.0 8080 → 10.0.0.2 80/tcp"])
        #expect(
            try Self.reaches("8080:80/sctp") == [
                "direct: 0.0.0.0 8080 → 10.0.0.2 80/sctp", "none: :: 8080 → 10.0.0.2 80/sctp",
            ])
    }

    @Test func `a routed container is reached at its own address`() throws {
        #expect(
            try Self.reaches(at: [], [Self.gatewayMode4: "routed"]) == ["routed: → 10.0.0.2 80/tcp"])
        #expect(
            try Self.reaches(at: ["0.0.0.0"], ipv6: "fd00::2/64", [Self.gatewayMode6: "routed"]) == [
                "direct: 0.0.0.0 8080 → 10.0.0.2 80/tcp", "routed: → fd00::2 80/tcp",
            ])
    }

    @Test func `an unprotected container is reached at every port`() throws {
        #expect(
            try Self.reaches(at: ["0.0.0.0"], [Self.gatewayMode4: "nat-unprotected"]) == [
                "direct: 0.0.0.0 8080 → 10.0.0.2 80/tcp", "open: → 10.0.0.2 *",
            ])
    }

    @Test func `clients, trusted links and who has the port are told`() throws {
        let options = ["com.docker.network.bridge.trusted_host_interfaces": "eth7:eth8"]
        #expect(
            try Self.reaches(at: ["0.0.0.0"], clients: ["192.0.2.0/24"], unheld: true, options) == [
                "direct: 0.0.0.0 8080 → 10.0.0.2 80/tcp from 192.0.2.0/24 not held",
                "routed: → 10.0.0.2 80/tcp from 192.0.2.0/24 by eth7 by eth8",
            ])
    }

    @Test func `networks and endpoints are shown as they are on the host`() async throws {
        let bench = Bench()
        try await bench.start(.make(), .make(), sandbox: "/run/sandbox")
        var view = try await bench.driver.view(looksAtLinks: true)
        #expect(view.networks.map(\.endpointCount) == [1])
        #expect(view.networks.map(\.modes) == [[.v4: "nat"]])
        #expect(view.networks.map(\.bridge) == [.up])
        #expect(view.endpoints.map(\.link) == [.up])
        let record = try #require(view.endpoints.first?.record)
        #expect(record.sandboxKey == "/run/sandbox")

        bench.kernel.state.withLock { $0.links[record.hostLink.description]?.isUp = false }
        view = try await bench.driver.view(looksAtLinks: true)
        #expect(view.endpoints.map(\.link) == [.down])
        bench.kernel.state.withLock { $0.links[record.hostLink.description]?.master = nil }
        view = try await bench.driver.view(looksAtLinks: true)
        #expect(view.endpoints.map(\.link) == [.detached])
        bench.kernel.lose(record.hostLink)
        view = try await bench.driver.view(looksAtLinks: true)
        #expect(view.endpoints.map(\.link) == [.missing])
    }

    @Test func `without a look at the links their state is left open`() async throws {
        let bench = Bench()
        try await bench.start(.make(), .make())
        try await bench.publish("8080:80")
        let view = try await bench.driver.view(looksAtLinks: false)
        #expect(view.networks.map(\.bridge) == [nil])
        #expect(view.endpoints.map(\.link) == [nil])
        #expect(view.endpoints.first?.reaches.map(\.way) == [.direct, .forwarded])
        #expect(view.condition.ruleCount > 0)
        #expect(view.condition.unheldPorts == 0)
    }

    @Test func `what is owed is told`() async throws {
        let bench = Bench()
        try await bench.start(.make(), .make())
        bench.kernel.refuse("retire", code: 16)
        try? await bench.driver.deleteEndpoint(.make(), of: .make())
        let view = try await bench.driver.view(looksAtLinks: false)
        #expect(view.condition.owedDeletions == 1)
        #expect(view.endpoints.map(\.record.phase) == [.deleting])
        #expect(view.endpoints.map(\.reaches) == [[]])
    }
}
