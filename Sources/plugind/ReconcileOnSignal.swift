// SPDX-License-Identifier: Apache-2.0

import Logging
import NetDriver
import ServiceLifecycle
import UnixSignals

/// `kill -USR1` brings the host in line with the store, and logs what there was to do.
struct ReconcileOnSignal: Service {
    let driver: Driver
    let logger: Logger

    func run() async throws {
        for await _ in await UnixSignalsSequence(trapping: .sigusr1).cancelOnGracefulShutdown() {
            do {
                try await driver.reconcile()
            } catch {
                logger.error("Could not reconcile, trying again later", error: error)
            }
        }
    }
}
