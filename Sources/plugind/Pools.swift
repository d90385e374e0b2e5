// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control

/// `plugind pools`: how full the pools are, and what is taken out of them.
struct Pools: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show how full the pools are, take addresses out of one, and give them back.",
        usage: """
            plugind pools [<pool>] [--json] [--control-socket <path>]
            plugind pools exclude <pool> <ranges> ...
            plugind pools include <pool> <ranges> ...
            """,
        discussion: """
            In the bar # stands for addresses that are used, + for those that are kept (sticky, quarantined or reserved), \
            . for free ones. FULL IN is when the pool will be full if it goes on growing as it does.

            Exits with 1 if plugind refuses or fails, with 3 if it cannot be reached, with 64 if it is used wrongly.
            """,
        subcommands: [Show.self, Exclude.self, Include.self],
        defaultSubcommand: Show.self
    )

    /// What is done if nothing else is said.
    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show how full the pools are, or all about one.")

        @Argument(help: "One pool, by its id or its subnet.")
        var pool: String?

        @OptionGroup var control: ControlOptions

        func run() async throws {
            do throws(ControlFailure) {
                if let pool {
                    control.show(try await control.client.pool(pool)) { $0.text(isColoured: $1) }
                } else {
                    control.show(try await control.client.pools()) { $0.text(isColoured: $1) }
                }
            } catch {
                throw ControlOptions.complain(error)
            }
        }
    }
}
