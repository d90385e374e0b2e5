// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control

/// `plugind status`: how the daemon is.
struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show how the daemon is, and what it has.",
        discussion: """
            RULES are elements of the packet filter. REPAIRS is what was put back on the host since the daemon started, \
            OWED what could not be finished and is tried again.
            """
    )

    @OptionGroup var control: ControlOptions

    func run() async throws {
        do throws(ControlFailure) {
            control.show(try await control.client.status()) { $0.text(isColoured: $1) }
        } catch {
            throw ControlOptions.complain(error)
        }
    }
}
