// SPDX-License-Identifier: Apache-2.0

public import PluginKit

/// What kind of network driver this is. Asked once per engine life, after `Plugin.Activate`.
public struct GetCapabilities: PluginMethod, Codable, Hashable {
    public static let name = "NetworkDriver.GetCapabilities"
    public static let hasArguments = false

    public init() {}

    public struct Reply: Codable, Hashable, Sendable {
        public var scope: Scope
        /// Whose nodes the engine announces with DiscoverNew; nil is the same as `scope`.
        public var connectivityScope: Scope?
        /// Whether to ask GwAllocCheck before a network is created. Engines before 28.0 do not.
        public var checksGatewayAllocation: Bool?

        public init(scope: Scope, connectivityScope: Scope? = nil, checksGatewayAllocation: Bool? = nil) {
            self.scope = scope
            self.connectivityScope = connectivityScope
            self.checksGatewayAllocation = checksGatewayAllocation
        }

        enum CodingKeys: String, CodingKey {
            case scope = "Scope"
            case connectivityScope = "ConnectivityScope"
            case checksGatewayAllocation = "GwAllocChecker"
        }
    }

    /// Whether each engine makes its networks by itself or a swarm's managers make them for all.
    public enum Scope: String, Codable, Hashable, Sendable {
        case local
        case global
    }
}

/// Whether a network about to be created needs gateway addresses from IPAM.
public struct GwAllocCheck: PluginMethod, Codable, Hashable {
    public static let name = "NetworkDriver.GwAllocCheck"

    /// The same as in the CreateNetwork that follows.
    @EmptyIfNull public var options: CreateNetwork.Options

    public init(options: CreateNetwork.Options) {
        self.options = options
    }

    enum CodingKeys: String, CodingKey {
        case options = "Options"
    }

    public struct Reply: Codable, Hashable, Sendable {
        public var skipsIPv4: Bool
        public var skipsIPv6: Bool

        public init(skipsIPv4: Bool, skipsIPv6: Bool) {
            self.skipsIPv4 = skipsIPv4
            self.skipsIPv6 = skipsIPv6
        }

        enum CodingKeys: String, CodingKey {
            case skipsIPv4 = "SkipIPv4"
            case skipsIPv6 = "SkipIPv6"
        }
    }
}
