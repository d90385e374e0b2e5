// SPDX-License-Identifier: Apache-2.0

import GRDB
import Glibc

extension StateFiles {
    /// Opens the database, makes it if there is none, brings an older one up to date.
    func openDatabase() throws(StoreError) -> DatabaseQueue {
        if try isNew() { try makeDatabase() }
        return try explain("open") {
            let queue = try DatabaseQueue(path: database, configuration: Self.configuration)
            let history = try queue.read { database in try check(database) }
            if history.count < Schema.version { try migrate(queue, from: history) }
            try queue.writeWithoutTransaction(Mark.moveJournal)
            return queue
        }
    }

    /// Runs `body`; what it throws becomes words with the file and the way out.
    func explain<Value>(_ operation: String, _ body: () throws -> Value) throws(StoreError) -> Value {
        do {
            return try body()
        } catch let error as StoreError {
            throw error
        } catch let damage as Damage {
            throw damaged(by: damage.reason)
        } catch let error as DatabaseError where error.isOfTheFile(database) {
            throw damaged(by: StoreError.sentence(of: error))
        } catch {
            throw StoreError(
                "cannot \(operation) the state in \(database): \(StoreError.words(for: error, in: directory))")
        }
    }

    private func makeDatabase() throws(StoreError) {
        let path = database + ".new"
        delete(unfinished: path)
        do {
            try explain("make") {
                let queue = try DatabaseQueue(path: path, configuration: Self.configuration)
                try Schema.migrator.migrate(queue)
                try queue.close()
            }
            try move(path, to: database)
        } catch {
            delete(unfinished: path)
            throw error
        }
    }

    /// What was applied to the database, if that is all known here and all is sound.
    private func check(_ database: Database) throws -> [String] {
        let history = try Schema.history(of: database)
        let known = Schema.migrator.migrations
        guard let newest = history.last else { throw Damage("the tables are not plugind's") }
        if Schema.version(of: newest) > Schema.version {
            throw StoreError(
                "the state in \(self.database) is of version \(Schema.version(of: newest)), written by a newer plugind; "
                    + "this one knows versions up to \(Schema.version); install the newer one again, \(wayBack)"
                    + "or point --state-dir at another directory")
        }
        guard history.elementsEqual(known.prefix(history.count)) else {
            throw Damage("its history is not plugind's: \(history.joined(separator: "; "))")
        }
        try Soundness.check(database, history: history)
        return history
    }

    /// The copy that a newer plugind made before it changed a state that this one knows, if it is still there.
    private var wayBack: String {
        let backup = backup(before: Schema.version + 1)
        guard access(backup, F_OK) == 0 else { return "" }
        return "or move plugind.db, plugind.db-wal and plugind.db-shm out of \(directory) and copy the backup of "
            + "version \(Schema.version), \(backup.dropFirst(directory.utf8.count + 1)), to plugind.db "
            + "(later changes are lost), "
    }

    private func migrate(_ queue: DatabaseQueue, from history: [String]) throws {
        let path = backup(before: history.count + 1)
        do {
            try copy(queue, to: path)
        } catch {
            throw StoreError(
                "cannot bring the state in \(database) up to date, because it cannot be copied to \(path) first: "
                    + StoreError.words(for: error, in: directory))
        }
        try Schema.migrator.migrate(queue)
    }

    private func copy(_ queue: DatabaseQueue, to path: String) throws {
        let unfinished = path + ".new"
        delete(unfinished: unfinished)
        do {
            let copy = try DatabaseQueue(path: unfinished)
            try queue.backup(to: copy)
            // The state may be one that was in the middle of being marked.
            try copy.writeWithoutTransaction(Mark.clear)
            try copy.close()
            try move(unfinished, to: path)
        } catch {
            delete(unfinished: unfinished)
            throw error
        }
    }

    private static var configuration: Configuration {
        var configuration = Configuration()
        configuration.label = "plugind"
        // Somebody may look into the database, and that locks it for moments.
        configuration.busyMode = .timeout(1)
        // Not by `Configuration.journalMode`, which sets synchronous=NORMAL after everything else: a commit would be
        // lost with the power.
        configuration.prepareDatabase { database in
            try database.execute(
                sql: """
                    PRAGMA journal_mode = WAL;
                    PRAGMA synchronous = FULL;
                    PRAGMA wal_autocheckpoint = 0;
                    PRAGMA cell_size_check = ON;
                    """)
        }
        return configuration
    }
}

extension DatabaseError {
    /// Whether the file's content is what is wrong, not the disk nor the rights.
    fileprivate func isOfTheFile(_ path: String) -> Bool {
        switch resultCode {
        case .SQLITE_FULL, .SQLITE_IOERR, .SQLITE_CANTOPEN, .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_NOMEM, .SQLITE_PERM:
            false
        // There is a number in the file's header by which SQLite only reads it.
        case .SQLITE_READONLY: access(path, W_OK) == 0
        default: true
        }
    }
}
