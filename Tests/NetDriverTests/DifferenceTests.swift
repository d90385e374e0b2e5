// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Store
import Synchronization
import TestSupport
import Testing

@testable import NetDriver

@Suite("Differences between host and state")
struct DifferenceTests {
    @Test func `a host as it should be has none`() async throws {
        let bench = Bench()
        try await bench.start(.make(), .make())
        #expect(try await bench.driver.differences() == [])
        #expect(try await bench.driver.mendDifferences() == MendedHost(mended: [], left: []))
    }

    @Test func `what would be mended is told and not touched, then mended and told`() async throws {
        let bench = Bench()
        try await bench.start(.make(), .make())
        let before = try bench.host()
        bench.kernel.state.withLock { state in
            state.addresses = []
            state.links["pdh56e4d91db20d"]?.master = nil
            state.links["br-09dff9c378bc"]?.mtu = 1300
        }
        let damaged = try bench.host()
        let commits = bench.store.commits.count
        let differences = try await bench.driver.differences()
        #expect(differences.map(\.link) == ["br-09dff9c378bc", "pdh56e4d91db20d"])
        #expect(differences.map(\.repairs) == [["mtu 1500", "settings", "address 10.0.0.1/24"], ["master"]])
        #expect(differences.map { $0.subject.split(separator: " ").first } == ["network", "endpoint"])
        #expect(try bench.host() == damaged)
        #expect(bench.store.commits.count == commits)
        #expect(try await bench.driver.mendDifferences() == MendedHost(mended: differences, left: []))
        #expect(try bench.host() == before)
    }

    @Test func `ports of a bridge that is gone need it again`() async throws {
        let bench = Bench()
        try await bench.start(.make(), .make())
        bench.kernel.lose(try #require(InterfaceName("br-09dff9c378bc")))
        let differences = try await bench.driver.differences()
        #expect(differences.map(\.repairs) == [["bridge"], ["master"]])
        #expect(try await bench.driver.mendDifferences() == MendedHost(mended: differences, left: []))
    }

    @Test func `what is in the way is told, and what it keeps is left`() async throws {
        let bench = Bench()
        try await bench.driver.createNetwork(.make())
        let name = try #require(InterfaceName("br-09dff9c378bc"))
        bench.kernel.lose(name)
        bench.kernel.state.withLock { $0.links[name.description] = Link(index: 99, name: "\(name)", kind: "dummy") }
        let difference = try #require(try await bench.driver.differences().first)
        #expect(difference.repairs == [])
        #expect(difference.obstacle == "a dummy link called br-09dff9c378bc exists already on this host")
        #expect(try await bench.driver.mendDifferences() == MendedHost(mended: [], left: [difference]))
    }

    @Test func `published ports that nobody holds after a start are told`() async throws {
        let bench = Bench()
        let (network, endpoint) = (try NetworkRequest.make(), try EndpointRequest.make())
        try await bench.start(network, endpoint)
        let port = PortRequest(transport: .tcp, port: 80, hostPorts: 8080...8080)
        try await bench.driver.publish([port], of: endpoint.id, in: network.id, isWithoutIPv6Proxy: false)
        let driver = try bench.new()
        let differences = try await driver.differences()
        #expect(differences.map(\.repairs) == [["published ports 0.0.0.0:8080→80/tcp [::]:8080→80/tcp"]])
        #expect(try await driver.mendDifferences() == MendedHost(mended: differences, left: []))
    }

    @Test func `forwarding that somebody switched off is told`() async throws {
        let bench = Bench()
        try await bench.driver.createNetwork(.make())
        bench.kernel.state.withLock { $0.forwarding = [] }
        let differences = try await bench.driver.differences()
        let expected = HostDifference(
            subject: "host", repairs: ["forwarding of IPv4"], problems: ["IPv4 is not forwarded"])
        #expect(differences == [expected])
        #expect(bench.kernel.state.withLock { $0.forwarding.isEmpty })
        #expect(try await bench.driver.mendDifferences() == MendedHost(mended: differences, left: []))
    }
}
