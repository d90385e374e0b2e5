// SPDX-License-Identifier: Apache-2.0

import GRDB

/// What is wrong with the stored state. `StateFiles` makes a `StoreError` of it, with the file and the way out.
struct Damage: Error {
    let reason: String

    init(_ reason: String) { self.reason = reason }
}

/// Looks for damage in an open database, all of it, so that it is found at start and not at the first unlucky read.
enum Soundness {
    /// Checks pages, tables and rows. `history` are the migrations that made the database.
    ///
    /// That each record can be understood, and that what it belongs to is there, is seen when the state is read.
    static func check(_ database: Database, history: [String]) throws {
        let verdict = try String.fetchOne(database, sql: "PRAGMA quick_check(1)")
        guard verdict == "ok" else {
            throw Damage(verdict?.split(separator: "\n").joined(separator: " ") ?? "quick_check does not answer")
        }
        let found = try Schema.objects(in: database)
        for (name, statement) in try Schema.objects(after: history) where found[name] != statement {
            throw Damage("\(name) is not as it was made")
        }
        // Before anything is written: a damaged file is left as it was found.
        for table in Table.all(ofVersion: history.count) { _ = try table.rows(in: database) }
    }
}
