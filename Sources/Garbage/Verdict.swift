// SPDX-License-Identifier: Apache-2.0

/// What is to become of a suspect.
enum Verdict: Hashable, Sendable {
    /// The grace period is not over.
    case undecided
    case kept(Obstacle)
    case wouldFree
    case free

    /// Why a suspect stays although the grace period is over.
    enum Obstacle: Hashable, Sendable {
        case engineKnows
        case engineNotAsked
        case engineUnavailable
    }

    /// Decides about a suspect that has been one for `age`, and that the engine has not known for `unknownFor` (which is
    /// `age` if it need not be asked). Both are without interruption.
    init(on suspect: Suspect, age: Duration, unknownFor: Duration, _ policy: GarbagePolicy) {
        guard policy.mode != .off, age >= policy.grace else {
            self = .undecided
            return
        }
        switch suspect.engine {
        case .knows: self = .kept(.engineKnows)
        case .unavailable: self = .kept(.engineUnavailable)
        case .notAsked where suspect.needsEngine: self = .kept(.engineNotAsked)
        case .notAsked, .doesNotKnow:
            guard unknownFor >= policy.grace else {
                self = .undecided
                return
            }
            self = policy.mode == .on ? .free : .wouldFree
        }
    }
}

extension Suspect {
    /// The reason of a verdict, in words.
    func sentence(for verdict: Verdict, grace: Duration) -> String {
        let since = "\(reason), for at least \(grace.inSeconds)"
        return switch verdict {
        case .undecided: reason
        case .kept(.engineKnows): "\(since), but the engine knows it"
        case .kept(.engineNotAsked): "\(since); whether the engine knows it is not asked: engine-socket is not set"
        case .kept(.engineUnavailable):
            if case .unavailable(let error) = engine { "\(since), but \(error)" } else { since }
        case .wouldFree, .free:
            engine == .notAsked ? "\(since); the engine was not asked" : "\(since), and the engine does not know it"
        }
    }
}

extension Duration {
    /// `600 s`, or `1.5 s`.
    fileprivate var inSeconds: String {
        let (seconds, attoseconds) = components
        return attoseconds == 0 ? "\(seconds) s" : "\(Double(seconds) + Double(attoseconds) / 1e18) s"
    }
}
