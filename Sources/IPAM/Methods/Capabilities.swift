// SPDX-License-Identifier: Apache-2.0

import PluginKit

/// What plugind asks of the engine.
struct GetCapabilities: PluginMethod, Codable, Hashable {
    static let name = "IpamDriver.GetCapabilities"
    static let hasArguments = false

    struct Reply: Codable, Hashable, Sendable {
        /// False: with true the engine makes up a MAC address for every endpoint and passes it on as if the user
        /// had chosen it, so the network driver could no longer tell the two apart.
        var requiresMACAddress = false
        /// False: what was granted is in plugind's own store. A replay would bring nothing, and a refusal in the
        /// middle of one makes the engine drop the pool.
        var requiresRequestReplay = false

        enum CodingKeys: String, CodingKey {
            case requiresMACAddress = "RequiresMACAddress"
            case requiresRequestReplay = "RequiresRequestReplay"
        }
    }
}

/// The address spaces of networks on one host and of networks of a swarm.
struct GetDefaultAddressSpaces: PluginMethod, Codable, Hashable {
    static let name = "IpamDriver.GetDefaultAddressSpaces"
    static let hasArguments = false

    struct Reply: Codable, Hashable, Sendable {
        var local: String
        /// Not the same as the local one: the engine would check no pool against the host then.
        var global: String

        enum CodingKeys: String, CodingKey {
            case local = "LocalDefaultAddressSpace"
            case global = "GlobalDefaultAddressSpace"
        }
    }
}
