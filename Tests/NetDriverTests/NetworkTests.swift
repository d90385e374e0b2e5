// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Store
import Synchronization
import TestSupport
import Testing

@testable import NetDriver

@Suite("Networks")
struct NetworkTests {
    @Test func `creating a network makes its bridge and its rules`() async throws {
        let bench = Bench()
        try await bench.driver.createNetwork(.make())
        #expect(bench.kernel.linkNames == ["br-09dff9c378bc"])
        #expect(bench.firewall.words(in: "bridges") == ["bridges \"br-09dff9c378bc\""])
        #expect(bench.firewall.isAtEngine)
        #expect(try bench.store.load().networks.map(\.phase) == [.ready])
    }

    @Test func `creating it again is success and does nothing`() async throws {
        let bench = Bench()
        try await bench.driver.createNetwork(.make())
        let calls = bench.kernel.calls
        try await bench.driver.createNetwork(.make())
        #expect(bench.kernel.calls == calls)
    }

    @Test(arguments: ["retire", "deleteLinks"])
    func `the rules are there until the bridge is gone`(call: String) async throws {
        let bench = Bench()
        let request = try NetworkRequest.make()
        try await bench.driver.createNetwork(request)
        bench.kernel.refuse(call, code: 16)
        await #expect(throws: KernelError.self) { try await bench.driver.deleteNetwork(request.id) }
        #expect(bench.firewall.words(in: "bridges") == ["bridges \"br-09dff9c378bc\""])
        bench.kernel.allowEverything()
        try await bench.driver.deleteNetwork(request.id)
        #expect(try bench.isClean())
    }

    @Test func `creating it again with other settings is refused`() async throws {
        let bench = Bench()
        try await bench.driver.createNetwork(.make())
        await #expect(throws: DriverError.self) { try await bench.driver.createNetwork(.make(isInternal: true)) }
    }

    @Test func `deleting a network leaves nothing, and deleting it again is success`() async throws {
        let bench = Bench()
        let request = try NetworkRequest.make()
        try await bench.driver.createNetwork(request)
        try await bench.driver.deleteNetwork(request.id)
        #expect(try bench.isClean())
        try await bench.driver.deleteNetwork(request.id)
    }

    @Test func `deleting a network with an endpoint is refused in words`() async throws {
        let bench = Bench()
        let request = try NetworkRequest.make()
        try await bench.driver.createNetwork(request)
        _ = try await bench.driver.createEndpoint(.make())
        let error = await #expect(throws: DriverError.self) { try await bench.driver.deleteNetwork(request.id) }
        #expect(error?.description == "network 09dff9c378bc has 1 active endpoint")
        #expect(bench.kernel.linkNames.contains("br-09dff9c378bc"))
    }

    @Test(arguments: [
        ("10.0.0.0/16", "10.0.0.0/16 overlaps 10.0.0.0/24 of network 09dff9c378bc"),
        ("10.0.0.128/25", "10.0.0.128/25 overlaps 10.0.0.0/24 of network 09dff9c378bc"),
    ])
    func `a subnet that overlaps another network's is refused in words`(subnet: String, words: String) async throws {
        let bench = Bench()
        try await bench.driver.createNetwork(.make())
        let error = await #expect(throws: DriverError.self) {
            try await bench.driver.createNetwork(.make("aaaaaaaaaaaaaaaa", subnet: subnet, gateway: nil))
        }
        #expect(error?.description == words)
    }

    @Test func `a bridge name that another network has is refused`() async throws {
        let bench = Bench()
        let options = ["com.docker.network.bridge.name": "lan0"]
        try await bench.driver.createNetwork(.make(options: options))
        let error = await #expect(throws: DriverError.self) {
            try await bench.driver.createNetwork(
                .make("aaaaaaaaaaaaaaaa", subnet: "10.0.1.0/24", gateway: nil, options: options))
        }
        #expect(error?.description == "bridge lan0 belongs to network 09dff9c378bc")
    }

    @Test func `a bridge name that a link of the host has is refused, and the link stays`() async throws {
        let bench = Bench()
        bench.kernel.addForeign("lan0", kind: "bridge")
        let error = await #expect(throws: DriverError.self) {
            try await bench.driver.createNetwork(.make(options: ["com.docker.network.bridge.name": "lan0"]))
        }
        #expect(error?.description == "a bridge link called lan0 exists already on this host")
        #expect(bench.kernel.linkNames == ["lan0"])
        #expect(try bench.store.load() == StoredState())
    }

    @Test func `a gateway that is an address of the host is refused`() async throws {
        let bench = Bench()
        bench.kernel.addForeign("eth0", address: InterfaceAddress("10.0.0.1/24"))
        let error = await #expect(throws: DriverError.self) { try await bench.driver.createNetwork(.make()) }
        #expect(error?.description == "gateway 10.0.0.1 is an address of this host already, on link eth0")
    }

    @Test(arguments: ["addBridge"]) func `a refusal of the kernel leaves nothing`(call: String) async throws {
        let bench = Bench()
        bench.kernel.refuse(call, code: 1)
        await #expect(throws: KernelError.self) { try await bench.driver.createNetwork(.make()) }
        #expect(try bench.isClean())
    }

    @Test func `a refusal of the packet filter leaves no network that is open to everybody`() async throws {
        let bench = Bench()
        bench.firewall.refuse(true)
        await #expect(throws: FirewallError.self) { try await bench.driver.createNetwork(.make()) }
        bench.firewall.refuse(false)
        await bench.driver.upkeep()
        #expect(bench.kernel.calls.filter { $0.hasPrefix("addBridge") } == [])
        #expect(try bench.isClean())
    }

    @Test func `a refusal of the packet filter when a network goes is made good later`() async throws {
        let bench = Bench()
        let request = try NetworkRequest.make()
        try await bench.driver.createNetwork(request)
        bench.firewall.refuse(true)
        await #expect(throws: FirewallError.self) { try await bench.driver.deleteNetwork(request.id) }
        bench.firewall.refuse(false)
        await bench.driver.upkeep()
        #expect(try bench.isClean())
    }

    @Test(arguments: 0..<3) func `a commit that fails leaves nothing`(commit: Int) async throws {
        let bench = Bench()
        // The network, the guard against forwarding for others, the network again.
        bench.store.fail(after: commit)
        await #expect(throws: StoreError.self) { try await bench.driver.createNetwork(.make()) }
        #expect(try bench.isClean())
    }

    @Test(arguments: 0..<2)
    func `where the store refuses the intent nothing is deleted, and the deletion can be repeated`(commit: Int)
        async throws
    {
        let bench = Bench()
        let request = try NetworkRequest.make()
        try await bench.driver.createNetwork(request)
        bench.store.fail(after: commit)
        await #expect(throws: StoreError.self) { try await bench.driver.deleteNetwork(request.id) }
        #expect(bench.kernel.linkNames.isEmpty == (commit == 1))
        try await bench.driver.deleteNetwork(request.id)
        #expect(try bench.isClean())
    }

    @Test func `an endpoint without its link goes with its network`() async throws {
        let bench = Bench()
        let request = try NetworkRequest.make()
        try await bench.driver.createNetwork(request)
        let endpoint = try EndpointRequest.make()
        _ = try await bench.driver.createEndpoint(endpoint)
        _ = try await bench.driver.join(endpoint.id, of: request.id, sandbox: "/1")
        bench.kernel.lose(try #require(InterfaceName("pdh56e4d91db20d")))
        bench.kernel.lose(try #require(InterfaceName("pds56e4d91db20d")))
        try await bench.driver.deleteNetwork(request.id)
        #expect(try bench.isClean())
    }

    @Test func `an endpoint whose sandbox is gone after a restart goes with its network, one in a sandbox does not`()
        async throws
    {
        let bench = Bench()
        let request = try NetworkRequest.make()
        try await bench.driver.createNetwork(request)
        let endpoint = try EndpointRequest.make()
        _ = try await bench.driver.createEndpoint(endpoint)
        bench.kernel.state.withLock { _ = $0.namespaces.insert("/sandbox") }
        _ = try await bench.driver.join(endpoint.id, of: request.id, sandbox: "/sandbox")
        // The engine's Leave and DeleteEndpoint were lost with the daemon.
        let driver = try await bench.restarted()
        await #expect(throws: DriverError.self) { try await driver.deleteNetwork(request.id) }
        bench.kernel.state.withLock { $0.namespaces = [] }
        try await driver.deleteNetwork(request.id)
        #expect(try bench.isClean())
    }

    @Test func `an endpoint that was never joined before a restart goes with its network`() async throws {
        let bench = Bench()
        let request = try NetworkRequest.make()
        try await bench.driver.createNetwork(request)
        _ = try await bench.driver.createEndpoint(.make())
        let driver = try await bench.restarted()
        try await driver.deleteNetwork(request.id)
        #expect(try bench.isClean())
    }

    @Test func `a deletion that failed is not tried again once the engine asks for the network again`() async throws {
        let bench = Bench()
        let request = try NetworkRequest.make()
        try await bench.driver.createNetwork(request)
        let endpoint = try EndpointRequest.make()
        _ = try await bench.driver.createEndpoint(endpoint)
        bench.kernel.refuse("link", code: 16)
        await #expect(throws: KernelError.self) { try await bench.driver.deleteNetwork(request.id) }
        bench.kernel.allowEverything()
        try await bench.driver.createNetwork(request)
        try await bench.driver.deleteEndpoint(endpoint.id, of: request.id)
        await bench.driver.upkeep()
        #expect(await bench.driver.networks[request.id]?.phase == .ready)
    }
}
