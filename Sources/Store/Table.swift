// SPDX-License-Identifier: Apache-2.0

import GRDB

/// A table of records: its statements, and the checksum that each of its rows carries.
///
/// SQLite sees to its pages' structure, not to their text. An address in which a bit was flipped on the disk is still
/// an address; only the checksum tells.
struct Table: Sendable {
    static let network = Table("network", key: ["id"], values: ["bridge", "phase", "body"])
    static let endpoint = Table("endpoint", key: ["id"], values: ["network", "phase", "body"])
    static let pool = Table("pool", key: ["id"], values: ["body"])
    static let address = addressOfVersion3
    static let rest = Table("rest", key: ["pool", "address"], values: ["name", "mac", "released", "flags"])
    static let reservation = Table("reservation", key: ["address"], values: ["name", "mac"])
    static let exclusion = Table("exclusion", key: ["pool", "first"], values: ["last"])
    static let setting = Table("setting", key: ["key"], values: ["value"])
    static let all = [network, endpoint, pool, address, rest, reservation, exclusion, setting]

    let name: String
    private let columns: [String]
    private let keyCount: Int
    private let putting, deleting, reading: String

    init(_ name: String, key: [String], values: [String]) {
        self.name = name
        columns = key + values
        keyCount = key.count
        let isKey = key.map { "\($0) = ?" }.joined(separator: " AND ")
        let updates = (values + ["checksum"]).map { "\($0) = excluded.\($0)" }.joined(separator: ", ")
        let list = columns.joined(separator: ", ")
        let marks = columns.map { _ in "?" }.joined(separator: ", ")
        // Not INSERT OR REPLACE, which deletes the row first, and with a pool its addresses.
        putting = """
            INSERT INTO \(name) (\(list), checksum) VALUES (\(marks), ?)
            ON CONFLICT (\(key.joined(separator: ", "))) DO UPDATE SET \(updates)
            """
        deleting = "DELETE FROM \(name) WHERE \(isKey)"
        reading = "SELECT \(list), checksum FROM \(name) ORDER BY \(key.joined(separator: ", "))"
    }

    /// Inserts a row, key first, or replaces the one of that key.
    func put(_ row: [String?], in database: Database) throws {
        try database.run(putting, row + [Checksum(of: row).value])
    }

    func delete(_ key: [String], in database: Database) throws {
        try database.run(deleting, key)
    }

    /// Every row, in the order of the keys.
    func rows(in database: Database) throws -> [[String?]] {
        try rows(in: database) { row, checksum throws(Damage) in
            guard Checksum(of: row).value == checksum else {
                throw Damage("\(self.words(for: row)) does not fit its checksum")
            }
        }
    }

    /// Gives every row its checksum, in a table that had none. For the migration to version 2.
    func addChecksums(in database: Database) throws {
        try database.execute(sql: "ALTER TABLE \(name) ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0")
        for row in try rows(in: database, check: { _, _ in }) { try put(row, in: database) }
    }

    /// The row's table and key, for people.
    func words(for row: [String?]) -> String {
        "\(name) \(row.prefix(keyCount).map { $0 ?? "" }.joined(separator: " "))"
    }

    private func rows(
        in database: Database, check: ([String?], Int64?) throws(Damage) -> Void
    ) throws -> [[String?]] {
        var rows: [[String?]] = []
        let cursor = try Row.fetchCursor(database, sql: reading)
        while let values = try cursor.next() {
            // Not by subscripts of type String, which end the process on a value that is none.
            let row = try columns.indices.map { index throws(Damage) -> String? in
                let value: DatabaseValue = values[index]
                guard let text = String.fromDatabaseValue(value) else {
                    if value.isNull { return nil }
                    throw Damage("a row of table \(name) has a \(columns[index]) that is no text")
                }
                return text
            }
            try check(row, Int64.fromDatabaseValue(values[columns.count]))
            rows.append(row)
        }
        return rows
    }
}

/// FNV-1a, 64 bits, over the values of a row. Two rows that differ in one byte never have the same.
struct Checksum {
    private var state: UInt64 = 0xcbf2_9ce4_8422_2325

    /// In UTF-8 there is neither byte: they end a value, and stand for one that is missing.
    private static let (end, absence): (UInt8, UInt8) = (0xff, 0xfe)

    init(of row: [String?]) {
        for value in row {
            if let value {
                for byte in value.utf8 { add(byte) }
            } else {
                add(Self.absence)
            }
            add(Self.end)
        }
    }

    /// As SQLite stores integers.
    var value: Int64 { Int64(bitPattern: state) }

    private mutating func add(_ byte: UInt8) {
        state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01b3
    }
}

extension Database {
    func run(_ sql: String, _ arguments: [(any DatabaseValueConvertible)?]) throws {
        try cachedStatement(sql: sql).execute(arguments: StatementArguments(arguments))
    }
}
