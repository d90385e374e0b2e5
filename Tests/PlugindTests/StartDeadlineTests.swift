// SPDX-License-Identifier: Apache-2.0

import Logging
import Testing

@testable import plugind

@Suite("Start-up's deadline", .timeLimit(.minutes(10)))
struct StartDeadlineTests {
    private struct Failure: Error {}
    private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    @Test func `it waits for work that ends in time`() async throws {
        let (done, continuation) = AsyncStream.makeStream(of: Void.self)
        try await StartDeadline.run(within: .seconds(3600), logger: quiet) { continuation.finish() }
        for await _ in done {}
    }

    @Test func `it throws what work throws in time`() async {
        await #expect(throws: Failure.self) {
            try await StartDeadline.run(within: .seconds(3600), logger: quiet) { throw Failure() }
        }
    }

    @Test func `it does not wait for work that takes longer, and lets it go on`() async throws {
        let (go, start) = AsyncStream.makeStream(of: Void.self)
        let (done, end) = AsyncStream.makeStream(of: Void.self)
        try await StartDeadline.run(within: .milliseconds(1), logger: quiet) {
            for await _ in go {}
            end.finish()
            throw Failure()
        }
        start.finish()
        for await _ in done {}
    }
}
