// SPDX-License-Identifier: Apache-2.0

/// What is done about garbage.
public enum GarbageMode: String, Hashable, Sendable, CaseIterable {
    /// Nothing is looked for.
    case off
    /// What would be freed is logged and audited, and nothing is freed.
    case report
    case on
}

/// When something is garbage, and what is done about it.
public struct GarbagePolicy: Hashable, Sendable {
    public var mode: GarbageMode
    /// For how long, without interruption, everything must have spoken against an object.
    public var grace: Duration

    public init(mode: GarbageMode, grace: Duration) {
        self.mode = mode
        self.grace = grace
    }

    /// How often is looked: often enough that an interruption is seen.
    public var interval: Duration { min(.seconds(60), grace / 10) }
}
