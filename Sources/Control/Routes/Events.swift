// SPDX-License-Identifier: Apache-2.0

public import Events
import PluginServer
import ServiceLifecycle

/// A line of the answer to `GET /v1/events`.
public struct EventEntry: Codable, Hashable, Sendable {
    /// From 1 on since the daemon started. Of a line that says that events are lost: that of the last of them.
    public var serial: UInt64
    /// UTC, as RFC 3339 has it: `2026-11-27T12:00:00.123Z`.
    public var time: String
    /// An `EventKind`, or one that is newer than this.
    public var kind: String
    public var subject: String
    public var fields: [String: String]
    public var sentence: String

    public init(_ event: Event) {
        serial = event.serial
        time = event.timestamp
        kind = event.what.kind.rawValue
        subject = event.what.subject
        fields = event.what.fields
        sentence = event.what.sentence
    }
}

extension ControlRouter {
    /// What happened since the daemon started, and what happens. A client that does not read is found out by an empty line
    /// after each `beat` in which nothing else was to be written.
    public mutating func onEvents(_ log: EventLog, beat: Duration = .seconds(15)) {
        onLines("GET", "/events", query: ["since", "follow", "kind", "subject"]) { request in
            let question = EventQuestion(
                since: try request.query("since", as: "the number of an event, a duration such as 10m, or a time"),
                isFollowing: try request.isSet("follow"), kind: request.query["kind"],
                subject: request.query["subject"])
            if let kind = question.kind, !EventKind.selectors.contains(kind) {
                throw ControlError.badRequest(
                    "parameter kind: ‘\(kind)’ is no kind of event; there are "
                        + EventKind.selectors.joined(separator: ", "))
            }
            // Here, so that nothing is missed that happens after the request.
            let start = question.start(in: log)
            return SocketStream { write in
                var reader = EventReader(log: log, question: question, next: start)
                if question.isFollowing {
                    try await reader.follow(beat: beat, write)
                } else {
                    try await reader.readOn(write)
                }
            }
        }
    }
}

/// Writes events, each in a line.
private struct EventReader {
    let log: EventLog
    let question: EventQuestion
    /// The number of the event to go on with.
    var next: UInt64
    private var lastWrite = ContinuousClock.now

    init(log: EventLog, question: EventQuestion, next: UInt64) {
        self.log = log
        self.question = question
        self.next = next
    }

    /// So many are read at once: the log is not locked for long, and what is made of them is small.
    private static let together = 256

    /// Writes what there is.
    mutating func readOn(_ write: SocketStream.Write) async throws {
        let end = log.end
        while next < end {
            let part = log.read(from: next, limit: Self.together)
            var lines: [UInt8] = []
            if part.lost > 0 {
                let lost = Event(
                    serial: part.next - UInt64(part.events.count) - 1, time: EventLog.millisecondsNow(),
                    what: .eventsLost(count: part.lost))
                lines += try line(lost)
            }
            for event in part.events where question.selects(event) { lines += try line(event) }
            next = part.next
            if !lines.isEmpty { try await send(lines, write) }
        }
    }

    /// Goes on until graceful shutdown, or until the connection ends.
    mutating func follow(beat: Duration, _ write: SocketStream.Write) async throws {
        let signals = log.signals(each: beat)
        try await readOn(write)
        for await _ in signals.cancelOnGracefulShutdown() {
            try await readOn(write)
            if .now - lastWrite >= beat { try await send([UInt8(ascii: "\n")], write) }
        }
        // What happened while the daemon stopped.
        try await readOn(write)
    }

    private mutating func send(_ bytes: [UInt8], _ write: SocketStream.Write) async throws {
        try await write(bytes)
        lastWrite = .now
    }

    private func line(_ event: Event) throws -> [UInt8] {
        try ControlAPI.encode(EventEntry(event)) + [UInt8(ascii: "\n")]
    }
}
