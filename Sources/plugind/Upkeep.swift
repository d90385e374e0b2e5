// SPDX-License-Identifier: Apache-2.0

import Logging
import NetDriver
import ServiceLifecycle

/// Lets an owner do what it could not do before, whenever it says that there is something.
struct Upkeep: Service {
    let signals: AsyncStream<Void>
    let work: @Sendable () async -> Void

    func run() async throws {
        for await _ in signals.cancelOnGracefulShutdown() { await work() }
    }
}
