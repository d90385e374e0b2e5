// SPDX-License-Identifier: Apache-2.0

import Addressing
import Store

/// Which pool each network had last, by the name that `plugind.name` gives it, and of each family.
///
/// Stored as settings, one for each name. Their keys are numbered, and a forgotten name's is used again, so that there are
/// never more than `limit`. A value is a serial number, the two pools (or `-`) and the name, with spaces between.
struct PoolMemory {
    /// So many names are remembered. Those that were given a pool longest ago are forgotten.
    static let limit = 1000
    private static let keyPrefix = "ipam.pool-of."

    private struct Entry {
        var slot: Int
        /// Which pool was given later.
        var serial: Int64
        var ipv4: Prefix?
        var ipv6: Prefix?
    }

    private var entries: [String: Entry] = [:]
    private var nextSerial: Int64 = 1

    /// What cannot be read is as if it were not there: it was no more than a preference.
    init(settings: [String: String]) {
        for (key, value) in settings where key.hasPrefix(Self.keyPrefix) {
            guard let slot = Int(key.dropFirst(Self.keyPrefix.count)), (0..<Self.limit).contains(slot),
                let (name, entry) = Self.parse(value, slot: slot)
            else { continue }
            // A name that was forgotten, and then noted again elsewhere while the store refused its old place's next name.
            if let other = entries[name], other.serial > entry.serial { continue }
            entries[name] = entry
            nextSerial = max(nextSerial, entry.serial &+ 1)
        }
    }

    /// The pool that the network of that name had last.
    func pool(of name: String, _ family: AddressFamily) -> Prefix? {
        let entry = entries[name]
        return family == .v4 ? entry?.ipv4 : entry?.ipv6
    }

    /// Notes that the network of that name has a pool now. The change belongs into the commit that grants the pool; if that
    /// fails, the network is given the pool the next time, if it is free then.
    mutating func note(_ prefix: Prefix, of name: String) -> Change {
        var entry = entries[name] ?? Entry(slot: freeSlot(), serial: 0)
        entry.serial = nextSerial
        nextSerial += 1
        switch prefix.family {
        case .v4: entry.ipv4 = prefix
        case .v6: entry.ipv6 = prefix
        }
        entries[name] = entry
        return .putSetting(key: Self.keyPrefix + "\(entry.slot)", value: Self.text(of: entry, name))
    }

    /// Forgets a name if there is no other.
    private mutating func freeSlot() -> Int {
        guard entries.count >= Self.limit, let oldest = entries.min(by: { $0.value.serial < $1.value.serial }) else {
            let used = Set(entries.values.map(\.slot))
            return (0..<Self.limit).first { !used.contains($0) } ?? 0
        }
        entries[oldest.key] = nil
        return oldest.value.slot
    }

    private static func text(of entry: Entry, _ name: String) -> String {
        "\(entry.serial) \(entry.ipv4?.description ?? "-") \(entry.ipv6?.description ?? "-") \(name)"
    }

    private static func parse(_ value: String, slot: Int) -> (name: String, Entry)? {
        let parts = value.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, let serial = Int64(parts[0]), serial > 0 else { return nil }
        let ipv4 = Prefix(String(parts[1])).flatMap { $0.family == .v4 ? $0 : nil }
        let ipv6 = Prefix(String(parts[2])).flatMap { $0.family == .v6 ? $0 : nil }
        return (String(parts[3]), Entry(slot: slot, serial: serial, ipv4: ipv4, ipv6: ipv6))
    }
}
