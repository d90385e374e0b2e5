// SPDX-License-Identifier: Apache-2.0

public import ServiceLifecycle

/// Lets a collector look again and again, until graceful shutdown.
public struct GarbageService: Service {
    private let collector: GarbageCollector
    private let sleep: @Sendable () async throws -> Void
    /// What has gone by since this was made.
    private let elapsed: @Sendable () -> Duration

    public init(collector: GarbageCollector, interval: Duration, clock: some Clock<Duration>) {
        self.collector = collector
        let start = clock.now
        sleep = { try await clock.sleep(for: interval) }
        elapsed = { start.duration(to: clock.now) }
    }

    public func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                // It ends early only if the task is cancelled.
                try? await sleep()
                if Task.isCancelled { return }
                await collector.pass(at: elapsed())
            }
        }
    }

    /// Has the collector look now, whether this runs or not: see there.
    public func look(isDryRun: Bool) async throws -> GarbageReport {
        try await collector.look(at: elapsed(), isDryRun: isDryRun)
    }
}
