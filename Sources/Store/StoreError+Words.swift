// SPDX-License-Identifier: Apache-2.0

import GRDB
import Glibc

extension StoreError {
    /// A refusal of the kernel's: what could not be done, why, and the way out.
    init(_ operation: String, errno code: Int32) {
        self.init("cannot \(operation): \(Self.words(forErrno: code))")
    }

    private static func words(forErrno code: Int32) -> String {
        switch code {
        case ENOSPC, EDQUOT: full
        case EROFS: readOnly
        case EACCES, EPERM: "\(String(cString: strerror(code))); run plugind as root, or give it the directory"
        case ENOTDIR: "that is not a directory; move it away, or point --state-dir at another directory"
        default: String(cString: strerror(code))
        }
    }

    /// What went wrong, and the way out, without the statement, which is nothing to the person who typed `docker`.
    static func words(for error: any Error, in directory: String) -> String {
        guard let error = error as? DatabaseError else { return "\(error)" }
        switch error.resultCode {
        case .SQLITE_FULL: return full
        case .SQLITE_READONLY:
            return error.extendedResultCode == .SQLITE_READONLY_DBMOVED
                ? "plugind.db was moved or deleted while plugind uses it; put it back, or restart plugind" : readOnly
        // SQLite keeps to itself what the kernel said; the disk can still be asked.
        case .SQLITE_IOERR, .SQLITE_CANTOPEN: return words(forDisk: directory) ?? "\(sentence(of: error)); \(hardware)"
        case .SQLITE_BUSY, .SQLITE_LOCKED: return "another program keeps plugind.db locked; end it and try again"
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: return "\(sentence(of: error)); restart plugind to have it checked"
        default: return sentence(of: error)
        }
    }

    static func sentence(of error: DatabaseError) -> String {
        error.message ?? "SQLite error \(error.extendedResultCode.rawValue)"
    }

    /// What the kernel says to a small file: a file system that stopped at an error, say, still looks writable.
    private static func words(forDisk directory: String) -> String? {
        let path = directory + "/probe"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return words(forErrno: errno) }
        defer {
            close(descriptor)
            unlink(path)
        }
        // As much as SQLite needs for its index of the journal.
        let bytes = [UInt8](repeating: 1, count: 65536)
        let written = write(descriptor, bytes, bytes.count)
        if written < 0 { return words(forErrno: errno) }
        if written < bytes.count { return full }
        return fsync(descriptor) == 0 ? nil : words(forErrno: errno)
    }

    private static let full = "the disk is full; free some space and try again"
    private static let readOnly = "the disk or the file is read-only; make it writable and try again"
    private static let hardware =
        "see that plugind may read and write the state directory, and what the kernel's log says of the disk"
}
