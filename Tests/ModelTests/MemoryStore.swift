// SPDX-License-Identifier: Apache-2.0

import Addressing
import Store
import Synchronization

/// A store in memory that keeps the schema's rules, fast enough for millions of changes.
///
/// A commit that breaks a rule is a failed check, so that what it leaves behind does not matter.
final class MemoryStore: StateStore {
    fileprivate struct Content {
        var networks: [NetworkID: NetworkRecord] = [:]
        var endpoints: [EndpointID: EndpointRecord] = [:]
        var pools: [String: PoolRecord] = [:]
        var addresses: [String: [IPAddress: AddressRecord]] = [:]
        var rests: [String: [IPAddress: RestRecord]] = [:]
        var reservations: [IPAddress: ReservationRecord] = [:]
        var exclusions: [String: [IPAddress: ExclusionRecord]] = [:]
        var settings: [String: String] = [:]
        var endpointCounts: [NetworkID: Int] = [:]
        var bridges: [InterfaceName: NetworkID] = [:]
    }

    private let content = Mutex(Content())

    func load() throws(StoreError) -> StoredState {
        content.withLock { content in
            StoredState(
                networks: Array(content.networks.values), endpoints: Array(content.endpoints.values),
                pools: Array(content.pools.values), addresses: content.addresses.values.flatMap(\.values),
                rests: content.rests.values.flatMap(\.values), reservations: Array(content.reservations.values),
                exclusions: content.exclusions.values.flatMap(\.values), settings: content.settings)
        }
    }

    func auditLog(last count: Int) throws(StoreError) -> [AuditRecord] { [] }

    func commit(_ changes: [Change]) async throws(StoreError) {
        await Task.yield()
        try content.withLock { content throws(StoreError) in
            for change in changes { try content.apply(change) }
        }
        await Task.yield()
    }
}

extension MemoryStore.Content {
    fileprivate mutating func apply(_ change: Change) throws(StoreError) {
        switch change {
        case .putNetwork(let record):
            if let other = bridges[record.bridge], other != record.id {
                throw StoreError("bridge \(record.bridge) is network \(other)'s")
            }
            bridges[record.bridge] = record.id
            networks[record.id] = record
        case .deleteNetwork(let id):
            guard endpointCounts[id, default: 0] == 0 else { throw StoreError("network \(id) has endpoints") }
            if let old = networks.removeValue(forKey: id) { bridges[old.bridge] = nil }
        case .putEndpoint(let record):
            guard networks[record.network] != nil else { throw StoreError("no network \(record.network)") }
            if let old = endpoints[record.id] { endpointCounts[old.network, default: 0] -= 1 }
            endpoints[record.id] = record
            endpointCounts[record.network, default: 0] += 1
        case .deleteEndpoint(let id):
            if let old = endpoints.removeValue(forKey: id) { endpointCounts[old.network, default: 0] -= 1 }
        case .putPool(let record):
            pools[record.id] = record
        case .deletePool(let id):
            pools[id] = nil
            addresses[id] = nil
            rests[id] = nil
            exclusions[id] = nil
        case .putAddress(let record):
            guard pools[record.pool] != nil else { throw StoreError("no pool \(record.pool)") }
            addresses[record.pool, default: [:]][record.address] = record
        case .deleteAddress(let pool, let address):
            addresses[pool]?[address] = nil
        case .putRest(let record):
            guard pools[record.pool] != nil else { throw StoreError("no pool \(record.pool)") }
            rests[record.pool, default: [:]][record.address] = record
        case .deleteRest(let pool, let address):
            rests[pool]?[address] = nil
        case .putReservation(let record):
            guard (record.name == nil) != (record.mac == nil) else {
                throw StoreError("\(record.address) is not reserved for one name or one MAC address")
            }
            reservations[record.address] = record
        case .deleteReservation(let address):
            reservations[address] = nil
        case .putExclusion(let record):
            guard pools[record.pool] != nil else { throw StoreError("no pool \(record.pool)") }
            exclusions[record.pool, default: [:]][record.first] = record
        case .deleteExclusion(let pool, let first):
            exclusions[pool]?[first] = nil
        case .putSetting(let key, let value):
            settings[key] = value
        case .audit: break
        }
    }
}
