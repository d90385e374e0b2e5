// SPDX-License-Identifier: Apache-2.0

import PluginKit

/// Whether plugind asks the engine for MAC addresses, to know containers by.
public enum MACClaims: String, CaseIterable, Sendable {
    /// The MAC address of a container that has none of its own goes with its IP address.
    case off
    case on
}

/// What plugind asks of the engine.
struct GetCapabilities: PluginMethod, Codable, Hashable {
    static let name = "IpamDriver.GetCapabilities"
    static let hasArguments = false

    struct Reply: Codable, Hashable, Sendable {
        /// With true, engines pass on the MAC address that the user chose, by which engines up to 28 let a container be
        /// known again. But they make one up for everybody else, another one at each start, so that neighbours know a
        /// stale one for a while; and the engine's ipvlan driver refuses endpoints with a MAC address.
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
