// SPDX-License-Identifier: Apache-2.0

/// Events for people, 80 columns wide, each as it comes: when, what kind, and what happened. Ids are shortened.
public struct EventText: Sendable {
    private let isColoured: Bool
    /// Of the events so far.
    private var day = ""

    /// Where the sentence begins.
    private static let column = 29

    public init(isColoured: Bool) {
        self.isColoured = isColoured
    }

    /// The lines of an event, after that of its day if it is the first of it.
    public mutating func lines(of event: EventEntry) -> String {
        var text = ""
        let date = String(event.time.prefix(10))
        if date != day {
            day = date
            text = (isColoured ? Ink.bold.applied(to: date) : date) + " UTC\n"
        }
        let clock = event.time.dropFirst(11).prefix(8)
        let kind = isColoured ? event.ink?.applied(to: event.kind) ?? event.kind : event.kind
        let width = clock.count + 2 + event.kind.count
        let sentence = event.sentence.printable.withShortIDs.wrapped(from: Self.column)
        // Beside the kind, unless that is long.
        let isBeside = width < Self.column
        return text + "\(clock)  \(kind)" + (isBeside ? "" : "\n") + sentence.dropFirst(isBeside ? width : 0)
    }
}

extension EventEntry {
    fileprivate var ink: Ink? {
        switch kind.split(separator: ".").first {
        case "shortage", "fight", "events": .red
        case "conflict": kind == "conflict.begun" ? .red : .green
        case "repair": kind == "repair.failed" ? .red : .yellow
        case "firewall", "gc": .yellow
        case "port" where kind == "port.lost": .red
        default: nil
        }
    }
}
