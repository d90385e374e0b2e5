// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control

/// `plugind endpoints`: the containers' links.
struct Endpoints: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the endpoints, with their containers, addresses and links.",
        discussion: """
            STATE is that of the port in the bridge: up, down, detached (in no bridge, or in another one) or missing. \
            Containers' names are what plugind knows, else the engine's, if it can be asked.
            """
    )

    @Option(help: ArgumentHelp("Those of one network, by its id, bridge or name.", valueName: "network"))
    var network: String?

    @OptionGroup var control: ControlOptions
    @OptionGroup var engine: EngineOptions

    func run() async throws {
        do throws(ControlFailure) {
            let client = control.client
            if let network {
                let networks = try await client.networks().value
                let names = await engine.names(withContainers: !control.json)
                let id = try networks.find(network, names: names)
                control.show(try await client.endpoints(of: id)) { $0.text(names: names, isColoured: $1) }
            } else {
                let answer = try await client.endpoints()
                let endpoints = answer.value.endpoints
                let names =
                    control.json || endpoints.isEmpty
                    ? EngineNames() : await engine.names(withContainers: endpoints.contains { $0.container == nil })
                control.show(answer) { $0.text(names: names, isColoured: $1) }
            }
        } catch {
            throw ControlOptions.complain(error)
        }
    }
}
