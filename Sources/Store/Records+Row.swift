// SPDX-License-Identifier: Apache-2.0

import Addressing

/// A record whose columns are all of it: what is written again and again is one small row without JSON.
protocol RowRecord {
    /// The values in the order of the table's columns.
    var row: [String?] { get }

    /// Nil if the values are no record.
    init?(_ row: [String?])
}

extension AddressRecord: RowRecord {
    var row: [String?] {
        [
            pool, address.description, role.rawValue, name, mac?.description, since == 0 ? nil : "\(since)",
            Flags(isFixed: isFixed, isConfirmed: isConfirmed).text,
        ]
    }

    init?(_ row: [String?]) {
        guard row.count == 7, let pool = row[0], let address = row[1].flatMap({ IPAddress($0) }),
            let role = row[2].flatMap(Role.init(rawValue:)), let since = Int64(row[5] ?? "0"),
            let flags = Flags(row[6])
        else { return nil }
        let mac = row[4].flatMap { MACAddress($0) }
        guard (mac == nil) == (row[4] == nil) else { return nil }
        self.init(
            pool: pool, address: address, role: role, name: row[3], mac: mac, isFixed: flags.isFixed,
            isConfirmed: flags.isConfirmed, since: since)
    }
}

extension RestRecord: RowRecord {
    var row: [String?] {
        [
            pool, address.description, name, mac?.description, "\(released)",
            Flags(isFixed: isFixed, isConfirmed: isConfirmed).text,
        ]
    }

    init?(_ row: [String?]) {
        guard row.count == 6, let pool = row[0], let address = row[1].flatMap({ IPAddress($0) }),
            let released = row[4].flatMap({ Int64($0) }), let flags = Flags(row[5])
        else { return nil }
        let mac = row[3].flatMap { MACAddress($0) }
        guard (mac == nil) == (row[3] == nil) else { return nil }
        self.init(
            pool: pool, address: address, name: row[2], mac: mac, isConfirmed: flags.isConfirmed,
            isFixed: flags.isFixed, released: released)
    }
}

extension ReservationRecord: RowRecord {
    var row: [String?] { [address.description, name, mac?.description] }

    init?(_ row: [String?]) {
        guard row.count == 3, let address = row[0].flatMap({ IPAddress($0) }) else { return nil }
        let mac = row[2].flatMap { MACAddress($0) }
        // One of the two, and the schema says so too.
        guard (mac == nil) == (row[2] == nil), (row[1] == nil) != (mac == nil) else { return nil }
        self.init(name: row[1], mac: mac, address: address)
    }
}

extension ExclusionRecord: RowRecord {
    var row: [String?] { [pool, first.description, last.description] }

    init?(_ row: [String?]) {
        guard row.count == 3, let pool = row[0], let first = row[1].flatMap({ IPAddress($0) }),
            let last = row[2].flatMap({ IPAddress($0) }), first.family == last.family, first <= last
        else { return nil }
        self.init(pool: pool, first: first, last: last)
    }
}

/// What is rare about an address or a rest. Mostly there is nothing, and then the column is empty.
private struct Flags {
    var isFixed: Bool
    var isConfirmed: Bool

    init(isFixed: Bool, isConfirmed: Bool) {
        self.isFixed = isFixed
        self.isConfirmed = isConfirmed
    }

    init?(_ text: String?) {
        switch text {
        case nil: self.init(isFixed: false, isConfirmed: true)
        case "fixed": self.init(isFixed: true, isConfirmed: true)
        case "weak": self.init(isFixed: false, isConfirmed: false)
        case "fixed weak": self.init(isFixed: true, isConfirmed: false)
        default: return nil
        }
    }

    var text: String? {
        switch (isFixed, isConfirmed) {
        case (false, true): nil
        case (true, true): "fixed"
        case (false, false): "weak"
        case (true, false): "fixed weak"
        }
    }
}
