// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Store
import Synchronization
import TestSupport
import Testing

@testable import NetDriver

@Suite("Endpoints")
struct EndpointTests {
    private let bench = Bench()

    init() async throws {
        try await bench.driver.createNetwork(.make())
    }

    @Test func `an endpoint is a veth pair, its host end in the bridge`() async throws {
        let mac = try await bench.driver.createEndpoint(.make())
        #expect(bench.kernel.linkNames == ["br-09dff9c378bc", "pdh56e4d91db20d", "pds56e4d91db20d"])
        #expect(mac.isLocallyAdministered && !mac.isMulticast)
    }

    @Test func `a container that comes back with its address has the same MAC address, so that neighbours find it`()
        async throws
    {
        let first = try await bench.driver.createEndpoint(.make())
        try await bench.driver.deleteEndpoint(EndpointRequest.make().id, of: EndpointRequest.make().network)
        #expect(try await bench.driver.createEndpoint(.make("aaaaaaaaaaaa")) == first)
        #expect(try await bench.driver.createEndpoint(.make("bbbbbbbbbbbb", ipv4: "10.0.0.3/24")) != first)
    }

    @Test func `no two endpoints of a network are made with one MAC address`() async throws {
        let mac = try await bench.driver.createEndpoint(.make())
        // The engine would not give one address twice; whoever does gets another MAC address.
        let other = try await bench.driver.createEndpoint(.make("aaaaaaaaaaaa"))
        #expect(mac != other && other.isLocallyAdministered && !other.isMulticast)
    }

    @Test func `the MAC address asked for is the one given`() async throws {
        #expect(
            try await bench.driver.createEndpoint(.make(mac: "02:aa:bb:cc:dd:ee")) == MACAddress("02:aa:bb:cc:dd:ee"))
    }

    @Test(arguments: ["01:00:5e:00:00:01", "00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"])
    func `an address that no link can have is refused`(mac: String) async throws {
        await #expect(throws: DriverError.self) { try await bench.driver.createEndpoint(.make(mac: mac)) }
    }

    @Test func `creating it again gives the same answer`() async throws {
        let mac = try await bench.driver.createEndpoint(.make())
        #expect(try await bench.driver.createEndpoint(.make()) == mac)
        #expect(bench.kernel.calls.count { $0.hasPrefix("addVethPair") } == 1)
    }

    @Test func `on an unknown network it is refused`() async throws {
        let error = await #expect(throws: DriverError.self) {
            try await bench.driver.createEndpoint(.make(network: "bbbbbbbbbbbbbbbb"))
        }
        #expect(error?.description == "network bbbbbbbbbbbb is not known to plugind")
    }

    @Test(arguments: [
        ("10.0.0.1/24", "address 10.0.0.1 is the gateway of network 09dff9c378bc"),
        ("10.99.0.2/24", "address 10.99.0.2 is in no subnet of network 09dff9c378bc"),
    ])
    func `an address that no container of the network can have is refused`(ipv4: String, words: String) async throws {
        let error = await #expect(throws: DriverError.self) {
            try await bench.driver.createEndpoint(.make(ipv4: ipv4))
        }
        #expect(error?.description == words)
    }

    @Test func `an endpoint is taken back through its own network only`() async throws {
        let request = try EndpointRequest.make()
        _ = try await bench.driver.createEndpoint(request)
        let other = try #require(NetworkID("bbbbbbbbbbbbbbbb"))
        try await bench.driver.deleteEndpoint(request.id, of: other)
        #expect(bench.kernel.linkNames.contains("pdh56e4d91db20d"))
    }

    @Test func `a full bridge is named as the reason`() async throws {
        bench.kernel.refuse("addVethPair", code: 54)  // EXFULL
        let error = await #expect(throws: DriverError.self) { try await bench.driver.createEndpoint(.make()) }
        #expect(error?.description == "bridge br-09dff9c378bc has no free port: the kernel allows 1023")
        await bench.driver.settle()
        #expect(try bench.store.load().endpoints.isEmpty)
    }

    @Test(arguments: 0..<2) func `a commit that fails leaves nothing`(commit: Int) async throws {
        bench.store.fail(after: commit)
        await #expect(throws: StoreError.self) { try await bench.driver.createEndpoint(.make()) }
        await bench.driver.settle()
        #expect(bench.kernel.linkNames == ["br-09dff9c378bc"])
        #expect(try bench.store.load().endpoints.isEmpty)
        _ = try await bench.driver.createEndpoint(.make())
    }

    @Test func `join names the link, the prefix and the gateway`() async throws {
        let request = try EndpointRequest.make()
        _ = try await bench.driver.createEndpoint(request)
        let attachment = try await bench.driver.join(
            request.id, of: request.network, sandbox: "/var/run/docker/netns/1")
        #expect(attachment.link?.description == "pds56e4d91db20d")
        #expect(attachment.linkPrefix == "eth")
        #expect(attachment.gatewayIPv4 == IPAddress("10.0.0.1"))
        #expect(attachment.gatewayIPv6 == nil)
        #expect(try bench.store.load().endpoints.map(\.sandboxKey) == ["/var/run/docker/netns/1"])
    }

    @Test func `joining twice is the same as joining once`() async throws {
        let request = try EndpointRequest.make()
        _ = try await bench.driver.createEndpoint(request)
        let first = try await bench.driver.join(request.id, of: request.network, sandbox: "/1")
        let commits = bench.store.commits
        #expect(try await bench.driver.join(request.id, of: request.network, sandbox: "/1") == first)
        #expect(bench.store.commits == commits)
    }

    @Test func `join puts back a pair that somebody deleted`() async throws {
        let request = try EndpointRequest.make()
        _ = try await bench.driver.createEndpoint(request)
        bench.kernel.lose(try #require(InterfaceName("pdh56e4d91db20d")))
        bench.kernel.lose(try #require(InterfaceName("pds56e4d91db20d")))
        _ = try await bench.driver.join(request.id, of: request.network, sandbox: "/1")
        #expect(bench.kernel.linkNames.contains("pds56e4d91db20d"))
    }

    @Test func `leaving and deleting are success for what is unknown`() async throws {
        let id = try #require(EndpointID("ffffffffffff"))
        let network = try #require(NetworkID("ffffffffffff"))
        try await bench.driver.leave(id, of: network)
        try await bench.driver.deleteEndpoint(id, of: network)
    }

    @Test func `where the store refuses the intent nothing is deleted, and the deletion can be repeated`()
        async throws
    {
        let request = try EndpointRequest.make()
        _ = try await bench.driver.createEndpoint(request)
        bench.store.failNext()
        await #expect(throws: StoreError.self) {
            try await bench.driver.deleteEndpoint(request.id, of: request.network)
        }
        #expect(try bench.kernel.link(named: .make("pdh56e4d91db20d"))?.isUp == true)
        try await bench.delete(request)
        #expect(bench.kernel.linkNames == ["br-09dff9c378bc"])
        #expect(try bench.store.load().endpoints.isEmpty)
    }

    @Test func `joining through another network is refused`() async throws {
        let request = try EndpointRequest.make()
        _ = try await bench.driver.createEndpoint(request)
        try await bench.driver.createNetwork(.make("cccccccccccccccc", subnet: "10.0.1.0/24", gateway: nil))
        let other = try #require(NetworkID("cccccccccccccccc"))
        let error = await #expect(throws: DriverError.self) {
            try await bench.driver.join(request.id, of: other, sandbox: "/1")
        }
        #expect(error == .unknownEndpoint(request.id))
    }

    @Test func `an internal network has no gateway`() async throws {
        try await bench.driver.createNetwork(
            .make("cccccccccccccccc", subnet: "10.0.1.0/24", gateway: "10.0.1.1/24", isInternal: true))
        let request = try EndpointRequest.make(network: "cccccccccccccccc", ipv4: "10.0.1.2/24")
        _ = try await bench.driver.createEndpoint(request)
        #expect(try await bench.driver.join(request.id, of: request.network, sandbox: "/1").gatewayIPv4 == nil)
    }

    @Test func `fifty created and deleted at once leave nothing, and no two share an address`() async throws {
        let macs = try await withThrowingTaskGroup(of: MACAddress.self) { group in
            for index in 0..<50 {
                group.addTask {
                    let request = try EndpointRequest.make("\(index)aaaaaaaaaaaaaaaa", ipv4: "10.0.0.\(index + 2)/24")
                    let mac = try await bench.driver.createEndpoint(request)
                    _ = try await bench.driver.join(request.id, of: request.network, sandbox: "/\(index)")
                    return mac
                }
            }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(macs.count == 50)
        let network = try NetworkRequest.make().id
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<50 {
                let id = try #require(EndpointID("\(index)aaaaaaaaaaaaaaaa"))
                group.addTask { try await bench.driver.deleteEndpoint(id, of: network) }
                group.addTask { try await bench.driver.deleteEndpoint(id, of: network) }
            }
            try await group.waitForAll()
        }
        await bench.driver.settle()
        #expect(bench.kernel.linkNames == ["br-09dff9c378bc"])
        #expect(try bench.store.load().endpoints.isEmpty)
    }
}
