// SPDX-License-Identifier: Apache-2.0

import Addressing
import Store
import Synchronization
import TestSupport

@testable import IPAM
@testable import NetDriver

// MARK: - While no call is under way

extension Model {
    /// What all callers quarrel about is known from the beginning, so that no call about it goes unseen.
    func registerShared() {
        state.withLock { state in
            for pool in Shared.pools {
                state.pools[PoolID(space: pool.space, prefix: pool.prefix, subPool: pool.subPool)] = PoolFacts(
                    space: pool.space, prefix: pool.prefix, subPool: pool.subPool)
            }
            for endpoint in Shared.endpoints {
                state.endpoints[endpoint.id] = EndpointFacts(network: endpoint.network)
            }
        }
    }

    /// The daemon has done what it owed.
    func settle() {
        state.withLock { $0.endDebts(isRestarted: false) }
    }

    /// The daemon was restarted.
    func restarted() {
        state.withLock { $0.endDebts(isRestarted: true) }
    }

    func loseSandbox(of endpoint: EndpointID) {
        state.withLock { $0.loseSandbox(of: endpoint) }
    }

    func loseAllSandboxes() {
        state.withLock { state in
            for id in state.endpoints.keys { state.loseSandbox(of: id) }
        }
    }

    /// Endpoints whose links may be gone.
    var lostLinks: Set<EndpointID> {
        state.withLock { state in
            Set(state.endpoints.filter { $0.value.isLinkLost || $0.value.knowledge.isUnknown }.keys)
        }
    }

    /// Containers that run.
    var joinedEndpoints: [(link: String, sandbox: String)] {
        state.withLock { state in
            state.endpoints.compactMap { id, facts in
                guard case .joined(let sandbox) = facts.sandbox, facts.isJoined(since: state.now + 1) else {
                    return nil
                }
                return ("pdh" + id.short, sandbox)
            }
        }
    }

    /// Forgets what is free, so that the run may go on for ever.
    func prune() {
        state.withLock { state in
            for (id, pool) in state.pools {
                if pool.knowledge.isFree {
                    state.pools[id] = PoolFacts(space: pool.space, prefix: pool.prefix, subPool: pool.subPool)
                } else {
                    state.pools[id]?.addresses = pool.addresses.filter { !$0.value.isFree }
                }
            }
            state.networks = state.networks.filter { !$0.value.isFree }
            let shared = Set(Shared.endpoints.map(\.id))
            state.endpoints = state.endpoints.filter { shared.contains($0.key) || !$0.value.knowledge.isFree }
        }
    }

    /// Calls that take back what nobody knows: not all of it at once, since some callers still ask for theirs.
    func callsToResolve(using random: inout SeededGenerator, percent: Int) -> [Call] {
        let calls = state.withLock { state in
            var calls: [Call] = []
            for (id, facts) in state.endpoints.sorted(by: { $0.key < $1.key })
            where facts.knowledge.isUnknown || percent == 100 {
                calls.append(.deleteEndpoint(id, facts.network))
            }
            for (id, knowledge) in state.networks.sorted(by: { $0.key < $1.key })
            where knowledge.isUnknown || percent == 100 {
                calls.append(.deleteNetwork(id))
            }
            for (id, pool) in state.pools.sorted(by: { $0.key < $1.key }) {
                for (address, knowledge) in pool.addresses.sorted(by: { $0.key < $1.key }) where knowledge.isUnknown {
                    calls.append(.releaseAddress(address, id))
                }
                if pool.knowledge.isUnknown || percent == 100 { calls.append(.releasePool(id)) }
            }
            return calls
        }
        return calls.filter { _ in Int.random(in: 0..<100, using: &random) < percent }
    }

    /// Compares what callers were told with what is stored.
    func compare(_ stored: StoredState) {
        state.withLock { state in
            state.absorbLost(stored)
            state.comparePools(stored)
            state.compareNetworks(stored)
            state.compareEndpoints(stored)
        }
    }
}

extension Model.State {
    fileprivate mutating func loseSandbox(of endpoint: EndpointID) {
        endpoints[endpoint]?.isLinkLost = true
        endpoints[endpoint]?.isSandboxDead = true
    }

    /// The daemon has done what it owed, or, after a restart, owes nothing any more.
    fileprivate mutating func endDebts(isRestarted: Bool) {
        for id in pools.keys {
            pools[id]?.knowledge.endDebt(isRestarted: isRestarted)
            for address in pools[id]?.addresses.keys ?? [:].keys {
                pools[id]?.addresses[address]?.endDebt(isRestarted: isRestarted)
            }
        }
        for id in networks.keys { networks[id]?.endDebt(isRestarted: isRestarted) }
        for id in endpoints.keys { endpoints[id]?.knowledge.endDebt(isRestarted: isRestarted) }
    }

    /// What was stored for callers that never heard of it. There is no more of it than lost answers.
    fileprivate mutating func absorbLost(_ stored: StoredState) {
        for record in stored.pools {
            guard let id = PoolID(record.id), let space = AddressSpace(rawValue: record.space),
                pools[id]?.knowledge.isFree != false
            else { continue }
            let choice = Choice(space: space, family: record.prefix.family)
            guard record.isChosen, let lost = choices[choice]?.lost, lost > 0 else {
                find(.pool(id), "stored, but nobody has it")
                continue
            }
            choices[choice]?.lost -= 1
            var pool = pools[id] ?? PoolFacts(space: space, prefix: record.prefix, subPool: record.subPool)
            pool.knowledge.discover()
            pools[id] = pool
        }
        for record in stored.addresses {
            guard let id = PoolID(record.pool), let pool = pools[id], pool.addresses[record.address]?.isFree != false
            else { continue }
            guard pool.lost > 0 else {
                find(.address(record.address, id), "stored, but nobody has it")
                continue
            }
            pools[id]?.lost -= 1
            pools[id]?.addresses[record.address, default: Knowledge()].discover()
        }
        for choice in choices.keys { choices[choice]?.lost = 0 }
        for id in pools.keys { pools[id]?.lost = 0 }
    }

    fileprivate mutating func comparePools(_ stored: StoredState) {
        let storedPools = Set(stored.pools.map(\.id))
        let storedAddresses = Dictionary(grouping: stored.addresses, by: \.pool)
        for (id, pool) in pools {
            guard storedPools.contains(id.description) else {
                if pool.knowledge.held != nil { find(.pool(id), "lost") }
                // Its addresses went with it.
                pools[id] = PoolFacts(space: pool.space, prefix: pool.prefix, subPool: pool.subPool)
                continue
            }
            let roles = Dictionary(
                uniqueKeysWithValues: (storedAddresses[id.description] ?? []).map { ($0.address, $0.role) })
            for (address, knowledge) in pool.addresses {
                if let role = knowledge.held, roles[address] != role {
                    find(.address(address, id), roles[address] == nil ? "lost" : "is not a \(role) any more")
                }
            }
        }
    }

    fileprivate mutating func compareNetworks(_ stored: StoredState) {
        let records = Dictionary(uniqueKeysWithValues: stored.networks.map { ($0.id, $0) })
        for record in stored.networks {
            if record.phase != .ready { find(.network(record.id), "left as \(record.phase)") }
            if networks[record.id]?.isFree != false { find(.network(record.id), "stored, but nobody has it") }
        }
        for (id, network) in networks {
            guard let record = records[id] else {
                if network.held != nil { find(.network(id), "lost") }
                continue
            }
            if let held = network.held, held.subnets != record.subnets || held.isInternal != record.isInternal {
                find(.network(id), "stored as \(record)")
            }
        }
    }

    fileprivate mutating func compareEndpoints(_ stored: StoredState) {
        let records = Dictionary(uniqueKeysWithValues: stored.endpoints.map { ($0.id, $0) })
        for record in stored.endpoints {
            if record.phase != .ready { find(.endpoint(record.id), "left as \(record.phase)") }
            if endpoints[record.id]?.knowledge.isFree != false {
                find(.endpoint(record.id), "stored, but nobody has it")
            }
        }
        for (id, facts) in endpoints {
            guard let held = facts.knowledge.held else { continue }
            guard let record = records[id] else {
                find(.endpoint(id), "lost")
                continue
            }
            let request = held.request
            if record.network != request.network || record.ipv4 != request.ipv4 || record.ipv6 != request.ipv6
                || record.mac != held.mac
            {
                find(.endpoint(id), "stored as \(record)")
            }
            switch facts.sandbox {
            case .joined(let sandbox) where record.sandboxKey != sandbox: find(.endpoint(id), "not in \(sandbox)")
            case .none where record.sandboxKey != nil: find(.endpoint(id), "still in a sandbox")
            default: break
            }
            switch facts.publication.fact {
            case .published(let ports, _) where record.publication?.requests != ports:
                find(.endpoint(id), "published as \(String(describing: record.publication))")
            case .none where record.publication != nil: find(.endpoint(id), "still published")
            default: break
            }
        }
    }
}
