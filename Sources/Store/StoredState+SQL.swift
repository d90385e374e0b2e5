// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import GRDB

extension StoredState {
    /// Reads every table. A row that is not what was written is `Damage`.
    init(from database: Database) throws {
        self.init(
            networks: try Self.records(of: .network, in: database),
            endpoints: try Self.records(of: .endpoint, in: database),
            pools: try Self.records(of: .pool, in: database),
            addresses: try Self.rowRecords(of: .address, in: database),
            rests: try Self.rowRecords(of: .rest, in: database),
            reservations: try Self.rowRecords(of: .reservation, in: database),
            exclusions: try Self.rowRecords(of: .exclusion, in: database),
            settings: try Table.setting.rows(in: database).reduce(into: [:]) { settings, row in
                if let key = row[0] { settings[key] = row[1] }
            })
        try checkReferences()
    }

    /// SQLite's foreign_key_check, but with words: a file may have lost what its constraints forbid to lose.
    func checkReferences() throws(Damage) {
        let networks = Set(networks.map(\.id))
        for endpoint in endpoints where !networks.contains(endpoint.network) {
            throw Damage("endpoint \(endpoint.id) belongs to network \(endpoint.network), which is missing")
        }
        let pools = Set(pools.map(\.id))
        for address in addresses where !pools.contains(address.pool) {
            throw Damage("address \(address.address) belongs to pool \(address.pool), which is missing")
        }
        for rest in rests where !pools.contains(rest.pool) {
            throw Damage("rest \(rest.address) belongs to pool \(rest.pool), which is missing")
        }
        for exclusion in exclusions where !pools.contains(exclusion.pool) {
            throw Damage("exclusion \(exclusion.first) belongs to pool \(exclusion.pool), which is missing")
        }
    }

    private static func rowRecords<Record: RowRecord>(of table: Table, in database: Database) throws -> [Record] {
        try table.rows(in: database).map { row throws(Damage) in
            guard let record = Record(row) else { throw Damage("\(table.words(for: row)) cannot be understood") }
            return record
        }
    }

    /// The records of a table that keeps them as JSON, in its last column.
    private static func records<Record: Decodable>(of table: Table, in database: Database) throws -> [Record] {
        let decoder = JSONDecoder()
        return try table.rows(in: database).map { row throws(Damage) in
            do {
                return try decoder.decode(Record.self, from: Data((row.last.flatMap(\.self) ?? "").utf8))
            } catch {
                throw Damage("\(table.words(for: row)) cannot be understood: \(error)")
            }
        }
    }
}
