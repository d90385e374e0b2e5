// SPDX-License-Identifier: Apache-2.0

import Logging
import NetDriver
import ServiceLifecycle
import UnixSignals

/// Does something each time the process gets a signal. Signals that come meanwhile are one.
struct OnSignal: Service {
    let signals: UnixSignalsSequence
    let work: @Sendable () async -> Void

    /// A signal that comes before this runs waits for it, from the moment in which `signals` was made.
    init(_ signals: UnixSignalsSequence, work: @escaping @Sendable () async -> Void) {
        self.signals = signals
        self.work = work
    }

    func run() async throws {
        for await _ in signals.cancelOnGracefulShutdown() { await work() }
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
