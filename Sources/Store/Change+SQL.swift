// SPDX-License-Identifier: Apache-2.0

import Addressing
import FoundationEssentials
import GRDB

extension Change {
    /// Carries the change out, within the transaction that `database` is in.
    func write(to database: Database) throws {
        switch self {
        case .putNetwork(let network):
            try database.run(
                """
                INSERT INTO network (id, bridge, phase, body) VALUES (?, ?, ?, ?)
                ON CONFLICT (id) DO UPDATE SET bridge = excluded.bridge, phase = excluded.phase, body = excluded.body
                """,
                [network.id.description, network.bridge.description, network.phase.rawValue, try json(network)])
        case .deleteNetwork(let id):
            try database.run("DELETE FROM network WHERE id = ?", [id.description])
        case .putEndpoint(let endpoint):
            try database.run(
                """
                INSERT INTO endpoint (id, network, phase, body) VALUES (?, ?, ?, ?)
                ON CONFLICT (id) DO UPDATE SET phase = excluded.phase, body = excluded.body
                """,
                [
                    endpoint.id.description, endpoint.network.description, endpoint.phase.rawValue,
                    try json(endpoint),
                ])
        case .deleteEndpoint(let id):
            try database.run("DELETE FROM endpoint WHERE id = ?", [id.description])
        case .putPool(let pool):
            try database.run(
                "INSERT INTO pool (id, body) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body",
                [pool.id, try json(pool)])
        case .deletePool(let id):
            try database.run("DELETE FROM pool WHERE id = ?", [id])
        case .putAddress(let address):
            try database.run(
                "INSERT OR REPLACE INTO address (pool, address, role, name, mac) VALUES (?, ?, ?, ?, ?)",
                [
                    address.pool, address.address.description, address.role.rawValue, address.name,
                    address.mac?.description,
                ])
        case .deleteAddress(let pool, let address):
            try database.run("DELETE FROM address WHERE pool = ? AND address = ?", [pool, address.description])
        case .putSetting(let key, let value):
            try database.run("INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)", [key, value])
        }
    }

    private func json(_ record: some Encodable) throws -> String {
        String(decoding: try JSONEncoder().encode(record), as: UTF8.self)
    }
}

extension Database {
    fileprivate func run(_ sql: String, _ arguments: [String?]) throws {
        try cachedStatement(sql: sql).execute(arguments: StatementArguments(arguments))
    }
}

extension StoredState {
    /// Reads every table.
    init(from database: Database) throws {
        self.init(
            networks: try Self.bodies(of: "network", in: database),
            endpoints: try Self.bodies(of: "endpoint", in: database),
            pools: try Self.bodies(of: "pool", in: database),
            addresses: try Self.addresses(in: database),
            settings: try Self.settings(in: database))
    }

    private static func bodies<Record: Decodable>(of table: String, in database: Database) throws -> [Record] {
        let decoder = JSONDecoder()
        var records: [Record] = []
        let rows = try Row.fetchCursor(database, sql: "SELECT id, body FROM \(table) ORDER BY id")
        while let row = try rows.next() {
            let body: String = row[1]
            do {
                records.append(try decoder.decode(Record.self, from: Data(body.utf8)))
            } catch {
                throw StoreError("\(table) \(row[0] as String) cannot be understood: \(error)")
            }
        }
        return records
    }

    private static func addresses(in database: Database) throws -> [AddressRecord] {
        var records: [AddressRecord] = []
        let rows = try Row.fetchCursor(database, sql: "SELECT pool, address, role, name, mac FROM address")
        while let row = try rows.next() {
            let (pool, text, role): (String, String, String) = (row[0], row[1], row[2])
            guard let address = IPAddress(text), let role = AddressRecord.Role(rawValue: role) else {
                throw StoreError("address \(text) of pool \(pool) cannot be understood")
            }
            records.append(
                AddressRecord(
                    pool: pool, address: address, role: role, name: row[3],
                    mac: (row[4] as String?).flatMap { MACAddress($0) }))
        }
        return records
    }

    private static func settings(in database: Database) throws -> [String: String] {
        try Row.fetchAll(database, sql: "SELECT key, value FROM setting")
            .reduce(into: [:]) { settings, row in settings[row[0] as String] = row[1] as String }
    }
}
