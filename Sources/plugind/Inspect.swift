// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Control

/// `plugind inspect`: all about one thing.
struct Inspect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show all about a network or an endpoint.",
        discussion: """
            A container's name or an address may be that of several endpoints; all of them are shown. With --json, one \
            line for each.
            """
    )

    @Argument(
        help: ArgumentHelp(
            "An id or its beginning, a network's or container's name, a bridge, a port's link, an IP or MAC address.",
            valueName: "id|name"))
    var text: String

    @OptionGroup var control: ControlOptions
    @OptionGroup var engine: EngineOptions

    func run() async throws {
        do throws(ControlFailure) {
            let client = control.client
            let networks = try await client.networks().value.networks
            let endpoints = try await client.endpoints().value.endpoints
            let names = await engine.names(withContainers: endpoints.contains { $0.container == nil })
            let found = try Finding(text, networks: networks, endpoints: endpoints, names: names)
            for id in found.networks {
                control.show(try await client.network(id)) { $0.text(names: names, isColoured: $1) }
            }
            for id in found.endpoints {
                control.show(try await client.endpoint(id)) { $0.text(names: names, isColoured: $1) }
            }
        } catch {
            throw ControlOptions.complain(error)
        }
    }
}
