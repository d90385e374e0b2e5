// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Logging
import Store
import Synchronization
import TestSupport
import Testing

@testable import NetDriver

/// A driver on a fake kernel, firewall and store.
struct Bench {
    let kernel = FakeKernel()
    let firewall = FakeFirewall()
    let store: FakeStore
    let driver: Driver

    init(_ stored: StoredState = StoredState()) {
        store = FakeStore(stored)
        driver = Self.driver(stored, store, kernel, firewall)
    }

    /// A driver that starts anew on what the store and the kernel have.
    func restarted() async throws -> Driver {
        let driver = Self.driver(try store.load(), store, kernel, firewall)
        try await driver.restore()
        return driver
    }

    /// True if neither the host nor the store has anything.
    func isClean() throws -> Bool {
        try kernel.linkNames.isEmpty && firewall.bridges.isEmpty && store.load() == StoredState()
            && store.violations.isEmpty
    }

    private static func driver(
        _ state: StoredState, _ store: FakeStore, _ kernel: FakeKernel, _ firewall: FakeFirewall
    ) -> Driver {
        Driver(
            state: state, store: store, kernel: kernel, firewall: firewall,
            makeMAC: {
                var random = SystemRandomNumberGenerator()
                return MACAddress.random(using: &random)
            },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }
}

extension NetworkRequest {
    static func make(
        _ id: String = "09dff9c378bc2a0e5bfce0e5", subnet: String = "10.0.0.0/24", gateway: String? = "10.0.0.1/24",
        isInternal: Bool = false, options: [String: String] = [:]
    ) throws -> NetworkRequest {
        NetworkRequest(
            id: try #require(NetworkID(id)), isInternal: isInternal,
            subnets: [.init(prefix: try #require(Prefix(subnet)), gateway: gateway.flatMap { InterfaceAddress($0) })],
            options: options)
    }
}

extension EndpointRequest {
    static func make(
        _ id: String = "56e4d91db20dac74f4b1218b", network: String = "09dff9c378bc2a0e5bfce0e5",
        ipv4: String? = "10.0.0.2/24", mac: String? = nil
    ) throws -> EndpointRequest {
        EndpointRequest(
            id: try #require(EndpointID(id)), network: try #require(NetworkID(network)),
            ipv4: ipv4.flatMap { InterfaceAddress($0) }, mac: mac.flatMap { MACAddress($0) })
    }
}

@Suite("Networks")
struct NetworkTests {
    @Test func `creating a network makes its bridge and accepts the traffic inside it`() async throws {
        let bench = Bench()
        try await bench.driver.createNetwork(.make())
        #expect(bench.kernel.linkNames == ["br-09dff9c378bc"])
        #expect(bench.firewall.bridges.map(\.description) == ["br-09dff9c378bc"])
        #expect(try bench.store.load().networks.map(\.phase) == [.ready])
    }

    @Test func `creating it again is success and does nothing`() async throws {
        let bench = Bench()
        try await bench.driver.createNetwork(.make())
        let calls = bench.kernel.calls
        try await bench.driver.createNetwork(.make())
        #expect(bench.kernel.calls == calls)
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

    @Test func `a refusal of the packet filter does not keep a network from being made`() async throws {
        let bench = Bench()
        bench.firewall.refuse(true)
        try await bench.driver.createNetwork(.make())
        #expect(bench.kernel.linkNames == ["br-09dff9c378bc"])
    }

    @Test(arguments: 0..<2) func `a commit that fails leaves nothing`(commit: Int) async throws {
        let bench = Bench()
        bench.store.fail(after: commit)
        await #expect(throws: StoreError.self) { try await bench.driver.createNetwork(.make()) }
        #expect(try bench.isClean())
    }

    @Test(arguments: 0..<2)
    func `a store that refuses does not keep the bridge, and the deletion can be repeated`(commit: Int) async throws {
        let bench = Bench()
        let request = try NetworkRequest.make()
        try await bench.driver.createNetwork(request)
        bench.store.fail(after: commit)
        await #expect(throws: StoreError.self) { try await bench.driver.deleteNetwork(request.id) }
        #expect(bench.kernel.linkNames.isEmpty)
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

    @Test func `an endpoint that was never joined before a restart goes with its network`() async throws {
        let bench = Bench()
        let request = try NetworkRequest.make()
        try await bench.driver.createNetwork(request)
        _ = try await bench.driver.createEndpoint(.make())
        let driver = try await bench.restarted()
        try await driver.deleteNetwork(request.id)
        #expect(try bench.isClean())
    }
}

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
        #expect(try bench.store.load().endpoints.isEmpty)
    }

    @Test(arguments: 0..<2) func `a commit that fails leaves nothing`(commit: Int) async throws {
        bench.store.fail(after: commit)
        await #expect(throws: StoreError.self) { try await bench.driver.createEndpoint(.make()) }
        #expect(bench.kernel.linkNames == ["br-09dff9c378bc"])
        #expect(try bench.store.load().endpoints.isEmpty)
        _ = try await bench.driver.createEndpoint(.make())
    }

    @Test func `join names the link, the prefix and the gateway`() async throws {
        let request = try EndpointRequest.make()
        _ = try await bench.driver.createEndpoint(request)
        let attachment = try await bench.driver.join(
            request.id, of: request.network, sandbox: "/var/run/docker/netns/1")
        #expect(attachment.link.description == "pds56e4d91db20d")
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

    @Test(arguments: 0..<2)
    func `a store that refuses does not keep the links, and the deletion can be repeated`(commit: Int) async throws {
        let request = try EndpointRequest.make()
        _ = try await bench.driver.createEndpoint(request)
        bench.store.fail(after: commit)
        await #expect(throws: StoreError.self) {
            try await bench.driver.deleteEndpoint(request.id, of: request.network)
        }
        try await bench.driver.deleteEndpoint(request.id, of: request.network)
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
        #expect(bench.kernel.linkNames == ["br-09dff9c378bc"])
        #expect(try bench.store.load().endpoints.isEmpty)
    }
}

@Suite("Restoring")
struct RestoreTests {
    @Test func `after a reboot the bridges are put back, and endpoints can still be deleted`() async throws {
        let bench = Bench()
        try await bench.driver.createNetwork(.make())
        let request = try EndpointRequest.make()
        _ = try await bench.driver.createEndpoint(request)
        for name in bench.kernel.linkNames { bench.kernel.lose(try #require(InterfaceName(name))) }

        let driver = try await bench.restarted()
        #expect(bench.kernel.linkNames == ["br-09dff9c378bc"])
        try await driver.deleteEndpoint(request.id, of: request.network)
        try await driver.deleteNetwork(request.network)
        #expect(try bench.isClean())
    }

    @Test func `a missing gateway address and a port that was pulled out are put back`() async throws {
        let bench = Bench()
        try await bench.driver.createNetwork(.make())
        _ = try await bench.driver.createEndpoint(.make())
        bench.kernel.state.withLock { state in
            state.addresses = []
            state.links["pdh56e4d91db20d"]?.master = nil
            state.links["br-09dff9c378bc"]?.isUp = false
        }
        _ = try await bench.restarted()
        #expect(
            bench.kernel.calls.suffix(3) == [
                "addAddress 10.0.0.1/24", "setUp br-09dff9c378bc", "attach pdh56e4d91db20d",
            ])
    }

    @Test(arguments: [Phase.creating, .deleting])
    func `what was not finished is gone after a restart`(phase: Phase) async throws {
        let bench = Bench()
        try await bench.driver.createNetwork(.make())
        _ = try await bench.driver.createEndpoint(.make())
        var state = try bench.store.load()
        state.endpoints[0].phase = phase
        state.networks[0].phase = phase
        try await bench.store.commit([.putNetwork(state.networks[0]), .putEndpoint(state.endpoints[0])])
        _ = try await bench.restarted()
        #expect(try bench.isClean())
    }

    @Test func `what was made but not tagged yet is known by its address`() async throws {
        let bench = Bench()
        try await bench.driver.createNetwork(.make())
        _ = try await bench.driver.createEndpoint(.make())
        var state = try bench.store.load()
        state.endpoints[0].phase = .creating
        state.networks[0].phase = .creating
        try await bench.store.commit([.putNetwork(state.networks[0]), .putEndpoint(state.endpoints[0])])
        bench.kernel.state.withLock { state in
            for name in state.links.keys { state.links[name]?.alias = "" }
        }
        _ = try await bench.restarted()
        #expect(try bench.isClean())
    }

    @Test func `a link that took the name of ours is left alone`() async throws {
        let bench = Bench()
        try await bench.driver.createNetwork(.make())
        var network = try bench.store.load().networks[0]
        network.phase = .creating
        try await bench.store.commit([.putNetwork(network)])
        bench.kernel.state.withLock { $0.links["br-09dff9c378bc"]?.alias = "somebody else's" }
        _ = try await bench.restarted()
        #expect(bench.kernel.linkNames == ["br-09dff9c378bc"])
        #expect(try bench.store.load() == StoredState())
    }
}
