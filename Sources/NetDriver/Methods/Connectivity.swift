// SPDX-License-Identifier: Apache-2.0

public import Addressing
public import PluginKit

/// An endpoint has become its container's gateway to the outside: the moment to publish ports. May come again.
public struct ProgramExternalConnectivity: PluginMethod, Codable, Hashable {
    public static let name = "NetworkDriver.ProgramExternalConnectivity"

    public var networkID: NetworkID
    public var endpointID: EndpointID
    @EmptyIfNull public var options: EndpointOptions

    public init(networkID: NetworkID, endpointID: EndpointID, options: EndpointOptions = EndpointOptions()) {
        self.networkID = networkID
        self.endpointID = endpointID
        self.options = options
    }

    enum CodingKeys: String, CodingKey {
        case networkID = "NetworkID"
        case endpointID = "EndpointID"
        case options = "Options"
    }

    public typealias Reply = EmptyReply
}

/// An endpoint no longer is the gateway. Engines from 29 on may leave it out.
public struct RevokeExternalConnectivity: PluginMethod, Codable, Hashable {
    public static let name = "NetworkDriver.RevokeExternalConnectivity"

    public var networkID: NetworkID
    public var endpointID: EndpointID

    public init(networkID: NetworkID, endpointID: EndpointID) {
        self.networkID = networkID
        self.endpointID = endpointID
    }

    enum CodingKeys: String, CodingKey {
        case networkID = "NetworkID"
        case endpointID = "EndpointID"
    }

    public typealias Reply = EmptyReply
}
