// SPDX-License-Identifier: Apache-2.0

public import Addressing
import Store

/// A pool that is in use overlaps something else that the host uses: what is sent to one may end at the other.
public struct PoolConflict: Hashable, Sendable {
    public let pool: PoolID
    /// The other, in words: `route 10.0.0.0/8 via tun0`.
    public let what: String
    /// Of the other.
    public let prefix: Prefix
}

extension PoolConflict: Comparable {
    public static func < (lhs: PoolConflict, rhs: PoolConflict) -> Bool {
        (lhs.pool, lhs.prefix, lhs.what) < (rhs.pool, rhs.prefix, rhs.what)
    }
}

/// The conflicts there are, and how to find them.
struct PoolConflicts {
    private(set) var current: Set<PoolConflict> = []

    /// What is new, and what is over.
    struct Difference {
        let begun: [PoolConflict]
        let ended: [PoolConflict]
    }

    /// Compares `pools`, which do not overlap each other, with what the host uses.
    mutating func update(_ pools: some Sequence<Pool>, _ occupied: [OccupiedPrefix]) -> Difference {
        var found: Set<PoolConflict> = []
        for (pool, neighbours) in Self.overlapping(pools, occupied) {
            for other in Self.foreign(neighbours, to: pool).sorted(by: Self.isLarger).prefix(Self.mostOfPool) {
                found.insert(PoolConflict(pool: pool.id, what: other.what, prefix: other.prefix))
            }
        }
        defer { current = found }
        return Difference(begun: found.subtracting(current).sorted(), ended: current.subtracting(found).sorted())
    }

    /// A routing daemon may have thousands of routes into a large pool.
    private static let mostOfPool = 8

    private static func isLarger(_ one: OccupiedPrefix, _ other: OccupiedPrefix) -> Bool {
        (one.prefix.length, one.prefix, one.what) < (other.prefix.length, other.prefix, other.what)
    }

    /// Each pool that something of the host overlaps, with that.
    private static func overlapping(
        _ pools: some Sequence<Pool>, _ occupied: [OccupiedPrefix]
    ) -> [(Pool, [OccupiedPrefix])] {
        let pools = pools.sorted { $0.prefix < $1.prefix }
        var neighbours: [Int: [OccupiedPrefix]] = [:]
        for other in occupied {
            // Pools do not overlap, so their ends ascend as their beginnings do.
            var index = pools.partitioningIndex { $0.prefix.last >= other.prefix.first }
            while index < pools.endIndex, pools[index].prefix.first <= other.prefix.last {
                neighbours[index, default: []].append(other)
                index += 1
            }
        }
        return neighbours.sorted { $0.key < $1.key }.map { (pools[$0.key], $0.value) }
    }

    /// Without what belongs to the pool's own network: all that is on the link that has the gateway, whoever made the
    /// link. A network whose gateway is none of the host's (macvlan, ipvlan) has the links that are in its very subnet.
    private static func foreign(_ occupied: [OccupiedPrefix], to pool: Pool) -> [OccupiedPrefix] {
        var own = Set(occupied.filter { isGateway($0, of: pool) }.compactMap(\.link))
        if own.isEmpty {
            own = Set(occupied.filter { $0.isOnLink && $0.prefix == pool.prefix }.compactMap(\.link))
        }
        let foreign = occupied.filter { other in !isGateway(other, of: pool) && other.link.map(own.contains) != true }
        // An address comes with a route to its prefix: one of the two is enough to know.
        let addresses = Set(foreign.lazy.filter { $0.address != nil }.map(Place.init))
        return foreign.filter { $0.address != nil || $0.link == nil || !addresses.contains(Place($0)) }
    }

    private static func isGateway(_ occupied: OccupiedPrefix, of pool: Pool) -> Bool {
        occupied.address.flatMap { pool.holder(of: $0) }?.role == .gateway
    }

    private struct Place: Hashable {
        let link: String?
        let prefix: Prefix

        init(_ occupied: OccupiedPrefix) {
            link = occupied.link
            prefix = occupied.prefix
        }
    }
}

extension Array {
    /// The first index whose element, as those of all later ones, satisfies `predicate`.
    fileprivate func partitioningIndex(where predicate: (Element) -> Bool) -> Index {
        var (low, high) = (startIndex, endIndex)
        while low < high {
            let middle = low + (high - low) / 2
            if predicate(self[middle]) {
                high = middle
            } else {
                low = middle + 1
            }
        }
        return low
    }
}
