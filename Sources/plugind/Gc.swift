// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control
import Garbage

/// `plugind gc`: a look for garbage, now.
struct Gc: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gc",
        abstract: "Look for garbage now, and free what has been garbage for the grace period.",
        discussion: """
            It is one look more of those that the daemon makes by itself, under the same rules: with gc report nothing is \
            freed, and what is seen for the first time waits for the grace period.

            Exits with 1 if plugind refuses or fails, or could not free something, with 3 if it cannot be reached, with 64 \
            if it is used wrongly.
            """)

    @Flag(help: "Only show what is suspect, and why. Nothing is freed, and nothing written.")
    var dryRun = false

    @OptionGroup var control: ControlOptions

    func run() async throws {
        do {
            // The engine is asked about each network, and has 5 seconds for each answer.
            let client = control.client(deadline: .seconds(600))
            let answer = try await Patience.waiting(for: "Looking for garbage") { () throws(ControlFailure) in
                try await client.collectGarbage(dryRun: dryRun)
            }
            control.show(answer) { $0.text(isColoured: $1) }
            if answer.value.suspects.contains(where: { $0.outcome == .failed }) { throw ExitCode.failure }
        } catch let failure as ControlFailure {
            throw ControlOptions.complain(failure)
        }
    }
}
