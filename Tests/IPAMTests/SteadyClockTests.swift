// SPDX-License-Identifier: Apache-2.0

import Synchronization
import Testing

@testable import IPAM

@Suite("Steady clock")
struct SteadyClockTests {
    /// A boot clock that stands still until it is told otherwise.
    private final class BootClock: Sendable {
        private let time = Atomic<Int64>(5_000)
        func read() -> Int64 { time.load(ordering: .relaxed) }
        func advance(by milliseconds: Int64) { time.add(milliseconds, ordering: .relaxed) }
    }

    @Test func `it starts with the time of day and goes on as the boot clock does`() {
        let boot = BootClock()
        let clock = SteadyClock(notBefore: 0, wall: 1_700_000_000_000, boot: { boot.read() })
        #expect(clock() == 1_700_000_000_000)
        boot.advance(by: 1)
        #expect(clock() == 1_700_000_000_001)
        boot.advance(by: 86_400_000)
        #expect(clock() == 1_700_086_400_001)
    }

    @Test func `it starts with the newest stored time if the time of day is behind it`() {
        let boot = BootClock()
        let clock = SteadyClock(notBefore: 1_700_000_000_000, wall: 3_000, boot: { boot.read() })
        boot.advance(by: 250)
        #expect(clock() == 1_700_000_000_250)
    }

    @Test func `a stored time that is past changes nothing`() {
        let boot = BootClock()
        let clock = SteadyClock(notBefore: 1_600_000_000_000, wall: 1_700_000_000_000, boot: { boot.read() })
        #expect(clock() == 1_700_000_000_000)
    }

    @Test func `the machine's clocks are read, and never go back`() {
        let clock = SteadyClock()
        // 2020 and 2100: whatever is read, it is milliseconds.
        #expect((1_577_836_800_000...4_102_444_800_000).contains(clock()))
        var last = clock()
        for _ in 0..<1_000 {
            let next = clock()
            #expect(next >= last)
            last = next
        }
        #expect(SteadyClock(notBefore: 5_000_000_000_000)() >= 5_000_000_000_000)
    }
}
