// SPDX-License-Identifier: Apache-2.0

import Faults
import GRDB
import Synchronization

/// The state in one SQLite file: WAL journal, `synchronous=FULL`, so that a commit survives loss of power.
public final class SQLiteStore: StateStore {
    private let database: DatabaseQueue
    private let files: StateFiles
    private let commits: CommitQueue
    /// Keeps other daemons off the directory for as long as the store lives.
    private let lock: DirectoryLock

    /// Opens or makes `DIRECTORY/plugind.db`. The directory is made with mode 0700 if it is not there.
    ///
    /// A state that was damaged is an error, whatever the damage; only where there is none begins an empty one.
    public init(directory: String) throws(StoreError) {
        lock = try DirectoryLock(directory: directory)
        let files = StateFiles(directory: directory)
        let database = try files.openDatabase()
        self.files = files
        self.database = database
        let journal = JournalLength()
        commits = CommitQueue { changes throws(StoreError) in
            try Self.write(changes, to: database, files)
            journal.add(changes.count)
        } afterwards: {
            // The changes are safe where they are. If the journal cannot be moved now, it is after as many again.
            if journal.mustMove() { try? database.writeWithoutTransaction(Mark.moveJournal) }
        }
    }

    deinit {
        // Closed before the lock goes, so that whoever gets the lock finds the database whole and free.
        close()
    }

    /// Moves the journal into the database and closes that. What comes to be stored later is refused. Closing twice is the
    /// same as closing once.
    ///
    /// A daemon that ends calls this: letting go of the store would do, but a call that is still on its way holds on to
    /// it, and then the process would end with a journal left over.
    public func close() {
        finish()
        // It is clear, unless the disk was full between the steps of moving the journal.
        try? database.writeWithoutTransaction(Mark.clear)
        try? database.close()
    }

    /// Makes changes durable. Every change of the state comes through here, one call at a time.
    private static func write(
        _ changes: [Change], to database: DatabaseQueue, _ files: StateFiles
    ) throws(StoreError) {
        do {
            try FaultPoint.around(
                "store: \(changes.map(\.kind).joined(separator: ", "))",
                failure: { DatabaseError(resultCode: ResultCode(rawValue: $0)) as any Error }
            ) {
                try database.write { database in
                    for change in changes { try change.write(to: database) }
                }
            }
        } catch {
            throw StoreError(
                "cannot store the change in \(files.database): \(StoreError.words(for: error, in: files.directory))")
        }
    }

    public func load() throws(StoreError) -> StoredState {
        try files.explain("read") { try database.read { database in try StoredState(from: database) } }
    }

    public func auditLog(last count: Int) throws(StoreError) -> [AuditRecord] {
        try files.explain("read") { try database.read { database in try AuditRecord.last(count, in: database) } }
    }

    public nonisolated(nonsending) func commit(_ changes: [Change]) async throws(StoreError) {
        if changes.isEmpty { return }
        try await commits.commit(changes)
    }

    /// Returns when what goes on after the last commit was answered is done. Nobody may commit meanwhile.
    func finish() {
        commits.finish()
    }

    /// How SQLite is set up.
    func pragma(_ name: String) throws -> String? {
        try database.read { database in try String.fetchOne(database, sql: "PRAGMA \(name)") }
    }
}

/// When the journal is moved into the database: a commit that does it costs several flushes, so not often.
private final class JournalLength: Sendable {
    private let changes = Atomic(0)
    /// About 4000 pages of 4 KiB.
    private let limit = 1000

    func add(_ count: Int) {
        changes.add(count, ordering: .relaxed)
    }

    /// Whether the time has come. Begins anew then.
    func mustMove() -> Bool {
        guard changes.load(ordering: .relaxed) >= limit else { return false }
        changes.store(0, ordering: .relaxed)
        return true
    }
}
