// SPDX-License-Identifier: Apache-2.0

import Addressing
import FoundationEssentials
import GRDB

extension Change {
    /// Carries the change out, within the transaction that `database` is in.
    func write(to database: Database) throws {
        switch self {
        case .putNetwork(let network):
            try Table.network.put(
                [
                    network.id.description, network.bridge.description, network.phase.rawValue, try json(network),
                ], in: database)
        case .deleteNetwork(let id):
            try Table.network.delete([id.description], in: database)
        case .putEndpoint(let endpoint):
            try Table.endpoint.put(
                [
                    endpoint.id.description, endpoint.network.description, endpoint.phase.rawValue,
                    try json(endpoint),
                ], in: database)
        case .deleteEndpoint(let id):
            try Table.endpoint.delete([id.description], in: database)
        case .putPool(let pool):
            try Table.pool.put([pool.id, try json(pool)], in: database)
        case .deletePool(let id):
            try Table.pool.delete([id], in: database)
        case .putAddress(let address):
            try Table.address.put(address.row, in: database)
        case .deleteAddress(let pool, let address):
            try Table.address.delete([pool, address.description], in: database)
        case .putRest(let rest):
            try Table.rest.put(rest.row, in: database)
        case .deleteRest(let pool, let address):
            try Table.rest.delete([pool, address.description], in: database)
        case .putReservation(let reservation):
            try Table.reservation.put(reservation.row, in: database)
        case .deleteReservation(let address):
            try Table.reservation.delete([address.description], in: database)
        case .putExclusion(let exclusion):
            try Table.exclusion.put(exclusion.row, in: database)
        case .deleteExclusion(let pool, let first):
            try Table.exclusion.delete([pool, first.description], in: database)
        case .putSetting(let key, let value):
            try Table.setting.put([key, value], in: database)
        case .audit(let record):
            try record.append(to: database)
        }
    }

    private func json(_ record: some Encodable) throws -> String {
        String(decoding: try JSONEncoder().encode(record), as: UTF8.self)
    }
}

extension AuditRecord {
    fileprivate func append(to database: Database) throws {
        try database.run(
            "INSERT INTO audit (time, subject, decision, reason) VALUES (?, ?, ?, ?)",
            [time, subject, decision, reason])
        // Numbers are given out without gaps, so this finds its rows at the front of the table, mostly one.
        try database.run("DELETE FROM audit WHERE id <= last_insert_rowid() - ?", [Self.limit])
    }

    /// Reads the last rows, newest first.
    static func last(_ count: Int, in database: Database) throws -> [AuditRecord] {
        try Row.fetchAll(
            database, sql: "SELECT time, subject, decision, reason FROM audit ORDER BY id DESC LIMIT ?",
            arguments: [max(0, count)]
        ).map { row in
            guard let time = Int64.fromDatabaseValue(row[0]), let subject = String.fromDatabaseValue(row[1]),
                let decision = String.fromDatabaseValue(row[2]), let reason = String.fromDatabaseValue(row[3])
            else { throw Damage("a row of the audit log cannot be understood") }
            return AuditRecord(time: time, subject: subject, decision: decision, reason: reason)
        }
    }
}
