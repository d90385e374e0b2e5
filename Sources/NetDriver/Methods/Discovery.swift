// SPDX-License-Identifier: Apache-2.0

public import PluginKit

/// A node has joined the swarm, perhaps this one.
public struct DiscoverNew: PluginMethod, Codable, Hashable {
    public static let name = "NetworkDriver.DiscoverNew"

    /// 1 for a node, the only kind that the engine tells plugins about.
    public var kind: Int
    /// For a node, its `Address`, `BindAddress` and whether it is this one, `Self`.
    public var data: JSONValue?

    public init(kind: Int = 1, data: JSONValue?) {
        self.kind = kind
        self.data = data
    }

    enum CodingKeys: String, CodingKey {
        case kind = "DiscoveryType"
        case data = "DiscoveryData"
    }

    public typealias Reply = EmptyReply
}

/// A node has left the swarm.
public struct DiscoverDelete: PluginMethod, Codable, Hashable {
    public static let name = "NetworkDriver.DiscoverDelete"

    /// As in DiscoverNew.
    public var kind: Int
    public var data: JSONValue?

    public init(kind: Int = 1, data: JSONValue?) {
        self.kind = kind
        self.data = data
    }

    enum CodingKeys: String, CodingKey {
        case kind = "DiscoveryType"
        case data = "DiscoveryData"
    }

    public typealias Reply = EmptyReply
}
