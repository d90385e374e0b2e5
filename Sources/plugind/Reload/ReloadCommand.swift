// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control

/// `plugind config reload`: the configuration anew, in the daemon that runs.
struct ReloadCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Have the daemon read its configuration anew, and take what has changed.",
        discussion: """
            The daemon reads its file again, with the flags and the environment that it was started with, and tells what \
            it took, from which value to which, and what waits for its next start. The same as SIGHUP.

            Exits with 1 if the configuration cannot be used, and then nothing has changed; with 3 if plugind cannot be \
            reached, with 64 if it is used wrongly.
            """)

    @OptionGroup var control: ControlOptions

    func run() async throws {
        do throws(ControlFailure) {
            control.show(try await control.client.reload()) { $0.text(isColoured: $1) }
        } catch {
            throw ControlOptions.complain(error)
        }
    }
}
