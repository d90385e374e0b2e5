// SPDX-License-Identifier: Apache-2.0

import Addressing

/// What is known of an address that was released: when, and who had it.
struct Rest: Hashable, Sendable {
    let name: String?
    let mac: MACAddress?
    /// False for a MAC address that was seen only once, without a name: the engine may have made it up.
    let isConfirmed: Bool
    /// The address had been asked for by number.
    let isFixed: Bool
    /// In milliseconds since 1970.
    let released: Int64
}

/// The addresses of a pool that were released and not given again, by offset, with the oldest of each kind at hand.
struct RestBook {
    /// What an address waits for. The kinds of `waiting` become `idle` when their times are over.
    enum Kind: Int, CaseIterable {
        /// For nobody; in quarantine.
        case plain
        /// For a MAC address that the engine may have made up.
        case weak
        /// For whoever had it.
        case claim
        /// For whoever had it, and nobody else: it had been asked for by number.
        case fixed
        /// For its turn.
        case idle

        static let waiting: [Kind] = [.plain, .weak, .claim, .fixed]
    }

    private struct Entry {
        let rest: Rest
        let kind: Kind
        /// Never chosen by its turn: reserved, or not among those that are chosen from.
        let isAside: Bool
    }

    private var entries: [UInt128: Entry] = [:]
    private var queues = [RestQueue](repeating: RestQueue(), count: Kind.allCases.count)
    private var queuesAside = [RestQueue](repeating: RestQueue(), count: Kind.allCases.count)
    /// Whom the addresses are kept for. Nearly always one address each.
    private var offsetsByName: [String: [UInt128]] = [:]
    private var offsetsByMAC: [MACAddress: [UInt128]] = [:]

    subscript(offset: UInt128) -> Rest? { entries[offset]?.rest }

    func kind(at offset: UInt128) -> Kind? { entries[offset]?.kind }

    /// How many are idle.
    var idleCount: Int { queues[Kind.idle.rawValue].count }

    /// How many are kept for who had asked for them by number, as far as they are among those that are chosen from.
    var fixedCount: Int { queues[Kind.fixed.rawValue].count }

    /// In no order.
    var all: some Sequence<(offset: UInt128, rest: Rest, kind: Kind)> {
        entries.lazy.map { (offset: $0.key, rest: $0.value.rest, kind: $0.value.kind) }
    }

    mutating func insert(_ rest: Rest, _ kind: Kind, at offset: UInt128, isAside: Bool) {
        remove(offset)
        let entry = Entry(rest: rest, kind: kind, isAside: isAside)
        entries[offset] = entry
        change(queueOf: entry) { $0.insert(offset, released: rest.released) }
        if kind == .weak || kind == .claim || kind == .fixed {
            if let name = rest.name {
                offsetsByName[name, default: []].append(offset)
            } else if let mac = rest.mac {
                offsetsByMAC[mac, default: []].append(offset)
            }
        }
    }

    @discardableResult
    mutating func remove(_ offset: UInt128) -> Rest? {
        guard let entry = entries.removeValue(forKey: offset) else { return nil }
        change(queueOf: entry) { $0.noteRemoval(of: offset, released: entry.rest.released) }
        unclaim(offset, entry.rest)
        return entry.rest
    }

    /// The address waits for nobody any more.
    mutating func idle(_ offset: UInt128) {
        guard let rest = entries[offset]?.rest, let isAside = entries[offset]?.isAside else { return }
        insert(rest, .idle, at: offset, isAside: isAside)
    }

    /// The one of a kind that was released first; the lowest of several. Not of those that are never chosen.
    func oldest(_ kind: Kind) -> (offset: UInt128, rest: Rest)? {
        guard let offset = queues[kind.rawValue].first, let entry = entries[offset] else { return nil }
        return (offset, entry.rest)
    }

    /// Likewise, of those that are never chosen.
    func oldestAside(_ kind: Kind) -> (offset: UInt128, rest: Rest)? {
        guard let offset = queuesAside[kind.rawValue].first, let entry = entries[offset] else { return nil }
        return (offset, entry.rest)
    }

    /// The addresses that are kept for that name, or, where no name is known, for that MAC address; the newest first.
    func claimed(name: String?, mac: MACAddress?) -> [UInt128] {
        let offsets = name.map { offsetsByName[$0] ?? [] } ?? mac.flatMap { offsetsByMAC[$0] } ?? []
        if offsets.count < 2 { return offsets }
        return offsets.sorted { (entries[$1]?.rest.released ?? .min, $0) < (entries[$0]?.rest.released ?? .min, $1) }
    }

    private mutating func change(queueOf entry: Entry, _ step: (inout RestQueue) -> Void) {
        if entry.isAside { step(&queuesAside[entry.kind.rawValue]) } else { step(&queues[entry.kind.rawValue]) }
    }

    private mutating func unclaim(_ offset: UInt128, _ rest: Rest) {
        if let name = rest.name {
            offsetsByName[name]?.removeAll { $0 == offset }
            if offsetsByName[name]?.isEmpty == true { offsetsByName[name] = nil }
        } else if let mac = rest.mac {
            offsetsByMAC[mac]?.removeAll { $0 == offset }
            if offsetsByMAC[mac]?.isEmpty == true { offsetsByMAC[mac] = nil }
        }
    }
}

/// Offsets in the order of their release.
///
/// A removal is noted only, and done when it comes to the front, or when half of the queue is such: what is released is
/// nearly always the newest, and what is wanted the oldest, so that each step costs next to nothing.
private struct RestQueue {
    private struct Item: Comparable, Hashable {
        let released: Int64
        let offset: UInt128

        static func < (lhs: Item, rhs: Item) -> Bool { (lhs.released, lhs.offset) < (rhs.released, rhs.offset) }
    }

    private var items: [Item] = []
    /// Where the front is.
    private var start = 0
    /// Those of the items that are there no more. Never the first one.
    private var removed: Set<Item> = []

    var count: Int { items.count - start - removed.count }
    var first: UInt128? { start < items.count ? items[start].offset : nil }

    mutating func insert(_ offset: UInt128, released: Int64) {
        let item = Item(released: released, offset: offset)
        // It is where it was.
        if removed.remove(item) != nil { return }
        var (low, high) = (start, items.count)
        if let last = items.last, last < item { low = high }
        while low < high {
            let middle = low + (high - low) / 2
            if items[middle] < item { low = middle + 1 } else { high = middle }
        }
        items.insert(item, at: low)
    }

    mutating func noteRemoval(of offset: UInt128, released: Int64) {
        removed.insert(Item(released: released, offset: offset))
        while start < items.count, removed.remove(items[start]) != nil { start += 1 }
        if removed.count + start > max(32, items.count / 2) { sweep() }
    }

    private mutating func sweep() {
        items = items[start...].filter { !removed.contains($0) }
        start = 0
        removed = []
    }
}
