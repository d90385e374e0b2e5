// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Tells a background task, after a pause, that an owner has something to do.
///
/// Reminders that come while the task is busy are one when it looks again.
public final class Reminder: Sendable {
    private struct Alarm {
        let due: ContinuousClock.Instant
        let task: Task<Void, Never>
    }

    /// For one reader.
    public let signals: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation
    /// The one that has not rung yet.
    private let alarm = Mutex<Alarm?>(nil)

    public init() {
        (signals, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    deinit {
        alarm.withLock { $0?.task.cancel() }
        continuation.finish()
    }

    /// Signals after a pause, or sooner if that was asked for before.
    public func after(_ pause: Duration) {
        let due = ContinuousClock.now + pause
        alarm.withLock { alarm in
            if let alarm, alarm.due <= due { return }
            alarm?.task.cancel()
            let task = Task { [weak self] in
                do {
                    try await Task.sleep(until: due, clock: .continuous)
                    self?.ring(due)
                } catch {
                    // Cancelled: another one is due sooner.
                }
            }
            alarm = Alarm(due: due, task: task)
        }
    }

    private func ring(_ due: ContinuousClock.Instant) {
        alarm.withLock { alarm in
            if alarm?.due == due { alarm = nil }
        }
        continuation.yield()
    }
}
