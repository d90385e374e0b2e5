// SPDX-License-Identifier: Apache-2.0

public import ServiceLifecycle
import Synchronization

/// Lets a collector look again and again, until graceful shutdown.
public final class GarbageService: Service {
    private let collector: GarbageCollector
    private let sleep: @Sendable (Duration) async throws -> Void
    /// What has gone by since this was made.
    private let elapsed: @Sendable () -> Duration
    /// The pause between two looks.
    private let pause = Mutex<Task<Void, any Error>?>(nil)

    public init(collector: GarbageCollector, clock: some Clock<Duration>) {
        self.collector = collector
        let start = clock.now
        sleep = { try await clock.sleep(for: $0) }
        elapsed = { start.duration(to: clock.now) }
    }

    public func run() async throws {
        await cancelWhenGracefulShutdown { [self] in
            while !Task.isCancelled {
                // It ends early if the task is cancelled, or if the policy is another one now.
                await rest()
                if Task.isCancelled { return }
                await collector.pass(at: elapsed())
            }
        }
    }

    private func rest() async {
        let task = pause.withLock { pause in
            // Whoever changes the policy after it was asked for finds the task, because he has to wait for the lock.
            let task = Task {
                let policy = await collector.policy
                try await sleep(policy.mode == .off ? .seconds(86_400) : policy.interval)
            }
            pause = task
            return task
        }
        await withTaskCancellationHandler {
            _ = await task.result
        } onCancel: {
            task.cancel()
        }
    }

    /// Takes another policy and another engine to be asked: see there. The next look is at once.
    public func update(policy: GarbagePolicy, engine: (any EngineDirectory)?, isSameEngine: Bool) async {
        await collector.update(policy: policy, engine: engine, isSameEngine: isSameEngine)
        pause.withLock { $0?.cancel() }
    }

    /// Has the collector look now, whether this runs or not: see there.
    public func look(isDryRun: Bool) async throws -> GarbageReport {
        try await collector.look(at: elapsed(), isDryRun: isDryRun)
    }
}
