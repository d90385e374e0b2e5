// SPDX-License-Identifier: Apache-2.0

import GRDB

/// The tables and their history. A migration that was released is never edited; a new one follows it.
///
/// A migration's name begins with the version that it makes.
enum Schema {
    static let version = 3

    /// What was applied to a database, oldest first.
    static func history(of database: Database) throws -> [String] {
        try migrator.appliedIdentifiers(database).sorted { version(of: $0) < version(of: $1) }
    }

    static func version(of migration: String) -> Int { Int(migration.prefix(while: \.isNumber)) ?? 0 }

    /// What is in a new database to which `migrations` were applied: each table's and index's statement, by name.
    static func objects(after migrations: [String]) throws -> [String: String] {
        let database = try DatabaseQueue()
        if let last = migrations.last { try migrator.migrate(database, upTo: last) }
        return try database.read(objects)
    }

    static func objects(in database: Database) throws -> [String: String] {
        try Row.fetchAll(
            database, sql: "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'grdb_%'"
        ).reduce(into: [:]) { objects, row in
            if let name = String.fromDatabaseValue(row[0]) { objects[name] = String.fromDatabaseValue(row[1]) }
        }
    }

    static var migrator: DatabaseMigrator {
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
        migrator.registerMigration("2: audit log, checksums") { database in
            try database.execute(
                sql: """
                    CREATE TABLE audit (
                        id INTEGER PRIMARY KEY AUTOINCREMENT,
                        time INTEGER NOT NULL,
                        subject TEXT NOT NULL,
                        decision TEXT NOT NULL,
                        reason TEXT NOT NULL
                    ) STRICT;
                    """)
            for table in Table.version2 { try table.addChecksums(in: database) }
        }
        migrator.registerMigration("3: what is known of released addresses, reservations, exclusions") { database in
            try database.execute(
                sql: """
                    ALTER TABLE address ADD COLUMN since TEXT;
                    ALTER TABLE address ADD COLUMN flags TEXT;

                    -- As hot as the addresses: each goes from the one table to the other and back.
                    CREATE TABLE rest (
                        pool TEXT NOT NULL REFERENCES pool (id) ON DELETE CASCADE,
                        address TEXT NOT NULL,
                        name TEXT,
                        mac TEXT,
                        released TEXT NOT NULL,
                        flags TEXT,
                        checksum INTEGER NOT NULL,
                        PRIMARY KEY (pool, address)
                    ) STRICT, WITHOUT ROWID;

                    CREATE TABLE reservation (
                        address TEXT PRIMARY KEY,
                        name TEXT,
                        mac TEXT,
                        checksum INTEGER NOT NULL,
                        CHECK ((name IS NULL) <> (mac IS NULL))
                    ) STRICT, WITHOUT ROWID;

                    CREATE TABLE exclusion (
                        pool TEXT NOT NULL REFERENCES pool (id) ON DELETE CASCADE,
                        first TEXT NOT NULL,
                        last TEXT NOT NULL,
                        checksum INTEGER NOT NULL,
                        PRIMARY KEY (pool, first)
                    ) STRICT, WITHOUT ROWID;
                    """)
            // The checksum is over the new columns too.
            for row in try Table.addressOfVersion2.rows(in: database) {
                try Table.addressOfVersion3.put(row + [nil, nil], in: database)
            }
        }
        return migrator
    }
}
