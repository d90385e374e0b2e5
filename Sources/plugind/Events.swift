// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control
import Events
import Glibc
import Synchronization
import UnixSignals

/// `plugind events`: what happened since the daemon started, and what happens.
struct Events: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show what happened since the daemon started, and, with --follow, what happens.",
        discussion: """
            The newest is last. Times are UTC. Ids are shortened, but not with --json, which prints a JSON object for each \
            event, in a line. With --follow only new events are shown, unless --since says more; it goes on until it is \
            interrupted, and then exits with 0.

            Exits with 1 if plugind refuses or fails, with 3 if it cannot be reached or stops, with 64 if it is used wrongly.
            """)

    @Flag(help: "Go on showing events as they happen.")
    var follow = false

    @Option(
        help: ArgumentHelp(
            "Only events since then: a duration such as 10m, a time such as 2026-11-27T12:00:00Z, or the number of an event.",
            valueName: "when"),
        transform: Events.start)
    var since: EventQuestion.Start?

    @Option(
        help: ArgumentHelp(
            "Only events of that kind, such as endpoint.joined, or of all kinds that begin so, such as endpoint.",
            valueName: "kind"))
    var kind: String?

    @Option(
        help: ArgumentHelp(
            "Only events whose subject has this in it: an address, a pool, an id or its beginning.", valueName: "text"))
    var subject: String?

    @OptionGroup var control: ControlOptions

    func validate() throws {
        if let kind, !EventKind.selectors.contains(kind) {
            throw ValidationError(
                "--kind \(kind) is no kind of event; there are \(EventKind.selectors.joined(separator: ", "))")
        }
    }

    func run() async throws {
        let question = EventQuestion(since: since, isFollowing: follow, kind: kind, subject: subject)
        guard follow else { return try await show(question) }
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        try await withThrowingTaskGroup(of: Bool.self) { tasks in
            tasks.addTask {
                try await show(question)
                return false
            }
            tasks.addTask {
                for await _ in signals { break }
                return true
            }
            let isInterrupted = try await tasks.next() ?? true
            tasks.cancelAll()
            guard !isInterrupted else { return }
            throw ControlOptions.complain(
                .notReachable(socket: control.path, reason: "it has stopped, and with it its events"))
        }
    }

    private func show(_ question: EventQuestion) async throws {
        let isJSON = control.json
        let text = Mutex(EventText(isColoured: ControlOptions.isColoured))
        do throws(ControlFailure) {
            try await control.client.events(question) { event, json in
                Self.print(isJSON ? json + "\n" : text.withLock { $0.lines(of: event) })
            }
        } catch {
            // Interrupted: it has seen what it wanted to.
            if Task.isCancelled { return }
            throw ControlOptions.complain(error)
        }
    }

    @Sendable private static func start(_ text: String) throws -> EventQuestion.Start {
        guard let start = EventQuestion.Start(text) else {
            throw ValidationError("‘\(text)’ is not the number of an event, a duration such as 10m, or a time")
        }
        return start
    }

    /// At once: somebody watches.
    private static func print(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            // Whoever read it is gone.
            if count <= 0 { Glibc.exit(EXIT_SUCCESS) }
            bytes.removeFirst(count)
        }
    }
}
