// SPDX-License-Identifier: Apache-2.0

/// Since when an object has been suspect, and what was decided about it last.
///
/// Kept in memory alone: a daemon that starts anew begins anew, which is the safe side.
struct Watch: Hashable, Sendable {
    private let since: Duration
    /// Since when the engine has not known it either. Nil if it did when it was asked last, or could not be asked.
    ///
    /// It counts from there, because a late release of what the engine had just let go would take away what somebody
    /// else was given by then.
    private var unknownSince: Duration?
    private(set) var verdict = Verdict.undecided

    /// `now` counts from any moment, but always from the same.
    init(at now: Duration) {
        since = now
    }

    /// Notes what is seen now, and answers the verdict if it is another one than the last time.
    mutating func see(_ suspect: Suspect, at now: Duration, _ policy: GarbagePolicy) -> Verdict? {
        switch suspect.engine {
        case .knows, .unavailable: unknownSince = nil
        case .notAsked, .doesNotKnow: unknownSince = unknownSince ?? now
        }
        let next = assess(suspect, at: now, policy)
        guard next != .undecided, next != verdict else { return nil }
        verdict = next
        return next
    }

    /// What is to become of a suspect that was seen just now, said before or not.
    func assess(_ suspect: Suspect, at now: Duration, _ policy: GarbagePolicy) -> Verdict {
        Verdict(on: suspect, age: age(at: now), unknownFor: unknownSince.map { now - $0 } ?? .zero, policy)
    }

    func age(at now: Duration) -> Duration { now - since }

    /// How long it takes until something is decided, if nothing changes.
    func rest(at now: Duration, _ policy: GarbagePolicy) -> Duration {
        max(.zero, policy.grace - (now - max(since, unknownSince ?? since)))
    }
}
