// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Store

@Suite("Damage")
struct DamageTests {
    /// A state, and the files of a store that was closed with it.
    private func closedStore(in directory: String) async throws -> (state: StoredState, image: StateImage) {
        let state = try StoredState.large()
        do {
            let store = try SQLiteStore(directory: directory)
            try await store.commit(state.changes)
        }
        let image = try StateImage(of: directory)
        #expect(image.journal == nil)
        return (state, image)
    }

    @Test func `a database that was cut off anywhere is an error, never less than was stored`() async throws {
        try await withDirectory { directory in
            let (_, image) = try await closedStore(in: directory)
            let size = image.database.count
            let lengths = Set(stride(from: 0, to: size, by: 509)).union(stride(from: 0, to: size, by: 4096))
                .union(0...110).union([size - 1])
            for length in lengths {
                var cut = image
                cut.database.removeLast(size - length)
                guard case .failure(let error) = try cut.opened(in: directory) else {
                    Issue.record("cut to \(length) of \(size) bytes, it is opened")
                    continue
                }
                #expect(error.description.contains("plugind.db is damaged"), "\(length) bytes")
                #expect(error.description.contains("move plugind.db, plugind.db-wal and plugind.db-shm out of"))
            }
            print("cut off at \(lengths.count) lengths, refused each time")
        }
    }

    @Test func `a flipped bit anywhere is an error or without effect`() async throws {
        try await withDirectory { directory in
            let (state, image) = try await closedStore(in: directory)
            #expect(try image.opened(in: directory) == .success(state))
            // The header and the first table's, completely; then the rest of the file.
            let positions = (0..<100 * 8).map { $0 } + stride(from: 800, to: image.database.count * 8, by: 997)
            var refused = 0
            for position in positions {
                var flipped = image
                flipped.database[position / 8] ^= 1 << (position % 8)
                switch try flipped.opened(in: directory) {
                case .success(let read):
                    #expect(read == state, "bit \(position % 8) of byte \(position / 8)")
                case .failure(let error):
                    refused += 1
                    #expect(error.description.contains("plugind.db"), "\(error)")
                }
            }
            print("flipped \(positions.count) bits: \(refused) refused, \(positions.count - refused) without effect")
        }
    }

    @Test(arguments: [
        ("10.0.1.1address", "address plugind-local/10.0.1.0/24 10.0.1.1"),
        ("10.0.1.10102:11:22:33:44:66", "rest plugind-local/10.0.1.0/24 10.0.1.101"),
        ("10.0.1.20102:11:22:33:44:66", "reservation 10.0.1.201"),
        ("10.0.1.24010.0.1.249", "exclusion plugind-local/10.0.1.0/24 10.0.1.240"),
        ("ulafd00::/48", "setting ula"),
    ])
    func `a row whose text was changed is named`(text: String, row: String) async throws {
        try await withDirectory { directory in
            var (_, image) = try await closedStore(in: directory)
            let found = try #require(image.database.firstRange(of: Array(text.utf8)))
            image.database[found.upperBound - 1] ^= 1
            let error = #expect(throws: StoreError.self) { try image.opened(in: directory).get() }
            #expect(error?.description.contains("is damaged: \(row) does not fit its checksum") == true)
        }
    }

    @Test func `overwritten parts are an error or without effect`() async throws {
        try await withDirectory { directory in
            let (state, image) = try await closedStore(in: directory)
            var variants = 0
            for start in stride(from: 0, to: image.database.count, by: 512) {
                for filler: UInt8 in [0, 0xff, 0x41] {
                    var overwritten = image
                    overwritten.database.replaceSubrange(
                        start..<start + 512, with: [UInt8](repeating: filler, count: 512))
                    variants += 1
                    if case .success(let read) = try overwritten.opened(in: directory) {
                        #expect(read == state, "512 bytes at \(start), filled with \(filler)")
                    }
                }
            }
            print("overwrote \(variants) sectors")
        }
    }

    @Test func `an empty file is damage, not a new state`() async throws {
        try await withDirectory { directory in
            var (_, image) = try await closedStore(in: directory)
            image.database = []
            let error = #expect(throws: StoreError.self) { try image.opened(in: directory).get() }
            #expect(error?.description.contains("the file is empty") == true)
        }
    }

    @Test func `a file that is not a database is an error that says what to do`() async throws {
        try await withDirectory { directory in
            var (_, image) = try await closedStore(in: directory)
            image.database = [UInt8](repeating: 0x41, count: 4096)
            let error = #expect(throws: StoreError.self) { try image.opened(in: directory).get() }
            #expect(
                error?.description == """
                    the state in \(directory)/plugind.db is damaged: file is not a database; move plugind.db, \
                    plugind.db-wal and plugind.db-shm out of \(directory), then put a backup of yours in their place, \
                    or start without and make the networks anew
                    """)
        }
    }

    @Test func `another program's database is not taken for a state`() async throws {
        try await withDirectory { directory in
            var (_, image) = try await closedStore(in: directory)
            // An empty database, as `sqlite3 FILE 'VACUUM'` makes it, is one page without tables.
            image.database = [UInt8](image.database[0..<100]) + [13, 0, 0, 0, 0, 0x10, 0, 0]
            image.database += [UInt8](repeating: 0, count: 4096 - image.database.count)
            image.database.replaceSubrange(28..<32, with: [0, 0, 0, 1])
            let error = #expect(throws: StoreError.self) { try image.opened(in: directory).get() }
            #expect(error?.description.contains("plugind.db is damaged") == true)
        }
    }

    @Test func `a state that was moved away makes room for a new one`() async throws {
        try await withDirectory { directory in
            let (_, image) = try await closedStore(in: directory)
            try image.write(to: directory)
            try FileManager.default.removeItem(atPath: directory + "/plugind.db")
            #expect(try SQLiteStore(directory: directory).load() == StoredState())
        }
    }

    @Test func `a new database that was not finished is made again`() async throws {
        try await withDirectory { directory in
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            for suffix in ["", "-wal", "-shm", "-journal"] {
                try Data("half".utf8).write(to: URL(fileURLWithPath: directory + "/plugind.db.new" + suffix))
            }
            #expect(try SQLiteStore(directory: directory).load() == StoredState())
            let names = try FileManager.default.contentsOfDirectory(atPath: directory)
            #expect(names.sorted() == ["lock", "plugind.db"])
        }
    }

    @Test func `opening 1000 endpoints with every check takes milliseconds`() async throws {
        try await withDirectory { directory in
            let state = try StoredState.large(networks: 20, endpointsEach: 50)
            do {
                let store = try SQLiteStore(directory: directory)
                try await store.commit(state.changes)
            }
            let clock = ContinuousClock()
            let store = try SQLiteStore(directory: directory)
            let check = try clock.measure { _ = try store.pragma("quick_check") }
            var stored: StoredState?
            let read = try clock.measure { stored = try store.load() }
            #expect(stored == state)
            let database = try FileManager.default.attributesOfItem(atPath: directory + "/plugind.db")[.size]
            print("1000 endpoints, \(database ?? 0) bytes: quick_check \(check), reading \(read)")
        }
    }
}
