// SPDX-License-Identifier: Apache-2.0

public import Addressing

/// How full a pool is. All numbers are numbers of addresses.
public struct PoolReport: Hashable, Sendable {
    public let id: PoolID
    public let space: AddressSpace
    public let prefix: Prefix
    public let subPool: Prefix?
    /// All of the prefix; 2^128 - 1 stands for one more.
    public let size: UInt128
    /// What is chosen from: the usable ones in the ranges, without the excluded. The sum of what follows to `free`, apart from
    /// what was asked for by number outside of it.
    public let allocatable: UInt128
    /// Held, also those outside of the ranges.
    public let used: UInt128
    /// Of `used`, those that are not among the allocatable.
    public let usedOutside: UInt128
    /// Released, and kept for who had them.
    public let sticky: UInt128
    /// Released a moment ago, and kept for nobody.
    public let quarantined: UInt128
    /// Reserved, and not held.
    public let reserved: UInt128
    public let free: UInt128
    /// Never chosen, though usable and in the ranges.
    public let excluded: UInt128
    /// What a command has excluded, in ascending order.
    public let exclusions: [AddressRange]
    /// What the option `plugind.exclude` excludes, likewise.
    public let optionExclusions: [AddressRange]
    /// By how many the used ones grow in an hour, as of late. Nil while that cannot be told.
    public let growthPerHour: Double?
    /// When the pool will be full at that rate. Nil if it does not grow.
    public let exhaustedIn: Duration?
}

extension IPAM {
    /// A report on each pool, in the order of their ids.
    public func report() -> [PoolReport] {
        let time = now()
        return pools.keys.sorted().compactMap { pools[$0]?.report(at: time) }
    }
}

extension Pool {
    fileprivate mutating func report(at now: Int64) -> PoolReport {
        ageRests(at: now)
        // Where nothing was given or released since, that is a part of how it went.
        noteUse(at: now)
        let outside = holders.keys.count { closed.contains($0) }
        var (sticky, quarantined) = (0, 0)
        // What is reserved counts as that.
        for (offset, rest, kind) in rests.all where !closed.contains(offset) && reservations[offset] == nil {
            if isKept(rest, kind, at: now) {
                sticky += 1
            } else if kind != .idle {
                quarantined += 1
            }
        }
        let allocatable = closed.missingCount(in: span)
        let reserved = reservations.keys.count { holders[$0] == nil && !closed.contains($0) }
        let free = known.missingCount(in: span) + UInt128(rests.idleCount)
        return PoolReport(
            id: id, space: space, prefix: prefix, subPool: subPool,
            size: prefix.hostMask == .max ? .max : prefix.hostMask + 1, allocatable: allocatable,
            used: UInt128(holders.count), usedOutside: UInt128(outside), sticky: UInt128(sticky),
            quarantined: UInt128(quarantined), reserved: UInt128(reserved), free: free,
            excluded: options.excludedCount(in: prefix, subPool: subPool, and: exclusions),
            exclusions: exclusions.map(addresses(at:)),
            optionExclusions: options.exclude.sorted { $0.lowerBound < $1.lowerBound },
            growthPerHour: history.growthPerHour,
            exhaustedIn: history.exhaustedIn(free: free))
    }
}
