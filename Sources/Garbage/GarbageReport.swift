// SPDX-License-Identifier: Apache-2.0

/// What one look for garbage found.
public struct GarbageReport: Hashable, Sendable {
    /// What became of a suspect, or would become of it.
    public enum Outcome: String, Codable, Hashable, Sendable, CaseIterable {
        /// The grace period is not over.
        case waiting
        /// Something speaks for it.
        case kept
        /// It is garbage, and was only reported: in a dry run, or because the mode is `report`.
        case wouldFree
        case freed
        /// Freeing it was begun and failed; it is finished later.
        case willBeFinished
        /// It could not be decided or freed; it is tried again after another grace period.
        case failed
    }

    public struct Entry: Hashable, Sendable {
        /// As in the audit log: `endpoint 1f2e…`.
        public var subject: String
        public var outcome: Outcome
        public var reason: String
        /// For how long, without interruption, it has been suspect.
        public var age: Duration
        /// For one that waits: how long it takes until it is decided about, if nothing changes. Nil if nothing ever is,
        /// because the mode is `off`.
        public var rest: Duration?

        public init(subject: String, outcome: Outcome, reason: String, age: Duration, rest: Duration? = nil) {
            self.subject = subject
            self.outcome = outcome
            self.reason = reason
            self.age = age
            self.rest = rest
        }
    }

    public var policy: GarbagePolicy
    public var isDryRun: Bool
    /// In the order in which they are freed.
    public var entries: [Entry]

    public init(policy: GarbagePolicy, isDryRun: Bool, entries: [Entry]) {
        self.policy = policy
        self.isDryRun = isDryRun
        self.entries = entries
    }
}

/// Why nobody looks for garbage, in words.
public struct GarbageCollectionOff: Error, Hashable, Sendable, CustomStringConvertible {
    public var description: String {
        "garbage collection is off; only a dry run can be made, unless the setting gc is report or on"
    }
}
