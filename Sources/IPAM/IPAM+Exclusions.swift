// SPDX-License-Identifier: Apache-2.0

public import Addressing
import Events
import Logging
import Store

/// What a pool's exclusions are like after a command, as far as the command was about them.
public struct ExclusionReport: Hashable, Sendable {
    public let pool: PoolID
    /// All that commands have excluded from the pool, in ascending order.
    public let exclusions: [AddressRange]
    /// Of what was asked for, the addresses that somebody holds, and who that is. He keeps them.
    public let held: [HeldExclusion]
    /// Of what was asked for, what the option `plugind.exclude` excludes, whatever commands say.
    public let byOption: [AddressRange]
}

/// An address that somebody holds, and nobody gets after him.
public struct HeldExclusion: Hashable, Sendable {
    public let address: IPAddress
    /// For people: `container web has it since …`.
    public let holder: String
}

// Exclusions by command: stored, in force until a command ends them or the pool goes, and beside those of the option.
extension IPAM {
    /// So many ranges may be excluded from a pool.
    public static let mostExclusions = 1000

    /// Takes addresses out of a pool: all, or none. Who holds one keeps it, and nobody gets it after him, unless he names it
    /// or it is reserved for him.
    ///
    /// What is excluded already is success.
    public func exclude(_ ranges: [AddressRange], from id: PoolID) async throws -> ExclusionReport {
        try await change(ranges, of: id, "excluded") { pool, wanted throws(ExclusionError) in
            try pool.checkCount((pool.exclusions + wanted).merged())
        }
    }

    /// Gives back what `exclude` took: all, or none. Refused where a range has nothing of that in it.
    public func include(_ ranges: [AddressRange], in id: PoolID) async throws -> ExclusionReport {
        try await change(ranges, of: id, "included again") { pool, wanted throws(ExclusionError) in
            for range in ranges where !pool.hasExclusions(in: range) {
                let byOption = pool.options.exclude.contains { $0.overlaps(range) }
                throw byOption ? .option(range, of: id) : .notExcluded(range, from: id)
            }
            return try pool.checkCount(pool.exclusions.intersection(wanted.complement(in: pool.span)))
        }
    }

    /// Stores what `after` says the exclusions are to be, and then lets it be so. Meanwhile nobody is given an address of the
    /// pool.
    private func change(
        _ ranges: [AddressRange], of id: PoolID, _ decision: String,
        to after: (Pool, [ClosedRange<UInt128>]) throws(ExclusionError) -> [ClosedRange<UInt128>]
    ) async throws -> ExclusionReport {
        while let pending = pools[id]?.pending { await pending.settled() }
        let pending = PendingChange()
        defer { pending.settle() }
        pools[id]?.pending = pending
        defer { pools[id]?.pending = nil }
        while let other = pools[id]?.pendingAddressChange { await other.settled() }
        let (offsets, changes) = try plan(ranges, of: id, decision, after)
        if !changes.isEmpty {
            try await store.commit(changes)
            pools[id]?.setExclusions(offsets)
            let words = ranges.map(\.text).joined(separator: ", ")
            let isTaken = decision == "excluded"
            events.emit(
                isTaken
                    ? .poolExcluded(id.description, ranges: words) : .poolIncluded(id.description, ranges: words))
            logger.info("Changed exclusions", metadata: ["pool.id": "\(id)", decision: "\(words)"])
        }
        guard let report = pools[id]?.exclusionReport(about: ranges) else { throw IPAMError.unknownPool(id) }
        return report
    }

    private func plan(
        _ ranges: [AddressRange], of id: PoolID, _ decision: String,
        _ after: (Pool, [ClosedRange<UInt128>]) throws(ExclusionError) -> [ClosedRange<UInt128>]
    ) throws -> ([ClosedRange<UInt128>], [Change]) {
        guard let pool = pools[id] else { throw IPAMError.unknownPool(id) }
        for range in ranges where !pool.prefix.contains(range.lowerBound) || !pool.prefix.contains(range.upperBound) {
            throw ExclusionError.outside(range, of: id)
        }
        let wanted = ranges.compactMap { $0.offsets(in: pool.prefix) }.merged()
        let offsets = try after(pool, wanted)
        let (old, new) = (Set(pool.exclusions), Set(offsets))
        guard old != new else { return (offsets, []) }
        let begins = Set(offsets.map(\.lowerBound))
        var changes: [Change] = old.filter { !begins.contains($0.lowerBound) }.map {
            .deleteExclusion(pool: id.description, first: pool.address(at: $0.lowerBound))
        }
        changes += new.subtracting(old).map { .putExclusion(pool.exclusionRecord($0)) }
        let words = ranges.map(\.text).joined(separator: ", ")
        return (offsets, changes + [audit("addresses \(words) of pool \(id)", decision, "by command")])
    }
}

extension Pool {
    func addresses(at offsets: ClosedRange<UInt128>) -> AddressRange {
        address(at: offsets.lowerBound)...address(at: offsets.upperBound)
    }

    /// Refuses more exclusions than there may be, unless there are fewer than before.
    fileprivate func checkCount(
        _ ranges: [ClosedRange<UInt128>]
    ) throws(ExclusionError) -> [ClosedRange<UInt128>] {
        guard ranges.count <= max(IPAM.mostExclusions, exclusions.count) else { throw .tooMany(id) }
        return ranges
    }

    fileprivate func hasExclusions(in range: AddressRange) -> Bool {
        range.offsets(in: prefix).map { offsets in exclusions.contains { $0.overlaps(offsets) } } ?? false
    }

    fileprivate func exclusionRecord(_ offsets: ClosedRange<UInt128>) -> ExclusionRecord {
        let range = addresses(at: offsets)
        return ExclusionRecord(pool: id.description, first: range.lowerBound, last: range.upperBound)
    }

    /// Nil if one is not in the pool.
    func offsets(of records: [ExclusionRecord]) -> [ClosedRange<UInt128>]? {
        let ranges = records.compactMap { record -> ClosedRange<UInt128>? in
            guard prefix.contains(record.first), prefix.contains(record.last) else { return nil }
            return (record.first...record.last).offsets(in: prefix)
        }
        return ranges.count == records.count ? ranges.merged() : nil
    }

    fileprivate func exclusionReport(about ranges: [AddressRange]) -> ExclusionReport {
        let wanted = ranges.compactMap { $0.offsets(in: prefix) }.merged()
        let option = options.exclude.compactMap { $0.offsets(in: prefix) }.merged()
        return ExclusionReport(
            pool: id, exclusions: exclusions.map(addresses(at:)),
            held: holders.filter { holder in wanted.contains { $0.contains(holder.key) } }.sorted { $0.key < $1.key }
                .map { HeldExclusion(address: address(at: $0.key), holder: $0.value.words) },
            byOption: wanted.intersection(option).map(addresses(at:)))
    }
}

/// Why exclusions cannot be changed, in words.
public enum ExclusionError: Error, Hashable, Sendable, CustomStringConvertible {
    case outside(AddressRange, of: PoolID)
    case notExcluded(AddressRange, from: PoolID)
    case option(AddressRange, of: PoolID)
    case tooMany(PoolID)

    public var description: String {
        switch self {
        case .outside(let range, let pool): "\(range.text) is not in pool \(pool), or not all of it"
        case .notExcluded(let range, let pool): "nothing of \(range.text) is excluded from pool \(pool)"
        case .option(let range, let pool):
            "\(range.text) is excluded by the option plugind.exclude of pool \(pool), which goes with its network"
        case .tooMany(let pool):
            "pool \(pool) would have more than \(IPAM.mostExclusions) exclusions; exclude a range that has several in it"
        }
    }
}
