// SPDX-License-Identifier: Apache-2.0

import Dispatch

/// Runs an actor on a queue of its own, so that a call that blocks never holds up the shared pool.
///
/// The actor stores one and returns it:
/// `public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }`.
public final class QueueExecutor: SerialExecutor {
    private let queue: DispatchQueue

    public init(label: String) {
        queue = DispatchQueue(label: label)
    }

    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
    }
}
