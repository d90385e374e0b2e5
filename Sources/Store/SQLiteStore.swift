// SPDX-License-Identifier: Apache-2.0

import GRDB

/// The state in one SQLite file: WAL journal, `synchronous=FULL`, so that a commit survives loss of power.
public final class SQLiteStore: StateStore {
    private let database: DatabaseQueue
    private let commits: CommitQueue
    /// Keeps other daemons off the directory for as long as the store lives.
    private let lock: DirectoryLock

    /// Opens or makes `DIRECTORY/plugind.db`. The directory is made with mode 0700 if it is not there.
    public init(directory: String) throws(StoreError) {
        lock = try DirectoryLock(directory: directory)
        let path = directory + "/plugind.db"
        var configuration = Configuration()
        configuration.journalMode = .wal
        configuration.label = "plugind"
        configuration.prepareDatabase { database in
            try database.execute(sql: "PRAGMA synchronous = FULL")
            // The commit that finds the journal this long (in pages of 4 KiB) also moves it into the database, at the cost
            // of several flushes. SQLite's own 1000 would make that one in a hundred.
            try database.execute(sql: "PRAGMA wal_autocheckpoint = 4000")
        }
        do {
            database = try DatabaseQueue(path: path, configuration: configuration)
            try Schema.migrate(database)
        } catch let error as StoreError {
            throw error
        } catch {
            throw StoreError(
                "cannot open the state in \(path): \(Self.words(for: error)); restore the file from a backup, or move it "
                    + "away and make the networks anew")
        }
        commits = CommitQueue { [database] changes throws(StoreError) in
            do {
                try database.write { database in
                    for change in changes { try change.write(to: database) }
                }
            } catch {
                throw StoreError("cannot store the change in \(path): \(Self.words(for: error))")
            }
        }
    }

    public func load() throws(StoreError) -> StoredState {
        do {
            return try database.read { database in try StoredState(from: database) }
        } catch {
            throw StoreError("cannot read the stored state: \(Self.words(for: error))")
        }
    }

    public func commit(_ changes: [Change]) async throws(StoreError) {
        if changes.isEmpty { return }
        try await commits.commit(changes)
    }

    /// SQLite's sentence without the statement, which is nothing to the person who typed `docker`.
    private static func words(for error: any Error) -> String {
        (error as? DatabaseError)?.message ?? "\(error)"
    }
}
