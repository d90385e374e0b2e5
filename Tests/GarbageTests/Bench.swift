// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import IPAM
import Logging
import NetDriver
import Store
import Synchronization
import TestSupport
import Testing

@testable import Garbage

/// A collector over a driver and an IPAM that both are over fakes, and an engine that knows what it is told.
struct Bench {
    static let network = "09dff9c378bc2a0e5bfce0e5"
    static let endpoint = "56e4d91db20dac74f4b1218b"
    static let sandbox = "/var/run/docker/netns/0123456789ab"

    let kernel = FakeKernel()
    let store = FakeStore()
    let engine = FakeEngine()
    let driver: Driver
    let ipam: IPAM
    let collector: GarbageCollector

    init(_ mode: GarbageMode = .on, grace: Duration = .seconds(10), asks: Bool = true) throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        driver = Driver(
            state: StoredState(), store: store, kernel: kernel, firewall: FakeFirewall(), hostPorts: FakeHostPorts(),
            retirementPause: .zero,
            makeMAC: {
                var random = SystemRandomNumberGenerator()
                return MACAddress.random(using: &random)
            },
            logger: logger)
        ipam = try IPAM(
            state: StoredState(), store: store, defaultPools: .standard, occupied: { [] },
            random: SeededGenerator(seed: 1), now: { 42 }, logger: logger)
        collector = GarbageCollector(
            policy: GarbagePolicy(mode: mode, grace: grace), driver: driver, ipam: ipam, engine: asks ? engine : nil,
            store: store, timestamp: { 42 }, logger: logger)
    }

    // MARK: What an engine does

    /// `docker network create --subnet 10.0.0.0/24`, known to the engine.
    func createNetwork() async throws -> PoolID {
        let pool = try await requestPool("10.0.0.0/24")
        let gateway = try await ipam.requestAddress(AddressRequest(pool: pool, role: .gateway))
        let id = try #require(NetworkID(Self.network))
        try await driver.createNetwork(
            NetworkRequest(id: id, subnets: [.init(prefix: gateway.prefix, gateway: gateway)]))
        engine.view { view in
            view.networks.insert(id)
            view.subnets.insert(gateway.prefix)
        }
        return pool
    }

    func requestPool(_ prefix: String) async throws -> PoolID {
        let request = try PoolRequest(
            space: AddressSpace.local.rawValue, pool: InterfaceAddress(prefix), subPool: nil, isIPv6: false,
            options: [:])
        return try await ipam.requestPool(request).id
    }

    func requestAddress(_ address: String? = nil, in pool: PoolID) async throws -> InterfaceAddress {
        try await ipam.requestAddress(AddressRequest(pool: pool, address: address.flatMap { IPAddress($0) }))
    }

    /// An endpoint as after CreateEndpoint, which the engine does not know unless it is told.
    func createEndpoint(_ id: String = endpoint, in pool: PoolID) async throws -> EndpointID {
        let id = try #require(EndpointID(id))
        let address = try await requestAddress(in: pool)
        _ = try await driver.createEndpoint(
            EndpointRequest(id: id, network: try #require(NetworkID(Self.network)), ipv4: address))
        return id
    }

    /// Join, and the move of the link into a sandbox that is alive.
    func join(_ id: EndpointID) async throws {
        kernel.state.withLock { _ = $0.namespaces.insert(Self.sandbox) }
        _ = try await driver.join(id, of: try #require(NetworkID(Self.network)), sandbox: Self.sandbox)
        kernel.state.withLock { state in
            state.links["pds\(id.short)"] = nil
            state.links["pdh\(id.short)"]?.peerNamespace = 0
        }
    }

    /// A container's death without a word to plugind: the namespace takes the pair with it.
    func killSandbox(of id: EndpointID) {
        kernel.state.withLock { state in
            state.namespaces = []
            state.links["pdh\(id.short)"] = nil
        }
    }

    // MARK: Looking

    /// Passes at these seconds. What they freed is gone afterwards.
    func pass(at seconds: ClosedRange<Int>) async {
        for second in seconds { await collector.pass(at: .seconds(second)) }
        await driver.settle()
    }

    /// Decision and subject of each line of the audit log, oldest first, without what IPAM writes there.
    var decisions: [String] {
        get throws {
            try store.auditLog(last: 1000).reversed().filter { !["given", "released"].contains($0.decision) }
                .map { "\($0.decision) \($0.subject)" }
        }
    }

    var endpoints: Set<String> { Set(store.state.endpoints.map(\.id.description)) }
    var addresses: Set<String> { Set(store.state.addresses.map(\.address.description)) }
}

/// An engine that answers with what it was given, or not at all.
final class FakeEngine: EngineDirectory {
    private struct State {
        var view = EngineView()
        var failure: EngineError?
        var asked = 0
        var whenAsked: (@Sendable () async -> Void)?
        var fixedAddresses: [FixedAddress] = []
    }

    private let state = Mutex(State())

    var asked: Int { state.withLock { $0.asked } }

    func view(_ change: (inout EngineView) -> Void) {
        state.withLock { change(&$0.view) }
    }

    func fail(_ words: String?) {
        state.withLock { $0.failure = words.map { EngineError($0) } }
    }

    /// Something that happens while the answer is on its way: what it says is older.
    func whenAsked(_ body: (@Sendable () async -> Void)?) {
        state.withLock { $0.whenAsked = body }
    }

    func knowFixed(_ addresses: [FixedAddress]) {
        state.withLock { $0.fixedAddresses = addresses }
    }

    func fixedAddresses() async throws(EngineError) -> [FixedAddress] {
        let (addresses, failure) = state.withLock { ($0.fixedAddresses, $0.failure) }
        if let failure { throw failure }
        return addresses
    }

    func ask() async throws(EngineError) -> EngineView {
        let (view, failure, body) = state.withLock { state in
            state.asked += 1
            return (state.view, state.failure, state.whenAsked)
        }
        await body?()
        if let failure { throw failure }
        return view
    }
}
