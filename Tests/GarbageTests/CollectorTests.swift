// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import IPAM
import NetDriver
import Store
import Synchronization
import TestSupport
import Testing

@testable import Garbage

@Suite("Collecting garbage")
struct CollectorTests {
    // MARK: Endpoints

    @Test func `an endpoint whose sandbox died is freed after the grace period, and its address a period later`()
        async throws
    {
        let bench = try Bench()
        let pool = try await bench.createNetwork()
        let id = try await bench.createEndpoint(in: pool)
        try await bench.join(id)
        bench.killSandbox(of: id)

        await bench.pass(at: 0...9)
        #expect(bench.endpoints == [Bench.endpoint])
        #expect(try bench.decisions == [])
        await bench.pass(at: 10...10)
        #expect(bench.endpoints == [])
        #expect(bench.addresses == ["10.0.0.1", "10.0.0.2"])
        #expect(try bench.decisions == ["freeing endpoint \(id)", "freed endpoint \(id)"])
        await bench.pass(at: 11...20)
        #expect(bench.addresses == ["10.0.0.1", "10.0.0.2"])
        await bench.pass(at: 21...21)
        #expect(bench.addresses == ["10.0.0.1"], "the gateway of a network that the engine knows stays")
        #expect(try bench.decisions.suffix(1) == ["freed address 10.0.0.2 of pool \(pool)"])
        #expect(try bench.store.auditLog(last: 10).allSatisfy { $0.time == 42 })
        #expect(bench.store.violations == [])
    }

    @Test func `an endpoint that the engine has not joined is freed with its links`() async throws {
        let bench = try Bench()
        let id = try await bench.createEndpoint(in: try await bench.createNetwork())
        #expect(bench.kernel.linkNames == ["br-09dff9c378bc", "pdh56e4d91db20d", "pds56e4d91db20d"])
        await bench.pass(at: 0...10)
        #expect(bench.kernel.linkNames == ["br-09dff9c378bc"])
        #expect(try bench.decisions == ["freeing endpoint \(id)", "freed endpoint \(id)"])
    }

    @Test func `an endpoint that the engine knows is kept, and that is said once`() async throws {
        let bench = try Bench()
        let id = try await bench.createEndpoint(in: try await bench.createNetwork())
        bench.engine.view { view in view.endpoints.insert(id) }
        await bench.pass(at: 0...100)
        #expect(bench.endpoints == [Bench.endpoint])
        #expect(try bench.decisions == ["kept endpoint \(id)"])
    }

    @Test func `an endpoint in use is never suspect, also where its sandbox cannot be seen`() async throws {
        let bench = try Bench()
        let id = try await bench.createEndpoint(in: try await bench.createNetwork())
        try await bench.join(id)
        bench.engine.view { view in view.endpoints.insert(id) }
        await bench.pass(at: 0...20)
        bench.kernel.state.withLock { $0.namespaces = [] }
        await bench.pass(at: 21...40)
        #expect(bench.endpoints == [Bench.endpoint])
        #expect(try bench.decisions == [])
    }

    @Test func `without an engine to ask, only what has neither link nor sandbox is freed`() async throws {
        let bench = try Bench(asks: false)
        let pool = try await bench.createNetwork()
        let dead = try await bench.createEndpoint("aaaaaaaaaaaaaaaa", in: pool)
        try await bench.join(dead)
        bench.killSandbox(of: dead)
        let waiting = try await bench.createEndpoint("bbbbbbbbbbbbbbbb", in: pool)
        await bench.pass(at: 0...30)
        #expect(bench.endpoints == [waiting.description])
        #expect(bench.addresses == ["10.0.0.1", "10.0.0.2", "10.0.0.3"])
        #expect(
            Set(try bench.decisions) == [
                "freeing endpoint \(dead)", "freed endpoint \(dead)", "kept endpoint \(waiting)",
                "kept address 10.0.0.2 of pool \(pool)",
            ])
    }

    @Test func `what is interrupted begins anew`() async throws {
        let bench = try Bench()
        let id = try await bench.createEndpoint(in: try await bench.createNetwork())
        await bench.pass(at: 0...9)
        bench.kernel.state.withLock { $0.links["pdh\(id.short)"]?.peerNamespace = 0 }
        bench.engine.view { view in view.endpoints.insert(id) }
        await bench.pass(at: 10...10)
        bench.kernel.state.withLock { $0.links["pdh\(id.short)"]?.peerNamespace = nil }
        bench.engine.view { view in view.endpoints.remove(id) }
        await bench.pass(at: 11...20)
        #expect(bench.endpoints == [Bench.endpoint])
        await bench.pass(at: 21...21)
        #expect(bench.endpoints == [])
    }

    @Test func `what the engine knew a moment ago is not freed yet`() async throws {
        // A late DeleteEndpoint or ReleaseAddress would else hit what somebody else was given by then.
        let bench = try Bench()
        let id = try await bench.createEndpoint(in: try await bench.createNetwork())
        bench.engine.view { view in view.endpoints.insert(id) }
        await bench.pass(at: 0...50)
        bench.engine.view { view in view.endpoints.remove(id) }
        await bench.pass(at: 51...60)
        #expect(bench.endpoints == [Bench.endpoint])
        await bench.pass(at: 61...61)
        #expect(bench.endpoints == [])
    }

    @Test func `an endpoint that is joined just before it would be freed is kept`() async throws {
        let bench = try Bench()
        let id = try await bench.createEndpoint(in: try await bench.createNetwork())
        await bench.pass(at: 0...9)
        // The pass has seen it idle, and is about to write its intent, when the engine joins it.
        bench.store.pause()
        async let pass: Void = bench.collector.pass(at: .seconds(10))
        await bench.store.untilPaused(1)
        bench.kernel.state.withLock { $0.links["pdh\(id.short)"]?.peerNamespace = 0 }
        bench.store.resume()
        await pass
        #expect(bench.endpoints == [Bench.endpoint])
        #expect(try bench.decisions == ["freeing endpoint \(id)", "kept endpoint \(id)"])
    }

    // MARK: The engine

    @Test func `while the engine cannot be asked nothing is freed, and afterwards the period begins anew`() async throws
    {
        let bench = try Bench()
        let pool = try await bench.createNetwork()
        let id = try await bench.createEndpoint(in: pool)
        try await bench.join(id)
        bench.killSandbox(of: id)
        await bench.pass(at: 0...9)
        bench.engine.fail("the engine cannot be asked: it is off")
        await bench.pass(at: 10...40)
        #expect(bench.endpoints == [Bench.endpoint])
        #expect(try bench.decisions == ["kept endpoint \(id)"])
        #expect(
            try bench.store.auditLog(last: 1).map(\.reason) == [
                "its link and its sandbox are gone, for at least 10 s, but the engine cannot be asked: it is off"
            ])
        bench.engine.fail(nil)
        await bench.pass(at: 41...50)
        #expect(bench.endpoints == [Bench.endpoint])
        await bench.pass(at: 51...51)
        #expect(bench.endpoints == [])
    }

    @Test func `an engine that does not know what is in use is another engine, and frees nothing`() async throws {
        let bench = try Bench()
        let pool = try await bench.createNetwork()
        let used = try await bench.createEndpoint("aaaaaaaaaaaaaaaa", in: pool)
        try await bench.join(used)
        let idle = try await bench.createEndpoint("bbbbbbbbbbbbbbbb", in: pool)
        bench.engine.view { $0 = EngineView() }
        await bench.pass(at: 0...50)
        #expect(bench.endpoints == [used.description, idle.description])
        #expect(try bench.store.auditLog(last: 1).first?.reason.contains("is not, or not the only, engine") == true)
    }

    @Test func `nobody is asked when there is nothing to ask about`() async throws {
        let bench = try Bench()
        await bench.pass(at: 0...10)
        #expect(bench.engine.asked == 0)
    }

    // MARK: Modes

    @Test func `a report says once what would be freed, and frees nothing`() async throws {
        let bench = try Bench(.report)
        let pool = try await bench.createNetwork()
        let id = try await bench.createEndpoint(in: pool)
        let leaked = try await bench.requestAddress("10.0.0.77", in: pool)
        let before = bench.store.state
        await bench.pass(at: 0...100)
        #expect(bench.store.state == before)
        #expect(
            Set(try bench.decisions) == [
                "would free endpoint \(id)", "would free address \(leaked.address) of pool \(pool)",
            ])
        #expect(try bench.decisions.count == 2)
    }

    @Test func `when it is off nothing is even looked at`() async throws {
        let bench = try Bench(.off)
        _ = try await bench.createEndpoint(in: try await bench.createNetwork())
        await bench.pass(at: 0...100)
        #expect(bench.engine.asked == 0)
        #expect(try bench.decisions == [])
    }

    // MARK: Failures

    @Test func `what cannot be written down is not freed, and tried again a period later`() async throws {
        let bench = try Bench()
        let id = try await bench.createEndpoint(in: try await bench.createNetwork())
        await bench.pass(at: 0...9)
        bench.store.failNext()
        await bench.pass(at: 10...20)
        #expect(bench.endpoints == [Bench.endpoint])
        #expect(bench.kernel.linkNames.contains("pdh\(id.short)"))
        #expect(try bench.decisions == ["not freed endpoint \(id)"])
        await bench.pass(at: 21...21)
        #expect(bench.endpoints == [])
    }

    @Test func `an endpoint whose deletion the store refuses is as before, and tried again`() async throws {
        let bench = try Bench()
        let id = try await bench.createEndpoint(in: try await bench.createNetwork())
        await bench.pass(at: 0...9)
        bench.store.fail(after: 1)
        await bench.pass(at: 10...10)
        #expect(bench.kernel.linkNames.contains("pdh\(id.short)"))
        #expect(try bench.decisions == ["freeing endpoint \(id)", "not freed endpoint \(id)"])
        try await bench.join(id)
        bench.engine.view { view in view.endpoints.insert(id) }
        await bench.pass(at: 11...40)
        #expect(bench.endpoints == [Bench.endpoint], "the endpoint can still be used")
    }

    @Test func `what was begun and could not be finished is finished by the driver`() async throws {
        let bench = try Bench()
        let id = try await bench.createEndpoint(in: try await bench.createNetwork())
        await bench.pass(at: 0...9)
        bench.kernel.refuse("retire", code: 16)
        await bench.pass(at: 10...30)
        #expect(try bench.decisions == ["freeing endpoint \(id)", "will be finished endpoint \(id)"])
        #expect(try bench.store.auditLog(last: 1).first?.reason.contains("retire") == true)
        bench.kernel.allowEverything()
        await bench.driver.upkeep()
        await bench.driver.settle()
        #expect(bench.endpoints == [])
        #expect(bench.kernel.linkNames == ["br-09dff9c378bc"])
    }

    @Test func `what is freed and whose links cannot be deleted yet is finished by the driver`() async throws {
        let bench = try Bench()
        let id = try await bench.createEndpoint(in: try await bench.createNetwork())
        await bench.pass(at: 0...9)
        bench.kernel.refuse("deleteLinks", code: 16)
        await bench.pass(at: 10...30)
        // It is out of use, and nobody can have it back: no second decision is made about it.
        #expect(try bench.decisions == ["freeing endpoint \(id)", "freed endpoint \(id)"])
        #expect(bench.kernel.linkNames.contains("pdh\(id.short)"))
        bench.kernel.allowEverything()
        await bench.driver.upkeep()
        await bench.driver.settle()
        #expect(bench.endpoints == [])
        #expect(bench.kernel.linkNames == ["br-09dff9c378bc"])
    }

    @Test(arguments: ["retire", "deleteLinks"])
    func `a network whose deletion was begun is finished by the driver, too`(call: String) async throws {
        let bench = try Bench()
        _ = try await bench.createNetwork()
        bench.engine.view { $0 = EngineView() }
        await bench.pass(at: 0...9)
        bench.kernel.refuse(call, code: 16)
        await bench.pass(at: 10...10)
        #expect(
            try bench.decisions == ["freeing network \(Bench.network)", "will be finished network \(Bench.network)"])
        bench.kernel.allowEverything()
        await bench.driver.upkeep()
        #expect(bench.store.state.networks.isEmpty)
        #expect(bench.kernel.linkNames == [])
    }

    @Test func `what was freed is not said to be kept because the log could not take it`() async throws {
        let bench = try Bench()
        let pool = try await bench.createNetwork()
        let address = try await bench.requestAddress("10.0.0.9", in: pool).address
        await bench.pass(at: 0...9)
        bench.store.fail(after: 2)
        await bench.pass(at: 10...30)
        #expect(bench.addresses == ["10.0.0.1"])
        #expect(try bench.decisions == ["freeing address \(address) of pool \(pool)"])
    }

    @Test func `endpoints that the engine lost and that go with their network are in the log`() async throws {
        let bench = try Bench(.off)
        let pool = try await bench.createNetwork()
        let id = try await bench.createEndpoint(in: pool)
        try await bench.join(id)
        bench.killSandbox(of: id)
        let network = try #require(NetworkID(Bench.network))
        // The first attempt gets no further than the network's own intent.
        bench.store.fail(after: 1)
        await #expect(throws: StoreError.self) { try await bench.driver.deleteNetwork(network) }
        #expect(try bench.decisions == [])
        await bench.driver.upkeep()
        #expect(bench.store.state.networks.isEmpty)
        #expect(try bench.decisions == ["freed endpoint \(id)"])
        #expect(try bench.store.auditLog(last: 1).map(\.reason) == ["the engine deleted its network \(network)"])
        #expect(bench.store.violations == [])
    }

    @Test func `a network whose deletion the store refuses can still be used`() async throws {
        let bench = try Bench()
        let pool = try await bench.createNetwork()
        bench.engine.view { $0 = EngineView() }
        await bench.pass(at: 0...9)
        bench.store.fail(after: 1)
        await bench.pass(at: 10...10)
        #expect(try bench.decisions == ["freeing network \(Bench.network)", "not freed network \(Bench.network)"])
        #expect(bench.kernel.linkNames == ["br-09dff9c378bc"])
        _ = try await bench.createEndpoint(in: pool)
        #expect(bench.endpoints == [Bench.endpoint])
    }
}
