// SPDX-License-Identifier: Apache-2.0

/// The pauses between attempts at something that keeps failing: 1 s, 2 s, 4 s, … up to a minute.
public struct Backoff: Hashable, Sendable {
    private var failures = 0

    public init() {}

    /// The pause before the next attempt.
    public var pause: Duration { .seconds(min(60, 1 << min(failures, 6))) }

    /// After an attempt that failed.
    public mutating func fail() {
        failures += 1
    }

    /// After a success.
    public mutating func reset() {
        failures = 0
    }
}
