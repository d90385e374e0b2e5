// SPDX-License-Identifier: Apache-2.0

import Addressing
import ArgumentParser
import Control
import Garbage

/// Where a command asks the engine for names. It does without them if it cannot.
struct EngineOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The engine's socket, to ask it for names, or off.", valueName: "path"))
    var engineSocket = "/run/docker.sock"

    /// `withContainers` asks for the containers' names as well.
    func names(withContainers: Bool) async -> EngineNames {
        guard engineSocket != "off", !engineSocket.isEmpty else { return EngineNames() }
        let client = EngineClient(socket: engineSocket, deadline: .seconds(2), sizeLimit: 64 << 20)
        return await Patience.waiting(for: "Asking the engine for names") {
            async let networks = try? client.networkNames()
            async let containers = withContainers ? try? client.containerNames() : nil
            return EngineNames(networks: await networks ?? [:], endpoints: await containers ?? [:])
        }
    }
}
