// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Store
import Synchronization
import TestSupport

@testable import IPAM
@testable import NetDriver

extension IPAM {
    /// Who holds what, as the owner has it in memory.
    fileprivate var holdings: [PoolID: Set<IPAddress>] {
        pools.mapValues { Set($0.settledHolders.keys) }
    }
}

extension World {
    /// While no call is under way: what is owed is done, and then reference model, owners, store and host agree. A part
    /// of what nobody knows (in percent) is then taken back, as by garbage collection.
    func check(using random: inout SeededGenerator, resolving percent: Int) async throws {
        guard let daemon, isSound else { return }
        daemon.injection.turn(on: false)
        if Int.random(in: 0..<4, using: &random) == 0 { tamper(using: &random) }
        if percent == 100 || Bool.random(using: &random) { host.giveBackPorts() }
        await daemon.upkeep()
        await daemon.driver.settle()
        let result = try await daemon.driver.reconcile()
        await daemon.driver.settle()
        if result.left > 0 { model.find(nil, "\(result.left) objects are left after all refusals ended") }
        model.settle()
        let state = try await state(of: daemon)
        model.compare(state)
        compareHost(state)
        for call in model.callsToResolve(using: &random, percent: percent) where isSound {
            _ = await perform(call, by: -1, daemon)
        }
        if percent == 100, isSound { try await checkThatAllIsFree(daemon) }
        model.prune()
        host.forgetCalls()
        tally.withLock { $0.checks += 1 }
        daemon.injection.turn(on: true)
    }

    /// What is stored, which is also what the owners have.
    private func state(of daemon: Daemon) async throws -> StoredState {
        let state = try daemon.stored()
        let networks = await daemon.driver.networks
        if networks != Dictionary(uniqueKeysWithValues: state.networks.map { ($0.id, $0) }) {
            model.find(nil, "the driver's networks are not what is stored: \(networks.keys.sorted())")
        }
        let endpoints = await daemon.driver.endpoints
        if endpoints != Dictionary(uniqueKeysWithValues: state.endpoints.map { ($0.id, $0) }) {
            let stored = Set(state.endpoints)
            let other = stored.symmetricDifference(endpoints.values).map { "\($0.id) \($0.phase)" }
            model.find(nil, "the driver's endpoints are not what is stored: \(other)")
        }
        var stored = Dictionary(uniqueKeysWithValues: state.pools.map { ($0.id, Set<IPAddress>()) })
        for record in state.addresses { stored[record.pool]?.insert(record.address) }
        let holdings = await daemon.ipam.holdings
        if stored != Dictionary(uniqueKeysWithValues: holdings.map { ($0.key.description, $0.value) }) {
            model.find(nil, "the pools and addresses in memory are not what is stored")
        }
        return state
    }

    /// The host has what is stored, and besides it only what is others'.
    private func compareHost(_ state: StoredState) {
        let (links, addresses) = host.kernel.state.withLock { ($0.links, $0.addresses) }
        let lost = model.lostLinks
        let moved = host.movedLinks
        var expected = Set(surroundings.links.map(\.name))
        for network in state.networks {
            let name = network.bridge.description
            expected.insert(name)
            guard let bridge = links[name], bridge.isUp, bridge.mac == network.bridgeMAC, bridge.mtu == network.mtu,
                bridge.alias == LinkNames.alias(of: network.id)
            else {
                model.find(.network(network.id), "stored, but its bridge is \(String(describing: links[name]))")
                continue
            }
            let has = Set(addresses.filter { $0.link == bridge.index }.map(\.address))
            if has != Set(network.subnets.compactMap(\.gateway)) {
                model.find(.network(network.id), "its bridge has the addresses \(has)")
            }
        }
        let bridges = Dictionary(uniqueKeysWithValues: state.networks.map { ($0.id, $0.bridge.description) })
        for endpoint in state.endpoints {
            let name = endpoint.hostLink.description
            // Its link is made in the sandbox, and goes when that is left.
            if endpoint.attach == .direct, endpoint.sandboxKey == nil { continue }
            guard let link = links[name] else {
                if !lost.contains(endpoint.id) { model.find(.endpoint(endpoint.id), "stored, but its link is gone") }
                continue
            }
            expected.insert(name)
            let isInside = moved.contains(endpoint.sandboxLink.description) || link.peerNamespace != nil
            if !isInside, links[endpoint.sandboxLink.description] != nil {
                expected.insert(endpoint.sandboxLink.description)
            }
            if !link.isUp || link.alias != LinkNames.alias(of: endpoint.id)
                || link.master != bridges[endpoint.network].flatMap({ links[$0]?.index })
            {
                model.find(.endpoint(endpoint.id), "its link is \(link)")
            }
        }
        let difference = expected.symmetricDifference(links.keys)
        if let name = difference.first {
            model.find(nil, "\(difference.count) links are too many or too few, such as \(name)")
        }
        compareRules(state)
    }

    /// Nothing is held, and so everything can be had.
    private func checkThatAllIsFree(_ daemon: Daemon) async throws {
        model.settle()
        var state = try daemon.stored()
        compareHost(state)
        state.settings = [:]
        if state != StoredState() { model.find(nil, "something is left in the store: \(state)") }
        for (text, space) in [
            ("10.0.0.0/8", AddressSpace.local), ("172.16.0.0/12", .local), ("fc00::/7", .local),
            ("10.0.0.0/8", .global),
        ] {
            guard let prefix = Prefix(text) else { continue }
            let pool = try await daemon.ipam.requestPool(PoolRequest(space, prefix, family: prefix.family))
            try await daemon.ipam.releasePool(pool.id)
        }
        guard let prefix = Prefix("10.1.0.0/24") else { return }
        let pool = try await daemon.ipam.requestPool(PoolRequest(.local, prefix, family: .v4))
        var given: Set<IPAddress> = []
        while let address = try? await daemon.ipam.requestAddress(AddressRequest(pool: pool.id)) {
            given.insert(address.address)
        }
        if given.count != 254 { model.find(.pool(pool.id), "\(given.count) of 254 addresses are free") }
        try await daemon.ipam.releasePool(pool.id)
    }
}
