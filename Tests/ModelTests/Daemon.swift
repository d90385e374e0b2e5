// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import IPAM
import Logging
import NetDriver
import Store
import TestSupport

/// plugind between a start and an end: its owners, put together as the program does.
struct Daemon: Sendable {
    let life: Life
    let injection: Injection
    let ipam: IPAM
    let driver: Driver
    private let store: MortalStore

    init(
        life: Life, injection: Injection, store: any StateStore, kernel: FakeKernel, firewall: FakeFirewall,
        ports: FakeHostPorts, boot: String, surroundings: Surroundings, seed: UInt64
    ) throws {
        self.life = life
        self.injection = injection
        let store = MortalStore(store: store, life: life, injection: injection)
        self.store = store
        let state = try store.load()
        let logger = Logger(label: "model") { _ in SwiftLogNoOpLogHandler() }
        ipam = try IPAM(
            state: state, store: store, defaultPools: surroundings.defaultPools,
            occupied: { surroundings.occupied }, random: SeededGenerator(seed: seed),
            now: SteadyClock().callAsFunction, logger: logger)
        driver = Driver(
            state: state, store: store, kernel: MortalKernel(kernel: kernel, life: life, injection: injection),
            firewall: MortalFirewall(firewall: firewall, life: life, injection: injection),
            hostPorts: MortalHostPorts(ports: ports, life: life, injection: injection),
            boot: boot, retirementPause: .zero,
            makeMAC: {
                var random = SystemRandomNumberGenerator()
                return MACAddress.random(using: &random)
            }, logger: logger)
    }

    func perform(_ call: Call) async throws -> Answer {
        switch call {
        case .requestPool(let request): return .pool(try await ipam.requestPool(request))
        case .releasePool(let id): try await ipam.releasePool(id)
        case .requestAddress(let request): return .address(try await ipam.requestAddress(request))
        case .releaseAddress(let address, let pool): try await ipam.releaseAddress(address, in: pool)
        case .createNetwork(let request): try await driver.createNetwork(request)
        case .deleteNetwork(let id): try await driver.deleteNetwork(id)
        case .createEndpoint(let request): return .mac(try await driver.createEndpoint(request))
        case .deleteEndpoint(let id, let network): try await driver.deleteEndpoint(id, of: network)
        case .join(let id, let network, let sandbox):
            return .attachment(try await driver.join(id, of: network, sandbox: sandbox))
        case .leave(let id, let network): try await driver.leave(id, of: network)
        case .publish(let ports, let id, let network, let isWithoutIPv6Proxy):
            try await driver.publish(ports, of: id, in: network, isWithoutIPv6Proxy: isWithoutIPv6Proxy)
        case .unpublish(let id, let network): try await driver.unpublish(id, of: network)
        }
        return .nothing
    }

    /// To be called when nothing is under way any more.
    func close() {
        life.end()
        store.close()
    }

    func stored() throws -> StoredState { try store.load() }

    /// What is left to do after refusals.
    func upkeep() async {
        await ipam.upkeep()
        await driver.upkeep()
    }
}
