// SPDX-License-Identifier: Apache-2.0

import Addressing
import Store

@testable import IPAM

/// What an IPAM is to do, in lists that are searched from end to end.
struct SlowModel {
    /// What is chosen from, in this order, if no pool is asked for.
    var defaultPools: [Prefix] = []
    var occupied: [Prefix] = []
    /// Those of the configuration.
    var configured: [Reservation] = []
    /// Those made by command.
    var commanded: [Reservation] = []
    var pools: [Pool] = []
    /// Releases that the store refused, which are to be finished.
    var owed = OwedReleases()

    struct OwedReleases {
        var addresses: [PoolID: Set<IPAddress>] = [:]
        var pools: Set<PoolID> = []
    }

    func pool(_ id: PoolID) -> Pool? { pools.first { $0.id == id } }

    func outlook(_ pool: Pool, at now: Int64) -> Outlook {
        Outlook(pool: pool, reservations: configured + commanded, now: now)
    }
}

// MARK: - Pools

extension SlowModel {
    enum PoolDecision {
        case given(Pool)
        case repeated(PoolID)
        case refused
    }

    func decide(_ request: PoolRequest) -> PoolDecision {
        let ofSpace = pools.filter { $0.space == request.space }
        guard let prefix = request.prefix else {
            let free = defaultPools.first { candidate in
                candidate.family == request.family && !ofSpace.contains { $0.prefix.overlaps(candidate) }
                    && !occupied.contains { $0.overlaps(candidate) }
            }
            guard let free else { return .refused }
            return .given(Pool(space: request.space, prefix: free, subPool: nil, options: request.poolOptions))
        }
        let pool = Pool(
            space: request.space, prefix: prefix, subPool: request.subPool, options: request.poolOptions)
        if let same = self.pool(pool.id), request.space == .global || same.held.isEmpty {
            // Nobody has seen the options of the first answer: those of the second hold.
            return request.space == .global || same.options == pool.options ? .repeated(pool.id) : .given(pool)
        }
        return ofSpace.contains { $0.prefix.overlaps(prefix) } ? .refused : .given(pool)
    }

    /// The pool was given, perhaps in the place of its empty self.
    mutating func give(_ pool: Pool) {
        releasePool(pool.id)
        pools.append(pool)
    }

    mutating func repeatPool(_ id: PoolID) { owed.pools.remove(id) }

    mutating func releasePool(_ id: PoolID) {
        pools.removeAll { $0.id == id }
        owed.pools.remove(id)
        owed.addresses[id] = nil
    }
}

// MARK: - Addresses

extension SlowModel {
    func decide(_ request: AddressRequest, at now: Int64) -> Decision {
        pool(request.pool).map { outlook($0, at: now).decide(request) } ?? .refused(.unknownPool)
    }

    /// The address was given.
    mutating func give(_ address: IPAddress, for request: AddressRequest, at now: Int64) {
        guard let index = pools.firstIndex(where: { $0.id == request.pool }) else { return }
        let outlook = outlook(pools[index], at: now)
        let rest = pools[index].rests.removeValue(forKey: address).flatMap { outlook.isForgotten($0) ? nil : $0 }
        // A MAC address alone may have been made up. One that comes back was not.
        let isConfirmed = request.name != nil || request.mac == nil || rest?.mac == request.mac
        pools[index].lapsed.remove(address)
        pools[index].held[address] = AddressRecord(
            pool: request.pool.description, address: address, role: request.role, name: request.name,
            mac: request.mac, isFixed: request.address != nil, isConfirmed: isConfirmed, since: now)
        repeatAddress(address, in: request.pool)
    }

    /// What was released before is given again: nothing is owed of it any more.
    mutating func repeatAddress(_ address: IPAddress, in id: PoolID) {
        owed.addresses[id]?.remove(address)
        owed.pools.remove(id)
    }

    /// The choice goes on from there, also if the store refused what was chosen.
    mutating func moveCursor(of id: PoolID, to address: IPAddress) {
        guard let index = pools.firstIndex(where: { $0.id == id }) else { return }
        pools[index].cursor = address
    }

    mutating func releaseAddress(_ address: IPAddress, in id: PoolID, at now: Int64) {
        guard let index = pools.firstIndex(where: { $0.id == id }),
            let holder = pools[index].held.removeValue(forKey: address)
        else { return }
        pools[index].rests[address] = RestRecord(
            pool: holder.pool, address: address, name: holder.name, mac: holder.mac,
            isConfirmed: holder.isConfirmed, isFixed: holder.isFixed, released: now)
        owed.addresses[id]?.remove(address)
    }

    /// What is excluded by command is that from now on.
    mutating func exclude(_ exclusions: Set<IPAddress>, from id: PoolID, at now: Int64) {
        guard let index = pools.firstIndex(where: { $0.id == id }) else { return }
        for exclusions in [pools[index].exclusions, exclusions] {
            pools[index].setExclusions(exclusions)
            let outlook = outlook(pools[index], at: now)
            let lapsed = pools[index].rests.values.filter { outlook.isLapsing($0) }.map(\.address)
            pools[index].lapsed.formUnion(lapsed)
        }
    }

    /// Whoever asked for the address by number is gone.
    mutating func endProtection(of address: IPAddress, in id: PoolID) {
        guard let index = pools.firstIndex(where: { $0.id == id }) else { return }
        pools[index].rests[address]?.isFixed = false
    }

    /// What nobody but its owner gets, in the local space.
    func protected(at now: Int64) -> [(pool: PoolID, address: IPAddress)] {
        pools.filter { $0.space == .local }.sorted { $0.id < $1.id }.flatMap { pool in
            let outlook = outlook(pool, at: now)
            return pool.rests.values.filter { $0.isFixed && outlook.isKept($0) }.map(\.address).sorted()
                .map { (pool: pool.id, address: $0) }
        }
    }
}

// MARK: - Time

extension SlowModel {
    /// Does what the store refused before.
    mutating func finishReleases(at now: Int64) {
        for (id, addresses) in owed.addresses {
            for address in addresses { releaseAddress(address, in: id, at: now) }
        }
        for id in owed.pools { releasePool(id) }
        owed = OwedReleases()
    }

    /// A new process knows what is stored. What nobody waits for may have been forgotten there.
    mutating func restart(rests: [RestRecord]) {
        owed = OwedReleases()
        let stored = Set(rests.map { Place(pool: $0.pool, address: $0.address) })
        for index in pools.indices {
            let id = pools[index].id.description
            pools[index].lapsed = []
            pools[index].rests = pools[index].rests.filter { stored.contains(Place(pool: id, address: $0.key)) }
            // As if the address that was given last had been chosen last.
            pools[index].cursor =
                pools[index].held.values.max { ($0.since, $0.address) < ($1.since, $1.address) }?.address
        }
    }

    private struct Place: Hashable {
        let pool: String
        let address: IPAddress
    }
}

// MARK: - Comparing

extension SlowModel {
    /// How what is stored differs from what is to be there.
    func differences(to state: StoredState, at now: Int64) -> [String] {
        var words: [String] = []
        func compare<Element: Hashable>(_ what: String, _ stored: [Element], _ expected: [Element]) {
            let (stored, expected) = (Set(stored), Set(expected))
            words += stored.subtracting(expected).map { "\(what) stored that should not be: \($0)" }
            words += expected.subtracting(stored).map { "\(what) not stored: \($0)" }
        }
        compare("pool", state.pools.map(\.id), pools.map(\.id.description))
        compare("address", state.addresses, pools.flatMap(\.held.values))
        for pool in pools {
            let stored = state.exclusions.filter { $0.pool == pool.id.description }
            compare("exclusion", stored.flatMap { pool.addresses($0.first, $0.last) }, Array(pool.exclusions))
        }
        let rests = Dictionary(grouping: state.rests, by: \.pool)
        for pool in pools {
            let outlook = outlook(pool, at: now)
            let stored = rests[pool.id.description] ?? []
            let addresses = Set(stored.map(\.address))
            compare(
                "rest", stored,
                pool.rests.values.filter { !outlook.isForgotten($0) || addresses.contains($0.address) })
        }
        return words
    }
}
