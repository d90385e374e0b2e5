// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Synchronization

/// Collects the changes of callers that wait at the same moment into one transaction.
///
/// A durable commit costs a disk flush, 0.5 to 1 ms; while one runs, the next batch gathers. So a lone caller
/// waits for one flush, and a hundred callers for about two, not for a hundred.
final class CommitQueue: Sendable {
    private struct Waiting {
        let changes: [Change]
        let resume: @Sendable (Result<Void, StoreError>) -> Void
    }

    private struct State {
        var waiting: [Waiting] = []
        var isDraining = false
    }

    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "plugind.store")
    private let write: @Sendable ([Change]) throws(StoreError) -> Void
    private let afterwards: @Sendable () -> Void

    /// `write` makes changes durable, all or none; it is called on the queue's own thread, one call at a time.
    /// `afterwards` is what may follow when the callers have their answers; the next to come waits for it.
    init(
        write: @escaping @Sendable ([Change]) throws(StoreError) -> Void, afterwards: @escaping @Sendable () -> Void
    ) {
        self.write = write
        self.afterwards = afterwards
    }

    nonisolated(nonsending) func commit(_ changes: [Change]) async throws(StoreError) {
        let result: Result<Void, StoreError> = await withCheckedContinuation { continuation in
            let mustDrain = state.withLock { state in
                state.waiting.append(Waiting(changes: changes) { continuation.resume(returning: $0) })
                defer { state.isDraining = true }
                return !state.isDraining
            }
            if mustDrain { queue.async { self.drain() } }
        }
        try result.get()
    }

    /// Returns when the queue's thread is done. Nobody may commit meanwhile.
    func finish() {
        queue.sync {}
    }

    private func drain() {
        while true {
            let batch = state.withLock { state in
                let batch = state.waiting
                state.waiting = []
                state.isDraining = !batch.isEmpty
                return batch
            }
            if batch.isEmpty { return }
            write(batch)
            afterwards()
        }
    }

    private func write(_ batch: [Waiting]) {
        let together = Result { () throws(StoreError) in try write(batch.flatMap(\.changes)) }
        if case .failure = together, batch.count > 1 {
            // One of them cannot be written. Alone, each gets the answer that is its own.
            for waiting in batch { write([waiting]) }
        } else {
            for waiting in batch { waiting.resume(together) }
        }
    }
}
