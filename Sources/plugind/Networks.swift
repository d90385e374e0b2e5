// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control

/// `plugind networks`: the networks and their bridges.
struct Networks: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the networks, with their bridges and subnets.",
        discussion: "Names are the engine's, if it can be asked. MODE also says if the bridge is not up."
    )

    @OptionGroup var control: ControlOptions
    @OptionGroup var engine: EngineOptions

    func run() async throws {
        do throws(ControlFailure) {
            let answer = try await control.client.networks()
            let isAsked = !control.json && !answer.value.networks.isEmpty
            let names = isAsked ? await engine.names(withContainers: false) : EngineNames()
            control.show(answer) { $0.text(names: names, isColoured: $1) }
        } catch {
            throw ControlOptions.complain(error)
        }
    }
}
