// SPDX-License-Identifier: Apache-2.0

import Logging
import NetDriver
import ServiceLifecycle
import UnixSignals

/// Does something each time the process gets a signal. Signals that come meanwhile are one.
struct OnSignal: Service {
    let signal: UnixSignal
    let work: @Sendable () async -> Void

    init(_ signal: UnixSignal, work: @escaping @Sendable () async -> Void) {
        self.signal = signal
        self.work = work
    }

    func run() async throws {
        for await _ in await UnixSignalsSequence(trapping: signal).cancelOnGracefulShutdown() { await work() }
    }
}

extension Driver {
    /// Brings the host in line with the state. What keeps it from that is logged.
    func reconcile(orLogTo logger: Logger) async {
        do {
            try await reconcile()
        } catch {
            logger.error("Could not reconcile, trying again later", error: error)
        }
    }
}
