// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Store
import Synchronization
import TestSupport
import Testing

@testable import NetDriver

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
