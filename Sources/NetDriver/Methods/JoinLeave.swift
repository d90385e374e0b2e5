// SPDX-License-Identifier: Apache-2.0

public import Addressing
public import PluginKit

/// An endpoint gets its sandbox: the engine asks which link to move there and how to set it up.
public struct Join: PluginMethod, Codable, Hashable {
    public static let name = "NetworkDriver.Join"

    public var networkID: NetworkID
    public var endpointID: EndpointID
    /// Path of the sandbox's network namespace. Before 28.0 it does not exist yet when a container starts.
    public var sandboxKey: String
    /// The container's, not the endpoint's: ports are here even for an internal network.
    @EmptyIfNull public var options: EndpointOptions

    public init(
        networkID: NetworkID, endpointID: EndpointID, sandboxKey: String, options: EndpointOptions = EndpointOptions()
    ) {
        self.networkID = networkID
        self.endpointID = endpointID
        self.sandboxKey = sandboxKey
        self.options = options
    }

    enum CodingKeys: String, CodingKey {
        case networkID = "NetworkID"
        case endpointID = "EndpointID"
        case sandboxKey = "SandboxKey"
        case options = "Options"
    }

    public struct Reply: Codable, Hashable, Sendable {
        /// Nil to have no link moved.
        public var link: Link?
        /// Without any, and not told otherwise, the engine connects the container to `docker_gwbridge` as well.
        @NoneIfEmpty public var gateway: IPAddress?
        @NoneIfEmpty public var gatewayIPv6: IPAddress?
        @EmptyIfNull public var staticRoutes: [StaticRoute]
        /// True to do without a gateway and without `docker_gwbridge`.
        public var disablesGatewayService: Bool?

        public init(
            link: Link?, gateway: IPAddress? = nil, gatewayIPv6: IPAddress? = nil, staticRoutes: [StaticRoute] = [],
            disablesGatewayService: Bool? = nil
        ) {
            self.link = link
            self.gateway = gateway
            self.gatewayIPv6 = gatewayIPv6
            self.staticRoutes = staticRoutes
            self.disablesGatewayService = disablesGatewayService
        }

        enum CodingKeys: String, CodingKey {
            case link = "InterfaceName"
            case gateway = "Gateway"
            case gatewayIPv6 = "GatewayIPv6"
            case staticRoutes = "StaticRoutes"
            case disablesGatewayService = "DisableGatewayService"
        }
    }
}

extension Join {
    /// The link that the engine moves into the sandbox.
    public struct Link: Codable, Hashable, Sendable {
        public var name: InterfaceName
        /// Its name there is this and the smallest free number. The engine ignores `DstName`.
        public var prefix: String

        public init(name: InterfaceName, prefix: String) {
            self.name = name
            self.prefix = prefix
        }

        enum CodingKeys: String, CodingKey {
            case name = "SrcName"
            case prefix = "DstPrefix"
        }
    }

    /// A route for the sandbox. The default route is not one of these: the engine fails on it.
    public struct StaticRoute: Codable, Hashable, Sendable {
        public var destination: Prefix
        /// Nil if the destination is on the link itself.
        @NoneIfEmpty public var nextHop: IPAddress?

        public init(destination: Prefix, nextHop: IPAddress?) {
            self.destination = destination
            self.nextHop = nextHop
        }

        enum CodingKeys: String, CodingKey {
            case destination = "Destination"
            case nextHop = "NextHop"
            case kind = "RouteType"
        }

        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            destination = try container.decode(Prefix.self, forKey: .destination)
            _nextHop = try container.decode(NoneIfEmpty<IPAddress>.self, forKey: .nextHop)
        }

        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(destination, forKey: .destination)
            try container.encode(_nextHop, forKey: .nextHop)
            try container.encode(nextHop == nil ? 1 : 0, forKey: .kind)
        }
    }
}

/// An endpoint is about to lose its sandbox. May come twice, without a Join before, or for one that is unknown.
public struct Leave: PluginMethod, Codable, Hashable {
    public static let name = "NetworkDriver.Leave"

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
