// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
public import Store

/// The answer to `GET /v1/audit`.
public struct AuditList: Codable, Hashable, Sendable {
    /// The oldest first.
    public var entries: [AuditEntry]

    public init(entries: [AuditEntry]) {
        self.entries = entries
    }
}

/// A line of the audit log: what was decided about something, and why.
public struct AuditEntry: Codable, Hashable, Sendable {
    /// UTC, as RFC 3339 has it: `2026-11-27T12:00:00.123Z`.
    public var time: String
    public var subject: String
    public var decision: String
    public var reason: String

    public init(_ record: AuditRecord) {
        time = Date(timeIntervalSince1970: Double(record.time) / 1000)
            .formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        subject = record.subject
        decision = record.decision
        reason = record.reason
    }
}

/// Which lines of the audit log are asked for.
public struct AuditQuestion: Hashable, Sendable {
    /// How many lines there are at most: the last ones.
    public var last: Int
    /// What the subject must contain.
    public var subject: String

    public static let defaultLast = 50
    /// The log keeps as many.
    public static let mostLast = 100_000

    public init(last: Int = defaultLast, subject: String = "") {
        self.last = last
        self.subject = subject
    }
}

extension ControlRouter {
    /// What can be asked about decisions of the past.
    public mutating func onAudit(_ store: any StateStore) {
        on("GET", "/audit", query: ["last", "subject"]) { request in
            let last: Int = try request.query("last", as: "a number of lines") ?? AuditQuestion.defaultLast
            guard (1...AuditQuestion.mostLast).contains(last) else {
                throw ControlError.badRequest("parameter last: \(last) is not from 1 to \(AuditQuestion.mostLast)")
            }
            let subject: String = try request.query("subject", as: "a text") ?? ""
            // The log is searched as a whole for the last lines that are about something.
            let records = try store.auditLog(last: subject.isEmpty ? last : AuditQuestion.mostLast)
            let found = subject.isEmpty ? records : records.filter { $0.subject.contains(subject) }
            return AuditList(entries: found.prefix(last).reversed().map(AuditEntry.init))
        }
    }
}
