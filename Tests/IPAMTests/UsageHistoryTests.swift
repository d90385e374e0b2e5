// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import IPAM

@Suite("Usage history")
struct UsageHistoryTests {
    private static let start: Int64 = 1_700_000_000_000
    private static let minute: Int64 = 60_000

    /// A history that was told, every so many minutes, what `used` gives for the minute.
    private func history(
        minutes: Int64, every step: Int64 = 1, used: (Int64) -> UInt128
    ) -> UsageHistory {
        var history = UsageHistory()
        for minute in stride(from: 0, through: minutes, by: Int(step)) {
            history.note(used: used(minute), at: Self.start + minute * Self.minute)
        }
        return history
    }

    @Test func `nothing is known while there is less than half an hour of samples`() {
        #expect(UsageHistory().growthPerHour == nil)
        #expect(UsageHistory().exhaustedIn(free: 10) == nil)
        let history = history(minutes: 29) { UInt128($0) }
        #expect(history.growthPerHour == nil)
        #expect(history.exhaustedIn(free: 10) == nil)
    }

    @Test func `steady growth is exact`() throws {
        let history = history(minutes: 120) { 100 + 2 * UInt128($0) }
        let growth = try #require(history.growthPerHour)
        #expect(abs(growth - 120) < 0.001)
        #expect(history.exhaustedIn(free: 60) == .seconds(1800))
        #expect(history.exhaustedIn(free: 0) == .zero)
    }

    @Test func `half an hour of samples is enough`() throws {
        let history = history(minutes: 30) { UInt128($0) }
        #expect(abs(try #require(history.growthPerHour) - 60) < 0.001)
    }

    @Test func `use that shrinks or stays is never exhausted`() throws {
        let shrinking = history(minutes: 60) { 1_000 - UInt128($0) }
        #expect(abs(try #require(shrinking.growthPerHour) + 60) < 0.001)
        #expect(shrinking.exhaustedIn(free: 1) == nil)
        let still = history(minutes: 60) { _ in 77 }
        #expect(still.growthPerHour == 0)
        #expect(still.exhaustedIn(free: 1) == nil)
    }

    @Test func `only the last 24 hours count`() throws {
        // Growth for two days, then two days of rest.
        let history = history(minutes: 4 * 24 * 60, every: 10) { UInt128(min($0, 2 * 24 * 60)) }
        #expect(history.growthPerHour == 0)
    }

    @Test func `what comes within five minutes takes the place of what was before`() throws {
        var history = UsageHistory()
        history.note(used: 0, at: Self.start)
        for second in Int64(1)..<300 { history.note(used: 1_000, at: Self.start + second * 1_000) }
        history.note(used: 5, at: Self.start + 5 * Self.minute)
        history.note(used: 60, at: Self.start + 60 * Self.minute)
        var plain = UsageHistory()
        for minute: Int64 in [0, 5, 60] { plain.note(used: UInt128(minute), at: Self.start + minute * Self.minute) }
        #expect(history == plain)
        #expect(abs(try #require(history.growthPerHour) - 60) < 0.001)
    }

    @Test func `a burst counts for little, a trend for all`() throws {
        // Forty containers for five of many minutes.
        let history = history(minutes: 24 * 60) { 100 + ((700..<705).contains($0) ? 40 : 0) }
        #expect(abs(try #require(history.growthPerHour)) < 0.1)
    }

    @Test func `a time before one that was noted is ignored`() throws {
        var history = history(minutes: 60) { UInt128($0) }
        let before = history
        history.note(used: 1_000_000, at: Self.start)
        #expect(history == before)
    }

    @Test func `the largest pools overflow nothing`() {
        let history = history(minutes: 60) { $0 < 30 ? 0 : .max }
        #expect(history.exhaustedIn(free: .max) != nil)
        let slow = self.history(minutes: 60) { UInt128($0 / 60) }
        #expect(slow.exhaustedIn(free: .max) == nil, "that is more than a hundred years off")
    }
}
