// SPDX-License-Identifier: Apache-2.0

import Addressing
import Logging
import ServiceLifecycle
import Store
import Synchronization
import TestSupport
import Testing

@testable import Garbage

@Suite("The background task")
struct ServiceTests {
    @Test func `it looks after each interval, and ends with the daemon`() async throws {
        let bench = try Bench()
        let id = try await bench.createEndpoint(in: try await bench.createNetwork())
        let clock = ManualClock()
        let group = ServiceGroup(
            services: [GarbageService(collector: bench.collector, clock: clock)],
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        async let run: Void = group.run()
        // The first pass is at 1 s, so the one at 11 s has seen it for ten.
        for _ in 0..<10 { await clock.advanceWhenAsleep(by: .seconds(1)) }
        await clock.untilAsleep()
        #expect(bench.endpoints == [Bench.endpoint])
        await clock.advanceWhenAsleep(by: .seconds(1))
        await clock.untilAsleep()
        #expect(try bench.decisions == ["freeing endpoint \(id)", "freed endpoint \(id)"])
        #expect(bench.engine.asked == 11)
        await group.triggerGracefulShutdown()
        try await run
    }
}

/// A clock that moves when it is told to, for one sleeper.
private final class ManualClock: Clock {
    struct Instant: InstantProtocol {
        var offset: Duration

        func advanced(by duration: Duration) -> Instant { Instant(offset: offset + duration) }
        func duration(to other: Instant) -> Duration { other.offset - offset }
        static func < (lhs: Instant, rhs: Instant) -> Bool { lhs.offset < rhs.offset }
    }

    private struct State {
        var now = Instant(offset: .zero)
        var deadline: Instant?
    }

    private let state = Mutex(State())

    var now: Instant { state.withLock { $0.now } }
    var minimumResolution: Duration { .zero }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        state.withLock { $0.deadline = deadline }
        while state.withLock({ $0.now < deadline }) {
            try Task.checkCancellation()
            await Task.yield()
        }
        state.withLock { $0.deadline = nil }
    }

    func untilAsleep() async {
        while !state.withLock({ state in state.deadline.map { $0 > state.now } ?? false }) { await Task.yield() }
    }

    func advanceWhenAsleep(by duration: Duration) async {
        await untilAsleep()
        state.withLock { $0.now = $0.now.advanced(by: duration) }
    }
}
