// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// The daemon and its commands.
@main
struct Plugind: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plugind",
        abstract: "A Docker network and IPAM plugin: bridge networks done well.",
        version: version,
        subcommands: [
            Serve.self, Status.self, Networks.self, Endpoints.self, Ports.self, Inspect.self, Topology.self,
            Pools.self, Reserve.self, Doctor.self, Audit.self, Events.self, Gc.self, Reconcile.self, Config.self,
            Discovery.self,
        ])

    static let version = "0.1.0"
}
