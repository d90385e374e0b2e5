// SPDX-License-Identifier: Apache-2.0

import GRDB

/// The tables and their history. A migration that was released is never edited; a new one follows it.
enum Schema {
    static func migrate(_ database: DatabaseQueue) throws {
        if try database.read(migrator.hasBeenSuperseded) {
            throw StoreError(
                "the state in \(database.path) was written by a newer plugind; "
                    + "install that version again, or point --state-dir at another directory")
        }
        try migrator.migrate(database)
    }

    private static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1: networks, endpoints, pools, addresses, settings") { database in
            // Keys and what SQL must check are columns; the rest of a record is JSON in `body`.
            try database.execute(
                sql: """
                    CREATE TABLE network (
                        id TEXT PRIMARY KEY,
                        bridge TEXT NOT NULL UNIQUE,
                        phase TEXT NOT NULL,
                        body TEXT NOT NULL
                    ) STRICT, WITHOUT ROWID;

                    CREATE TABLE endpoint (
                        id TEXT PRIMARY KEY,
                        network TEXT NOT NULL REFERENCES network (id),
                        phase TEXT NOT NULL,
                        body TEXT NOT NULL
                    ) STRICT, WITHOUT ROWID;

                    CREATE INDEX endpoint_by_network ON endpoint (network);

                    CREATE TABLE pool (
                        id TEXT PRIMARY KEY,
                        body TEXT NOT NULL
                    ) STRICT, WITHOUT ROWID;

                    -- The hot table: an address is one small row.
                    CREATE TABLE address (
                        pool TEXT NOT NULL REFERENCES pool (id) ON DELETE CASCADE,
                        address TEXT NOT NULL,
                        role TEXT NOT NULL,
                        name TEXT,
                        mac TEXT,
                        PRIMARY KEY (pool, address)
                    ) STRICT, WITHOUT ROWID;

                    CREATE TABLE setting (
                        key TEXT PRIMARY KEY,
                        value TEXT NOT NULL
                    ) STRICT, WITHOUT ROWID;
                    """)
        }
        return migrator
    }
}
