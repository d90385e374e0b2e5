// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import Glibc

/// The files in the state directory, and what can be said of them before SQLite opens them.
///
/// SQLite takes an empty file for a new database, and deletes a journal whose database is missing or empty. So whether
/// there is a state is decided here, and a new database comes into its place complete: by a rename.
struct StateFiles: Sendable {
    let directory: String

    var database: String { directory + "/plugind.db" }
    /// SQLite's journal: what was committed, until it is moved into the database.
    var journal: String { database + "-wal" }

    /// True if there is no state yet. Throws if there was one and it cannot be whole.
    func isNew() throws(StoreError) -> Bool {
        guard let size = try size(of: database) else {
            for left in [journal, database + "-journal"] where try size(of: left) != nil {
                throw StoreError(
                    "\(database) is missing, but its journal \(left) is there; put the database back beside it, or \(wayOut)"
                )
            }
            return true
        }
        guard size > 0 else { throw damaged(by: "the file is empty") }
        let journal = try Journal(at: journal)
        if case .damaged(let reason) = journal {
            throw damaged(by: "its journal \(self.journal) \(reason)")
        }
        if case .missing = journal, try Mark.isSet(inFile: database) {
            throw damaged(
                by:
                    "it was not closed in order, and its journal \(self.journal), with the newest changes, is gone or broken"
            )
        }
        return false
    }

    /// Puts a file into another's place, so that after a crash or a loss of power it is either the one or the other.
    func move(_ file: String, to path: String) throws(StoreError) {
        try flush(file)
        guard rename(file, path) == 0 else { throw StoreError("rename \(file) to \(path)", errno: errno) }
        try flush(directory)
    }

    /// Deletes a database that never came into its place, and its journals.
    func delete(unfinished path: String) {
        for suffix in ["", "-wal", "-shm", "-journal"] { unlink(path + suffix) }
    }

    func backup(before version: Int) -> String { "\(database).before-\(version)" }

    /// The error for a state that cannot be trusted, with what to do.
    func damaged(by reason: String) -> StoreError {
        StoreError("the state in \(database) is damaged: \(reason); \(wayOut)")
    }

    private var wayOut: String {
        let restore =
            newestBackup.map { "copy the newest backup, \($0), to plugind.db (later changes are lost)" }
            ?? "put a backup of yours in their place"
        return "move plugind.db, plugind.db-wal and plugind.db-shm out of \(directory), then \(restore), "
            + "or start without and make the networks anew"
    }

    private var newestBackup: String? {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return names.filter { $0.hasPrefix("plugind.db.before-") && Int($0.dropFirst(18)) != nil }
            .max { modified($0) < modified($1) }
    }

    private func modified(_ name: String) -> Date {
        let attributes = try? FileManager.default.attributesOfItem(atPath: directory + "/" + name)
        return attributes?[.modificationDate] as? Date ?? .distantPast
    }

    /// Nil if there is no such file.
    private func size(of path: String) throws(StoreError) -> Int? {
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == ENOENT { return nil }
            throw StoreError("look at \(path)", errno: errno)
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw StoreError("\(path) is not a file; move it away, or point --state-dir at another directory")
        }
        return Int(status.st_size)
    }

    private func flush(_ path: String) throws(StoreError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw StoreError("open \(path)", errno: errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw StoreError("flush \(path) to the disk", errno: errno) }
    }
}
