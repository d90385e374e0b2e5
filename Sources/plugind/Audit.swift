// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control

/// `plugind audit`: what was decided, and why.
struct Audit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the last lines of the audit log: what was decided, about what, and why.",
        discussion: """
            The newest is last. Times are UTC. Ids are shortened, but not with --json.

            Exits with 1 if plugind refuses or fails, with 3 if it cannot be reached, with 64 if it is used wrongly.
            """)

    @Option(help: ArgumentHelp("How many lines at most.", valueName: "n"))
    var last = AuditQuestion.defaultLast

    @Option(
        help: ArgumentHelp(
            "Only lines whose subject has this in it: an address, a pool, an id or its beginning.", valueName: "text"))
    var subject = ""

    @OptionGroup var control: ControlOptions

    func validate() throws {
        guard (1...AuditQuestion.mostLast).contains(last) else {
            throw ValidationError("--last \(last) is not from 1 to \(AuditQuestion.mostLast)")
        }
    }

    func run() async throws {
        do throws(ControlFailure) {
            let question = AuditQuestion(last: last, subject: subject)
            let answer = try await Patience.waiting(for: "Reading the audit log") { () throws(ControlFailure) in
                try await control.client.audit(question)
            }
            control.show(answer) { $0.text(isColoured: $1) }
        } catch {
            throw ControlOptions.complain(error)
        }
    }
}
