// SPDX-License-Identifier: Apache-2.0

import Foundation

@testable import Store

/// Runs `body` with the path of a directory of its own, which is deleted afterwards.
func withDirectory<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    // In memory where that can be had: some tests open hundreds of databases, each with its flushes.
    let parent = access("/dev/shm", W_OK) == 0 ? "/dev/shm/" : NSTemporaryDirectory()
    let directory = parent + "plugind-store-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: directory) }
    return try await body(directory)
}

/// The files that SQLite makes, as bytes.
struct StateImage {
    var database: [UInt8]
    /// Nil if it is not there.
    var journal: [UInt8]?

    /// What a crash at this moment leaves behind.
    init(of directory: String) throws {
        database = try Array(Data(contentsOf: URL(fileURLWithPath: directory + "/plugind.db")))
        journal = (try? Data(contentsOf: URL(fileURLWithPath: directory + "/plugind.db-wal"))).map(Array.init)
    }

    /// Puts the files into a directory, in the place of whatever is there.
    func write(to directory: String) throws {
        try? FileManager.default.removeItem(atPath: directory)
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try Data(database).write(to: URL(fileURLWithPath: directory + "/plugind.db"))
        if let journal { try Data(journal).write(to: URL(fileURLWithPath: directory + "/plugind.db-wal")) }
    }

    /// What the store makes of it, in a directory of its own.
    func opened(in directory: String) throws -> Result<StoredState, StoreError> {
        try write(to: directory)
        return Result { () throws(StoreError) in try SQLiteStore(directory: directory).load() }
    }
}
