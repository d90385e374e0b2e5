// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import Store

@Suite("Journal")
struct JournalTests {
    /// The files after each of several commits, as a crash leaves them, and what had been committed.
    private func crashes(in directory: String) async throws -> [(state: StoredState, image: StateImage)] {
        let store = try SQLiteStore(directory: directory)
        let changes = try StoredState.large(networks: 3, endpointsEach: 3).changes
        var crashes = [(try store.load(), try StateImage(of: directory))]
        for change in changes {
            try await store.commit([change])
            crashes.append((try store.load(), try StateImage(of: directory)))
        }
        return crashes
    }

    @Test func `after a crash everything that was committed is there`() async throws {
        try await withDirectory { directory in
            let crashes = try await crashes(in: directory)
            for crash in crashes { #expect(try crash.image.opened(in: directory) == .success(crash.state)) }
            print("crashed after each of \(crashes.count) commits")
        }
    }

    @Test func `after a crash around the moving of the journal everything is there`() async throws {
        try await withDirectory { directory in
            try await withDirectory { other in
                let store = try SQLiteStore(directory: directory)
                for index in 0..<1010 {
                    try await store.commit([.putSetting(key: "last", value: "\(index)")])
                    if index < 990 { continue }
                    // The commit is answered first, then the journal is moved.
                    store.finish()
                    let state = try StateImage(of: directory).opened(in: other).get()
                    #expect(state.settings == ["last": "\(index)"])
                }
            }
        }
    }

    @Test(arguments: [nil, 0, 1, 31, 32, 56, 4151])
    func `a database whose journal is gone is an error`(length: Int?) async throws {
        try await withDirectory { directory in
            var (state, image) = try #require(try await crashes(in: directory).last)
            image.journal = length.flatMap { image.journal?.prefix($0) }.map(Array.init)
            switch try image.opened(in: directory) {
            case .success(let read): Issue.record("\(state.endpoints.count) endpoints became \(read.endpoints.count)")
            case .failure(let error): #expect(error.description.contains("plugind.db-wal, with the newest changes, is"))
            }
        }
    }

    @Test func `a journal without its database is an error, not a new state`() async throws {
        try await withDirectory { directory in
            let (_, image) = try #require(try await crashes(in: directory).last)
            try image.write(to: directory)
            try FileManager.default.removeItem(atPath: directory + "/plugind.db")
            let error = #expect(throws: StoreError.self) { try SQLiteStore(directory: directory) }
            #expect(error?.description.contains("put the database back beside it") == true)
            // The journal is still there.
            #expect(try Data(contentsOf: URL(fileURLWithPath: directory + "/plugind.db-wal")).isEmpty == false)
        }
    }

    @Test func `a bit flipped in the journal loses nothing unseen but a last transaction that may have been torn`()
        async throws
    {
        try await withDirectory { directory in
            let crashes = try await crashes(in: directory)
            let (state, image) = try #require(crashes.last)
            let before = crashes[crashes.count - 2]
            let journal = try #require(image.journal)
            let wholeLength = try #require(before.image.journal).count
            let positions = (0..<56 * 8).map { $0 } + stride(from: 56 * 8, to: journal.count * 8, by: 1499)
            var counts = [0, 0, 0]
            for position in positions {
                var flipped = image
                flipped.journal?[position / 8] ^= 1 << (position % 8)
                switch try flipped.opened(in: directory) {
                case .success(let read) where read == state: counts[0] += 1
                case .success(let read):
                    counts[1] += 1
                    #expect(read == before.state, "bit \(position % 8) of byte \(position / 8)")
                    #expect(position / 8 >= wholeLength, "bit \(position % 8) of byte \(position / 8)")
                case .failure(let error):
                    counts[2] += 1
                    #expect(error.description.contains("plugind.db"))
                }
            }
            print(
                "flipped \(positions.count) bits of a journal: \(counts[2]) refused, \(counts[0]) without effect, "
                    + "\(counts[1]) in the last transaction, taken for torn")
        }
    }

    @Test func `a transaction that was torn by a loss of power is dropped, and nothing else`() async throws {
        try await withDirectory { directory in
            let crashes = try await crashes(in: directory)
            for (before, after) in zip(crashes, crashes.dropFirst()) {
                let begin = try #require(before.image.journal).count
                guard let journal = after.image.journal, journal.count > begin else { continue }
                for length in stride(from: begin, to: journal.count, by: 1033) {
                    var torn = after.image
                    torn.journal = Array(journal.prefix(length))
                    #expect(try torn.opened(in: directory) == .success(before.state), "\(length)")
                }
            }
        }
    }
}
