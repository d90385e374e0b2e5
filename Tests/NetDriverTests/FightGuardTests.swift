// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import NetDriver

@Suite("Fights")
struct FightGuardTests {
    private let start = ContinuousClock.now

    @Test func `five repairs within a minute are no fight, the sixth is`() {
        var guardian = FightGuard<String>()
        for second in 0..<5 {
            #expect(guardian.repair("a", at: start + .seconds(second)) == .mend)
        }
        #expect(guardian.repair("b", at: start) == .mend)
        #expect(guardian.repair("a", at: start + .seconds(10)) == .backOff(.seconds(60)))
        #expect(guardian.repair("a", at: start + .seconds(11)) == .leaveAlone)
        #expect(guardian.repair("a", at: start + .seconds(69)) == .leaveAlone)
        #expect(guardian.repair("a", at: start + .seconds(70)) == .mend)
    }

    @Test func `repairs at leisure are never a fight`() {
        var guardian = FightGuard<String>()
        for minute in 0..<100 {
            for second in 0..<5 {
                let now = start + .seconds(minute * 60 + second)
                #expect(guardian.repair("a", at: now) == .mend)
            }
        }
    }

    @Test func `pauses double up to an hour, and begin anew after an hour of peace`() {
        var guardian = FightGuard<String>()
        var now = start
        func fight() -> FightGuard<String>.Verdict {
            for _ in 0..<5 { #expect(guardian.repair("a", at: now) == .mend) }
            return guardian.repair("a", at: now)
        }
        for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
            #expect(fight() == .backOff(.seconds(minutes * 60)))
            now += .seconds(minutes * 60)
        }
        // What is put back at the end of a pause is no fight.
        #expect(guardian.endedPauses(at: now).objects == ["a"])
        #expect(guardian.endedPauses(at: now).objects.isEmpty)
        #expect(guardian.repair("a", at: now) == .mend)
        now += .seconds(3601)
        #expect(fight() == .backOff(.seconds(60)))
    }

    @Test func `it tells which pauses are over and when the next one is`() {
        var guardian = FightGuard<String>()
        for _ in 0...5 { _ = guardian.repair("a", at: start) }
        for _ in 0...5 { _ = guardian.repair("b", at: start + .seconds(10)) }
        let (objects, next) = guardian.endedPauses(at: start + .seconds(60))
        #expect(objects == ["a"])
        #expect(next == start + .seconds(70))
        guardian.forget("b")
        #expect(guardian.endedPauses(at: start + .seconds(60)).next == nil)
    }
}

extension FightGuard {
    /// Repairs `object` if that may be.
    fileprivate mutating func repair(_ object: Object, at now: ContinuousClock.Instant) -> Verdict {
        let verdict = verdict(on: object, at: now)
        if verdict == .mend { noteRepair(of: object, at: now) }
        return verdict
    }
}
