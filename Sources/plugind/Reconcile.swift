// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control

/// `plugind reconcile`: the host against the state.
struct Reconcile: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compare the host with the state, and mend the difference.",
        discussion: """
            The daemon puts back what others change by itself, within a second, unless somebody keeps changing it: then it \
            leaves that alone for a while, and this does not. The packet filter's rules are made anew, whatever they \
            are, and are not compared.

            Exits with 1 if plugind refuses or fails, or something was left, with 3 if it cannot be reached, with 64 if it \
            is used wrongly.
            """)

    @Flag(help: "Only show the difference. Nothing is touched.")
    var dryRun = false

    @OptionGroup var control: ControlOptions

    func run() async throws {
        do {
            let client = control.client(deadline: .seconds(600))
            let answer = try await Patience.waiting(for: "Reconciling") { () throws(ControlFailure) in
                try await client.reconcile(dryRun: dryRun)
            }
            control.show(answer) { $0.text(isColoured: $1) }
            guard dryRun || !answer.value.differences.contains(where: { $0.outcome == .left }) else {
                throw ExitCode.failure
            }
        } catch let failure as ControlFailure {
            throw ControlOptions.complain(failure)
        }
    }
}
