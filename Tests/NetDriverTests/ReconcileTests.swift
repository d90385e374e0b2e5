// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Store
import Synchronization
import TestSupport
import Testing

@testable import NetDriver

@Suite("Reconciling")
struct ReconcileTests {
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

    @Test func `everything that differs from what was stored is put back`() async throws {
        let bench = Bench()
        try await bench.driver.createNetwork(.make())
        _ = try await bench.driver.createEndpoint(.make())
        let before = try bench.host()
        bench.kernel.state.withLock { state in
            state.addresses = []
            state.links["pdh56e4d91db20d"]?.master = nil
            state.links["pdh56e4d91db20d"]?.mtu = 1400
            state.links["br-09dff9c378bc"]?.isUp = false
            state.links["br-09dff9c378bc"]?.mtu = 1300
            state.links["br-09dff9c378bc"]?.mac = MACAddress("02:00:00:00:00:99")
        }
        let rules = bench.firewall.elements
        bench.firewall.flush()
        let driver = try await bench.restarted()
        #expect(try bench.host() == before)
        #expect(bench.firewall.elements == rules && bench.firewall.isAtEngine)
        #expect(
            await driver.repairCounts == [
                "address": 1, "master": 1, "mtu": 2, "up": 1, "mac": 1, "settings": 1,
            ])
        #expect(try await driver.reconcile().mended == 0)
    }

    @Test func `rules of a bridge that is gone are removed at start`() async throws {
        let bench = Bench()
        try await bench.driver.createNetwork(.make())
        let rules = bench.firewall.elements
        try bench.firewall.update(
            adding: Set(RulesetElement.bridge(try #require(InterfaceName("br-gone")))), removing: [])
        _ = try await bench.restarted()
        #expect(bench.firewall.elements == rules)
    }

    @Test func `what cannot be finished at start is finished later`() async throws {
        let bench = Bench()
        try await bench.driver.createNetwork(.make())
        let request = try EndpointRequest.make()
        _ = try await bench.driver.createEndpoint(request)
        bench.kernel.refuse("retire", code: 16)
        await #expect(throws: KernelError.self) {
            try await bench.driver.deleteEndpoint(request.id, of: request.network)
        }
        let driver = try await bench.restarted()
        #expect(bench.kernel.linkNames.contains("pdh56e4d91db20d"))
        bench.kernel.allowEverything()
        await driver.upkeep()
        await driver.settle()
        #expect(bench.kernel.linkNames == ["br-09dff9c378bc"])
        #expect(bench.store.state.endpoints.isEmpty)
    }

    @Test(arguments: ["retire", "store"])
    func `a deletion that failed is finished without being asked for again`(culprit: String) async throws {
        let bench = Bench()
        try await bench.driver.createNetwork(.make())
        let request = try EndpointRequest.make()
        _ = try await bench.driver.createEndpoint(request)
        func obstruct() {
            if culprit == "store" { bench.store.failNext(2) } else { bench.kernel.refuse("retire", code: 16) }
        }
        obstruct()
        await #expect(throws: (any Error).self) {
            try await bench.driver.deleteEndpoint(request.id, of: request.network)
        }
        obstruct()
        await #expect(throws: (any Error).self) { try await bench.driver.deleteNetwork(request.network) }
        await bench.driver.upkeep()
        bench.kernel.allowEverything()
        bench.store.failNext(0)
        await bench.driver.upkeep()
        #expect(try bench.isClean())
    }

    @Test func `a network whose use could not be seen when the engine deleted it is deleted later`() async throws {
        let bench = Bench()
        let request = try NetworkRequest.make()
        try await bench.driver.createNetwork(request)
        _ = try await bench.driver.createEndpoint(.make())
        let driver = try await bench.restarted()
        bench.kernel.refuse("link", code: 105)
        await #expect(throws: KernelError.self) { try await driver.deleteNetwork(request.id) }
        bench.kernel.allowEverything()
        await driver.upkeep()
        #expect(try bench.isClean())
    }

    @Test func `a creation that could not be undone is undone later`() async throws {
        let bench = Bench()
        try await bench.driver.createNetwork(.make())
        bench.store.fail(after: 1)
        bench.kernel.refuse("retire", code: 16)
        await #expect(throws: StoreError.self) { _ = try await bench.driver.createEndpoint(.make()) }
        bench.kernel.allowEverything()
        await bench.driver.upkeep()
        await bench.driver.settle()
        #expect(bench.kernel.linkNames == ["br-09dff9c378bc"])
        #expect(bench.store.state.endpoints.isEmpty)
    }

    @Test func `a thousand endpoints are reconciled`() async throws {
        let bench = Bench()
        try await bench.driver.createNetwork(.make(subnet: "10.0.0.0/16", gateway: "10.0.0.1/16"))
        for number in 0..<1000 {
            let address = "10.0.\(number / 250 + 1).\(number % 250 + 1)/16"
            let id = String(repeating: "0", count: 12 - "\(number)".count) + "\(number)" + "aaaaaaaaaaaa"
            _ = try await bench.driver.createEndpoint(.make(id, ipv4: address))
        }
        bench.kernel.state.withLock { state in
            for name in state.links.keys where name.hasPrefix("pdh") { state.links[name]?.master = nil }
        }
        let driver = try bench.new()
        let result = try await driver.reconcile()
        #expect(result.mended == 1000)
        print("1000 endpoints put back in \(result.duration) on a kernel in memory")
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
        #expect(try bench.isStoreEmpty())
    }
}
