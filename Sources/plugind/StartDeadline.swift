// SPDX-License-Identifier: Apache-2.0

import Logging

/// Work that start-up waits for, but not for ever.
enum StartDeadline {
    /// Runs `work` and returns when it is done or `limit` is over, whichever is first; in the second case it goes on, and a
    /// later failure is logged. Throws what `work` throws in time.
    static func run(
        within limit: Duration, logger: Logger, _ work: @escaping @Sendable () async throws -> Void
    ) async throws {
        let (ends, continuation) = AsyncStream.makeStream(of: Bool.self)
        let task = Task {
            defer { continuation.yield(true) }
            try await work()
        }
        let alarm = Task {
            try await Task.sleep(for: limit)
            continuation.yield(false)
        }
        defer { alarm.cancel() }
        if await ends.first(where: { _ in true }) == true { return try await task.value }
        logger.warning("Reconciling takes long: serving meanwhile", metadata: ["limit": "\(limit)"])
        Task {
            do {
                try await task.value
            } catch {
                logger.error("Could not reconcile at start", error: error)
            }
        }
    }
}
