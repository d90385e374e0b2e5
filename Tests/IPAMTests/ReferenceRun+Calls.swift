// SPDX-License-Identifier: Apache-2.0

import Addressing
import Store
import TestSupport

@testable import IPAM

extension ReferenceRun {
    private static let names: [String?] = ["web", "db", "cache", "mail", "blog", "queue", "shop", "wiki", "cron"]
    private static let macs = (1...7).map { MACAddress(bytes: [2, 0x42, 0, 0, 0, $0]) }
    private static let second: Int64 = 1_000
    private static let day: Int64 = 86_400_000

    /// True once in `count` times.
    mutating func chance(_ count: Int) -> Bool { Int.random(in: 0..<count, using: &random) == 0 }

    private mutating func one<Element>(of elements: [Element]) -> Element? { elements.randomElement(using: &random) }

    mutating func randomCall() -> Call {
        guard let pool = one(of: model.pools) else { return .requestPool(randomPoolRequest()) }
        let id = chance(60) ? randomPoolRequest().id ?? pool.id : pool.id
        let (requests, releases) = isFilling ? (55, 68) : (25, 70)
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<requests: return .requestAddress(randomRequest(in: pool, id))
        case requests..<releases:
            let held = chance(8) ? randomAddress(in: pool) : one(of: pool.held.keys.sorted())
            return .releaseAddress(held ?? randomAddress(in: pool), id)
        case releases..<83: return .time(randomTime())
        case 83..<85: return randomExclusion(in: pool, id)
        case 85..<88:
            let address = randomAddress(in: pool)
            return .reserve(Reservation(identity: randomIdentity(), address: address))
        case 88..<91:
            let addresses = (model.commanded + model.configured + pool.options.reservations).map(\.address)
            return .unreserve(one(of: addresses) ?? randomAddress(in: pool))
        case 91..<93: return .upkeep
        case 93: return .endProtection
        case 94..<96:
            // The clock may have been set, forwards or backwards, or be one that has no battery.
            let jumps = [0, 0, randomTime(), -randomTime(), 2 * -Self.day, -clock.now]
            return .restart(max(one(of: jumps) ?? 0, 1_000 * Self.second - clock.now))
        case 96..<98: return .requestPool(randomPoolRequest())
        // Mostly in vain: a pool should live for some time.
        default: return chance(6) ? .releasePool(id) : .requestAddress(randomRequest(in: pool, id))
        }
    }

    private mutating func randomTime() -> Int64 {
        let second = Self.second
        let times = [
            1, second, 5 * second, 10 * second, 30 * second, 60 * second, 61 * second, 90 * second, 600 * second,
            3_600 * second, Self.day - 1, Self.day, 10 * Self.day,
        ]
        // Rather little than much: otherwise all is over before anything comes of it.
        let most = Int.random(in: 1...times.count, using: &random)
        return times[.random(in: 0..<most, using: &random)]
    }
}

// MARK: - Addresses

extension ReferenceRun {
    private mutating func randomRequest(in pool: SlowModel.Pool, _ id: PoolID) -> AddressRequest {
        var request = AddressRequest(pool: id)
        if chance(20) {
            request.role = .gateway
        } else {
            let kind = Int.random(in: 0..<8, using: &random)
            if kind < 4 { request.name = one(of: Self.names) ?? nil }
            if kind > 2, kind < 7 { request.mac = one(of: Self.macs) ?? nil }
        }
        if chance(7) { request.address = randomAddress(in: pool) }
        return request
    }

    /// A few addresses in a row; now and then not all of them in the pool.
    private mutating func randomExclusion(in pool: SlowModel.Pool, _ id: PoolID) -> Call {
        let known = one(of: pool.exclusions.sorted())
        let first = chance(3) ? randomAddress(in: pool) : known ?? randomAddress(in: pool)
        let length = UInt128.random(in: 0...2, using: &random)
        let last = IPAddress(family: first.family, bits: first.bits &+ length) ?? first
        let range = first...max(first, last)
        return chance(2) ? .exclude(range, id) : .include(range, id)
    }

    private mutating func randomIdentity() -> Identity {
        let name = (one(of: Self.names) ?? nil).map(Identity.name) ?? .name("web")
        return chance(2) ? name : (one(of: Self.macs) ?? nil).map(Identity.mac) ?? name
    }

    /// Now and then one that is no good; mostly one of which there is something to say.
    private mutating func randomAddress(in pool: SlowModel.Pool) -> IPAddress {
        let known = Array(pool.held.keys) + Array(pool.rests.keys) + pool.options.reservations.map(\.address)
        switch Int.random(in: 0..<12, using: &random) {
        case 0:
            let (first, last) = (pool.prefix.first, pool.prefix.last)
            let beside = [first.bits &- 1, first.bits, last.bits, last.bits &+ 1, 0]
            let other = one(of: beside).flatMap { IPAddress(family: first.family, bits: $0) }
            return (chance(20) ? IPAddress("fe80::1") : other) ?? first
        case 1...5: return one(of: known.sorted()) ?? randomUsable(of: pool.prefix)
        case 6...8:
            let piece = one(of: pool.window) ?? pool.usable
            let distance = min(piece.upperBound - piece.lowerBound, 40)
            return pool.address(piece.lowerBound + .random(in: 0...distance, using: &random))
        default: return randomUsable(of: pool.prefix)
        }
    }

    /// Near an end of the prefix, or anywhere in it.
    private mutating func randomUsable(of prefix: Prefix) -> IPAddress {
        let pool = SlowModel.Pool(space: .local, prefix: prefix, subPool: nil, options: PoolOptions())
        let (first, last) = (pool.usable.lowerBound, pool.usable.upperBound)
        let distance = min(last - first, 30)
        switch Int.random(in: 0..<8, using: &random) {
        case 0: return pool.address(.random(in: first...last, using: &random))
        case 1: return pool.address(last - .random(in: 0...distance, using: &random))
        default: return pool.address(first + .random(in: 0...distance, using: &random))
        }
    }
}

// MARK: - Pools

extension ReferenceRun {
    private mutating func randomPoolRequest() -> PoolRequest {
        let space = chance(4) ? AddressSpace.global : .local
        if !world.candidates.isEmpty, chance(5), let request = try? request(space, nil, nil, options: [:]) {
            return request
        }
        guard let prefix = one(of: world.prefixes) else { preconditionFailure("a world has prefixes") }
        // The same pool again, as it is asked for after a lost answer.
        if chance(4), let pool = model.pools.first(where: { $0.space == space && $0.prefix == prefix }),
            let request = try? request(space, prefix, pool.subPool, options: ["plugind.order": world.order.rawValue])
        {
            return request
        }
        let subPool =
            prefix.hostMask > 3 && chance(3)
            ? Prefix(
                containing: randomUsable(of: prefix),
                length: min(prefix.family.width - 2, prefix.length + Int.random(in: 1...20, using: &random))) : nil
        while true {
            let options = randomOptions(of: prefix, subPool)
            // Not all go together: ranges may leave nothing.
            guard let request = try? request(space, prefix, subPool, options: options) else { continue }
            return request
        }
    }

    private func request(
        _ space: AddressSpace, _ prefix: Prefix?, _ subPool: Prefix?, options: [String: String]
    ) throws -> PoolRequest {
        try PoolRequest(
            space: space.rawValue, pool: prefix.flatMap { InterfaceAddress($0.description) },
            subPool: subPool.flatMap { InterfaceAddress($0.description) }, isIPv6: prefix?.family == .v6,
            options: options)
    }

    private mutating func randomOptions(of prefix: Prefix, _ subPool: Prefix?) -> [String: String] {
        var options = ["plugind.order": world.order.rawValue]
        options["plugind.sticky"] = one(of: ["off", "90s", "24h", "forever", nil]) ?? nil
        options["plugind.quarantine"] = one(of: ["0", "off", "10s", "1h", nil, nil]) ?? nil
        if chance(2) || prefix.hostMask > 1_000 && !chance(5) {
            options["plugind.ranges"] = randomRanges(of: prefix, count: 1...3).joined(separator: ",")
        }
        if chance(3) { options["plugind.exclude"] = randomRanges(of: prefix, count: 1...2).joined(separator: ",") }
        if chance(3) {
            let addresses = Set((0..<Int.random(in: 1...3, using: &random)).map { _ in randomUsable(of: prefix) })
            options["plugind.reserve"] = addresses.sorted()
                .map { Reservation(identity: randomIdentity(), address: $0).description }
                .joined(separator: ",")
        }
        return options
    }

    /// Without overlaps, and small enough that they can be exhausted.
    private mutating func randomRanges(of prefix: Prefix, count: ClosedRange<Int>) -> [String] {
        var bounds = Set<IPAddress>()
        for _ in 0..<2 * Int.random(in: count, using: &random) { bounds.insert(randomUsable(of: prefix)) }
        let sorted = bounds.sorted()
        var ranges: [String] = []
        var index = 0
        while index < sorted.count {
            // Alone, or with the next one.
            if index + 1 < sorted.count, !chance(4) {
                ranges.append("\(sorted[index])-\(sorted[index + 1])")
                index += 2
            } else {
                ranges.append("\(sorted[index])")
                index += 1
            }
        }
        return ranges.shuffled(using: &random)
    }
}

extension PoolRequest {
    /// Of the pool that it would give, if that is not left to plugind.
    fileprivate var id: PoolID? { prefix.map { PoolID(space: space, prefix: $0, subPool: subPool) } }
}
