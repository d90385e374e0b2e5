// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Store
import TestSupport
import Testing

@testable import NetDriver

@Suite("Publishing in another way from now on")
struct PublishModeTests {
    private let bench = Bench()
    private static let led = ["ports4 tcp . 8080 : 10.0.0.2 . 80"]
    private static let held = ["tcp 0.0.0.0 8080", "tcp :: 8080 to 10.0.0.2 80"]
    private static let passedOn = ["tcp 0.0.0.0 8080 to 10.0.0.2 80", "tcp :: 8080 to 10.0.0.2 80"]

    private func start(_ options: [String: String] = [:]) async throws -> EndpointRequest {
        let endpoint = try EndpointRequest.make()
        try await bench.start(.make(options: options), endpoint, sandbox: "/1")
        try await bench.driver.publish(
            [PortRequest(transport: .tcp, port: 80, hostPorts: 8080...8080)], of: endpoint.id, in: endpoint.network,
            isWithoutIPv6Proxy: false)
        return endpoint
    }

    private var ports: [String] { bench.firewall.words(in: "ports4") }

    @Test func `what is published already is published so, too, and back again`() async throws {
        _ = try await start()
        #expect(bench.hostPorts.held == Self.held && ports == Self.led)
        let stored = bench.store.state
        await bench.driver.setPublishMode(.respectHost)
        #expect(bench.hostPorts.held == Self.passedOn && ports == [])
        #expect(bench.store.state == stored)
        await bench.driver.setPublishMode(.direct)
        #expect(bench.hostPorts.held == Self.held && ports == Self.led)
    }

    @Test func `a network that says how keeps to it`() async throws {
        _ = try await start(["plugind.publish": "direct"])
        await bench.driver.setPublishMode(.respectHost)
        #expect(bench.hostPorts.held == Self.held && ports == Self.led)
    }

    @Test func `what is published afterwards is published so`() async throws {
        await bench.driver.setPublishMode(.respectHost)
        _ = try await start()
        #expect(bench.hostPorts.held == Self.passedOn && ports == [])
    }

    @Test func `a packet filter that refuses is told later`() async throws {
        _ = try await start()
        bench.firewall.refuse(true)
        await bench.driver.setPublishMode(.respectHost)
        #expect(bench.hostPorts.held == Self.passedOn && ports == Self.led)
        bench.firewall.refuse(false)
        await bench.driver.upkeep()
        #expect(bench.hostPorts.held == Self.passedOn && ports == [])
    }
}
