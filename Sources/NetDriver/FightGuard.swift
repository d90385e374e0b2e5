// SPDX-License-Identifier: Apache-2.0

/// Ends fights: an object that somebody changes back again and again is left alone for a while.
///
/// More than five repairs of an object within a minute are a fight. The first pause is a minute; each further one is
/// twice as long, up to an hour, unless an hour passed without one.
struct FightGuard<Object: Hashable & Sendable>: Sendable {
    enum Verdict: Hashable, Sendable {
        case mend
        /// The fight is new: say so, and leave the object alone for that long.
        case backOff(Duration)
        /// It was said.
        case leaveAlone
    }

    private struct History {
        /// When it was repaired, within the last minute.
        var repairs: [ContinuousClock.Instant] = []
        var pauses = 0
        /// While it is left alone.
        var pauseEnd: ContinuousClock.Instant?
        /// When it was left alone last.
        var lastPauseEnd: ContinuousClock.Instant?

        mutating func endPause() {
            lastPauseEnd = pauseEnd ?? lastPauseEnd
            pauseEnd = nil
        }
    }

    static var allowedRepairs: Int { 5 }
    private static var window: Duration { .seconds(60) }
    private static var longestPause: Duration { .seconds(3600) }

    private var histories: [Object: History] = [:]

    /// Whether `object` may be repaired now.
    mutating func verdict(on object: Object, at now: ContinuousClock.Instant) -> Verdict {
        var history = histories[object] ?? History()
        defer { histories[object] = history }
        if let end = history.pauseEnd, now < end { return .leaveAlone }
        history.endPause()
        if let end = history.lastPauseEnd, now - end > Self.longestPause { history.pauses = 0 }
        history.repairs.removeAll { now - $0 >= Self.window }
        guard history.repairs.count >= Self.allowedRepairs else { return .mend }
        let pause = min(Self.window * (1 << min(history.pauses, 6)), Self.longestPause)
        history = History(pauses: history.pauses + 1, pauseEnd: now + pause)
        return .backOff(pause)
    }

    mutating func noteRepair(of object: Object, at now: ContinuousClock.Instant) {
        histories[object, default: History()].repairs.append(now)
    }

    /// The objects whose pauses are over by `now`, each once, and when the next one's is.
    mutating func endedPauses(
        at now: ContinuousClock.Instant
    ) -> (objects: [Object], next: ContinuousClock.Instant?) {
        let ends = histories.compactMapValues(\.pauseEnd)
        let ended = ends.filter { $0.value <= now }.map(\.key)
        for object in ended { histories[object]?.endPause() }
        return (ended, ends.values.filter { $0 > now }.min())
    }

    mutating func forget(_ object: Object) {
        histories[object] = nil
    }
}
