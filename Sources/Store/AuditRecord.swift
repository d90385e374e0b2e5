// SPDX-License-Identifier: Apache-2.0

/// A line of the audit log: what was decided about an object of the engine's, and why.
public struct AuditRecord: Codable, Hashable, Sendable {
    /// How many lines the log keeps. The oldest go.
    static let limit = 100_000

    /// Milliseconds since 1970, UTC.
    public var time: Int64
    /// The object: "endpoint 1f2e…", "address 10.0.0.5 of pool plugind-local/10.0.0.0/24".
    public var subject: String
    /// What became of it: "freed", "would free", "kept".
    public var decision: String
    public var reason: String

    public init(time: Int64, subject: String, decision: String, reason: String) {
        self.time = time
        self.subject = subject
        self.decision = decision
        self.reason = reason
    }
}
