// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A clock that goes on by a minute and a second each time it is looked at: nothing is in quarantine for long.
final class HurriedClock: Sendable {
    private let time = Atomic<Int64>(1_700_000_000_000)

    /// In milliseconds since 1970.
    func callAsFunction() -> Int64 {
        time.add(61_000, ordering: .relaxed).newValue
    }
}
