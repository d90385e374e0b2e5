// SPDX-License-Identifier: Apache-2.0

import GRDB
import Glibc

/// Tells a database whose newest changes are in a journal from one that is complete.
///
/// SQLite opens a database without its journal as if the journal had been empty: whoever copies plugind.db alone, or
/// deletes the "left-over" plugind.db-wal, gets an older state, without a word. So the file by itself says that it is
/// incomplete, and the journal that it is not: first `user_version` is set to 1 and the journal is moved into the file,
/// then it is set to 0, which is in the journal only. Whatever reads both together sees 0, and so does the
/// file once somebody (SQLite at its last close, a backup, the `sqlite3` program) has brought them together.
enum Mark {
    private static let offset = 60

    /// Moves the journal into the database, and marks the database.
    static func moveJournal(of database: Database) throws {
        // First what may need room, so that the rest finds it. Not all is moved if another program reads at this moment;
        // then the next time does it.
        try database.checkpoint(.passive)
        try database.execute(sql: "PRAGMA user_version = 1")
        let result = Result { try database.checkpoint(.passive) }
        try clear(database)
        _ = try result.get()
    }

    static func clear(_ database: Database) throws {
        try database.execute(sql: "PRAGMA user_version = 0")
    }

    /// Reads it where SQLite keeps it: <https://www.sqlite.org/fileformat2.html#user_version_number>.
    static func isSet(inFile path: String) throws(StoreError) -> Bool {
        let file = try ReadableFile(path)
        let bytes = try file.read(4, at: offset)
        return bytes == [0, 0, 0, 1]
    }
}
