// SPDX-License-Identifier: Apache-2.0

import Addressing
import Store

@testable import IPAM

/// What an IPAM is to do, in lists that are searched from end to end.
struct SlowModel {
    struct Pool {
        var id: String
        var space: AddressSpace
        var prefix: Prefix
        var subPool: Prefix?
        var held: [IPAddress: AddressRecord.Role] = [:]
        var cursor: IPAddress?

        var all: [IPAddress] {
            (0...UInt(prefix.hostMask)).compactMap {
                IPAddress(family: prefix.family, bits: prefix.base.bits + UInt128($0))
            }
        }

        var usable: [IPAddress] {
            guard prefix.hostMask > 1 else { return all }
            return prefix.family == .v4 ? Array(all.dropFirst().dropLast()) : Array(all.dropFirst())
        }

        var next: IPAddress? {
            let window = usable.filter { subPool?.contains($0) ?? true }
            let start = cursor.flatMap { window.firstIndex(of: $0) }.map { $0 + 1 } ?? 0
            return (window[start...] + window[..<start]).first { held[$0] == nil }
        }
    }

    /// What a call answers.
    enum Answer: Equatable {
        case pool(String)
        case address(String)
        case nothing
        case refused(isBadRequest: Bool)
    }

    var defaultPools: [Prefix]
    var occupied: [Prefix]
    var pools: [Pool] = []

    mutating func requestPool(_ space: AddressSpace, _ prefix: Prefix?, _ subPool: Prefix?) -> Answer {
        let ofSpace = pools.filter { $0.space == space }
        guard let prefix else {
            let free = defaultPools.first { candidate in
                !ofSpace.contains { $0.prefix.overlaps(candidate) } && !occupied.contains { $0.overlaps(candidate) }
            }
            guard let free else { return .refused(isBadRequest: false) }
            return add(Pool(id: "\(space)/\(free)", space: space, prefix: free))
        }
        let id = "\(space)/\(prefix)" + (subPool.map { "/\($0)" } ?? "")
        if let same = ofSpace.first(where: { $0.id == id }), space == .global || same.held.isEmpty { return .pool(id) }
        guard !ofSpace.contains(where: { $0.prefix.overlaps(prefix) }) else { return .refused(isBadRequest: false) }
        return add(Pool(id: id, space: space, prefix: prefix, subPool: subPool))
    }

    private mutating func add(_ pool: Pool) -> Answer {
        pools.append(pool)
        return .pool(pool.id)
    }

    mutating func releasePool(_ id: String) -> Answer {
        pools.removeAll { $0.id == id }
        return .nothing
    }

    mutating func requestAddress(_ id: String, _ address: IPAddress?, _ role: AddressRecord.Role) -> Answer {
        guard let index = pools.firstIndex(where: { $0.id == id }) else { return .refused(isBadRequest: false) }
        let pool = pools[index]
        let wanted: IPAddress
        if let address {
            guard pool.usable.contains(address) else { return .refused(isBadRequest: true) }
            wanted = address
        } else if role == .gateway, let gateway = pool.held.filter({ $0.value == .gateway }).keys.min() {
            wanted = gateway
        } else if role == .gateway, let first = pool.usable.first, pool.held[first] == nil {
            wanted = first
        } else if let next = pool.next {
            wanted = next
            pools[index].cursor = next
        } else {
            return .refused(isBadRequest: false)
        }
        if let held = pool.held[wanted] {
            guard held == role, role == .gateway || pool.space == .global else { return .refused(isBadRequest: false) }
        }
        pools[index].held[wanted] = role
        return .address("\(wanted)/\(pool.prefix.length)")
    }

    mutating func releaseAddress(_ id: String, _ address: IPAddress) -> Answer {
        guard let index = pools.firstIndex(where: { $0.id == id }) else { return .nothing }
        pools[index].held[address] = nil
        return .nothing
    }

    mutating func restart() {
        for index in pools.indices { pools[index].cursor = pools[index].held.keys.max() }
    }

    /// Everything that is granted, to be compared with what a store holds.
    var content: Set<String> {
        Set(pools.map(\.id) + pools.flatMap { pool in pool.held.map { "\(pool.id) \($0.key) \($0.value)" } })
    }
}

extension StoredState {
    /// As `SlowModel.content`.
    var content: Set<String> {
        Set(pools.map(\.id) + addresses.map { "\($0.pool) \($0.address) \($0.role)" })
    }
}
