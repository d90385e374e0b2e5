// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The time from a daemon's start to its end. What it does after its end reaches neither the store nor the host.
///
/// The owners of a daemon that was killed are still in memory, since nothing can stop an actor. But they can change
/// things only by steps of their life, and each step asks first.
final class Life: Sendable {
    /// Where in a step a daemon dies.
    enum Moment: CaseIterable, Sendable {
        case before, halfway, after
    }

    /// What becomes of a step.
    enum Verdict: Sendable {
        case go
        case die(Moment)
        case tooLate
    }

    private struct State {
        var isOver = false
        /// Steps that are left.
        var left: Int?
        var moment = Moment.before
    }

    private let state = Mutex(State())

    var isOver: Bool { state.withLock { $0.isOver } }

    /// Makes the step after `count` more of them the last.
    func end(after count: Int, _ moment: Moment) {
        state.withLock { state in
            guard state.left == nil else { return }
            state.left = count
            state.moment = moment
        }
    }

    /// Takes back `end(after:_:)`.
    func spare() {
        state.withLock { $0.left = nil }
    }

    /// Ends it between two steps.
    func end() {
        state.withLock { $0.isOver = true }
    }

    /// To be asked before each step. With `.die`, the step does its part, or nothing, and fails.
    func step() -> Verdict {
        state.withLock { state in
            if state.isOver { return .tooLate }
            guard let left = state.left else { return .go }
            state.left = left - 1
            guard left == 0 else { return .go }
            state.isOver = true
            return .die(state.moment)
        }
    }
}
