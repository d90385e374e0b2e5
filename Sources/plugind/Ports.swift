// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control

/// `plugind ports`: who is reachable from where.
struct Ports: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show where containers are reached from outside of their networks.",
        discussion: """
            HOW is direct (the packet filter leads the host's port to the container), forwarded (plugind receives and \
            passes on), routed (at the container's own address), open (likewise, at every port) or none (the port is \
            held and leads nowhere). Below are the only clients and links, if not everybody may come by any.
            """
    )

    @OptionGroup var control: ControlOptions
    @OptionGroup var engine: EngineOptions

    func run() async throws {
        do throws(ControlFailure) {
            let answer = try await control.client.ports()
            let isAsked = !control.json && answer.value.ports.contains { $0.container == nil }
            let names = isAsked ? await engine.names(withContainers: true) : EngineNames()
            control.show(answer) { $0.text(names: names, isColoured: $1) }
        } catch {
            throw ControlOptions.complain(error)
        }
    }
}
