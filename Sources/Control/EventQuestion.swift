// SPDX-License-Identifier: Apache-2.0

import Addressing
import Events
import FoundationEssentials

/// Which events are asked for.
public struct EventQuestion: Hashable, Sendable {
    /// Where to begin.
    public enum Start: Hashable, Sendable {
        /// After the event of that number.
        case after(UInt64)
        /// So long ago.
        case ago(Duration)
        /// In milliseconds since 1970.
        case time(Int64)
    }

    /// Nil: at the oldest, or, to follow, at the next one.
    public var since: Start?
    /// The answer goes on with what happens, until somebody ends it.
    public var isFollowing: Bool
    /// A kind, or the first part of one.
    public var kind: String?
    /// What the subject must contain.
    public var subject: String?

    public init(since: Start? = nil, isFollowing: Bool = false, kind: String? = nil, subject: String? = nil) {
        self.since = since
        self.isFollowing = isFollowing
        self.kind = kind
        self.subject = subject
    }

    func selects(_ event: Event) -> Bool {
        if let kind, !event.what.kind.isSelected(by: kind) { return false }
        if let subject, !event.what.subject.contains(subject) { return false }
        return true
    }

    /// The number of the first event that is asked for.
    func start(in log: EventLog) -> UInt64 {
        switch since {
        // To follow from a number that was never given is to come back to another daemon: all of its are new.
        case .after(let serial)?: serial < log.end || !isFollowing ? min(serial &+ 1, log.end) : log.serial(at: .min)
        case .ago(let time)?: log.serial(at: EventLog.millisecondsNow() - time.components.seconds * 1000)
        case .time(let time)?: log.serial(at: time)
        case nil: isFollowing ? log.end : log.serial(at: .min)
        }
    }

    /// What follows the path's question mark.
    var query: String {
        [
            since.map { "since=\("\($0)".percentEncoded)" }, isFollowing ? "follow=true" : nil,
            kind.map { "kind=\($0.percentEncoded)" }, subject.map { "subject=\($0.percentEncoded)" },
        ].compactMap(\.self).joined(separator: "&")
    }
}

extension EventQuestion.Start: LosslessStringConvertible {
    /// Takes the number of an event, a duration such as `10m`, or a time such as `2026-11-27T12:00:00Z`.
    public init?(_ description: String) {
        if let serial = UInt64(description), serial < .max {
            self = .after(serial)
        } else if let time = Duration(text: description) {
            self = .ago(time)
        } else if let time = Self.milliseconds(description) {
            self = .time(time)
        } else {
            return nil
        }
    }

    public var description: String {
        switch self {
        case .after(let serial): "\(serial)"
        case .ago(let time): time.text
        case .time(let time): Event(serial: 0, time: time, what: .eventsLost(count: 0)).timestamp
        }
    }

    /// RFC 3339, with or without fractions of a second.
    private static func milliseconds(_ text: String) -> Int64? {
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: text.contains("."))
        guard let date = try? style.parse(text) else { return nil }
        return Int64(exactly: (date.timeIntervalSince1970 * 1000).rounded())
    }
}
