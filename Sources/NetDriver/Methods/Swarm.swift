// SPDX-License-Identifier: Apache-2.0

public import Addressing
public import PluginKit

/// A swarm manager makes a network for all nodes. Sent to drivers of global scope only.
public struct AllocateNetwork: PluginMethod, Codable, Hashable {
    public static let name = "NetworkDriver.AllocateNetwork"

    public var networkID: NetworkID
    /// The user's `-o name=value`, and what was answered before if the manager asks again.
    @EmptyIfNull public var options: [String: String]
    @EmptyIfNull public var ipv4Data: [IPAMData]
    @EmptyIfNull public var ipv6Data: [IPAMData]

    public init(
        networkID: NetworkID, options: [String: String] = [:], ipv4Data: [IPAMData] = [], ipv6Data: [IPAMData] = []
    ) {
        self.networkID = networkID
        self.options = options
        self.ipv4Data = ipv4Data
        self.ipv6Data = ipv6Data
    }

    enum CodingKeys: String, CodingKey {
        case networkID = "NetworkID"
        case options = "Options"
        case ipv4Data = "IPv4Data"
        case ipv6Data = "IPv6Data"
    }

    public struct Reply: Codable, Hashable, Sendable {
        /// Becomes the `generic` options of CreateNetwork on the nodes, in place of the user's.
        @EmptyIfNull public var options: [String: String]

        public init(options: [String: String]) {
            self.options = options
        }

        enum CodingKeys: String, CodingKey {
            case options = "Options"
        }
    }
}

/// A swarm manager is done with a network that AllocateNetwork made.
public struct FreeNetwork: PluginMethod, Codable, Hashable {
    public static let name = "NetworkDriver.FreeNetwork"

    public var networkID: NetworkID

    public init(networkID: NetworkID) {
        self.networkID = networkID
    }

    enum CodingKeys: String, CodingKey {
        case networkID = "NetworkID"
    }

    public typealias Reply = EmptyReply
}
