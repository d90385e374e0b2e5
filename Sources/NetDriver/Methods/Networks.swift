// SPDX-License-Identifier: Apache-2.0

public import Addressing
public import PluginKit

/// A network is to be made. Sent once in its life: not after a restart of the engine, nor of the machine.
public struct CreateNetwork: PluginMethod, Codable, Hashable {
    public static let name = "NetworkDriver.CreateNetwork"

    public var networkID: NetworkID
    @EmptyIfNull public var options: Options
    @EmptyIfNull public var ipv4Data: [IPAMData]
    @EmptyIfNull public var ipv6Data: [IPAMData]

    public init(
        networkID: NetworkID, options: Options = Options(), ipv4Data: [IPAMData] = [], ipv6Data: [IPAMData] = []
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

    public typealias Reply = EmptyReply
}

extension CreateNetwork {
    /// What the engine and the user ask of a network.
    public struct Options: Codable, Hashable, Sendable, EmptyInitializable {
        /// Nil from engines before 28.0, where every network has IPv4.
        public var enablesIPv4: Bool?
        public var enablesIPv6: Bool?
        /// True for `--internal`, and normally not there otherwise.
        public var isInternal: Bool?
        /// The user's `-o name=value`, as typed. Everything a user can set arrives only here.
        @EmptyIfNull public var generic: [String: String]
        /// What else the request has, under names that plugind does not know.
        public var others: [String: JSONValue]

        public init() {
            self.init(generic: [:])
        }

        public init(
            enablesIPv4: Bool? = nil, enablesIPv6: Bool? = nil, isInternal: Bool? = nil, generic: [String: String],
            others: [String: JSONValue] = [:]
        ) {
            self.enablesIPv4 = enablesIPv4
            self.enablesIPv6 = enablesIPv6
            self.isInternal = isInternal
            self.generic = generic
            self.others = others
        }

        enum CodingKeys: String, CodingKey, CaseIterable {
            case enablesIPv4 = "com.docker.network.enable_ipv4"
            case enablesIPv6 = "com.docker.network.enable_ipv6"
            case isInternal = "com.docker.network.internal"
            case generic = "com.docker.network.generic"
        }

        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: MemberKey<CodingKeys>.self)
            enablesIPv4 = try container.decodeIfPresent(Bool.self, forKey: .known(.enablesIPv4))
            enablesIPv6 = try container.decodeIfPresent(Bool.self, forKey: .known(.enablesIPv6))
            isInternal = try container.decodeIfPresent(Bool.self, forKey: .known(.isInternal))
            _generic = try container.decode(EmptyIfNull<[String: String]>.self, forKey: .known(.generic))
            others = try container.decodeOthers()
        }

        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encodeIfPresent(enablesIPv4, forKey: .enablesIPv4)
            try container.encodeIfPresent(enablesIPv6, forKey: .enablesIPv6)
            try container.encodeIfPresent(isInternal, forKey: .isInternal)
            try container.encode(generic, forKey: .generic)
            try others.encode(to: encoder)
        }
    }
}

/// One pool of a network, as IPAM answered it.
public struct IPAMData: Codable, Hashable, Sendable {
    /// `LocalDefault` for the engine's own IPAM, empty in AllocateNetwork.
    @NoneIfEmpty public var addressSpace: String?
    /// `0.0.0.0/0` with the null IPAM.
    @NoneIfEmpty public var pool: Prefix?
    @NoneIfEmpty public var gateway: InterfaceAddress?
    /// Addresses that no endpoint gets, by the names the user gave them.
    @EmptyIfNull public var auxAddresses: [String: InterfaceAddress]

    public init(
        addressSpace: String? = nil, pool: Prefix?, gateway: InterfaceAddress? = nil,
        auxAddresses: [String: InterfaceAddress] = [:]
    ) {
        self.addressSpace = addressSpace
        self.pool = pool
        self.gateway = gateway
        self.auxAddresses = auxAddresses
    }

    enum CodingKeys: String, CodingKey {
        case addressSpace = "AddressSpace"
        case pool = "Pool"
        case gateway = "Gateway"
        case auxAddresses = "AuxAddresses"
    }
}

/// A network is gone for the engine, whatever the answer. May name one that was never made.
public struct DeleteNetwork: PluginMethod, Codable, Hashable {
    public static let name = "NetworkDriver.DeleteNetwork"

    public var networkID: NetworkID

    public init(networkID: NetworkID) {
        self.networkID = networkID
    }

    enum CodingKeys: String, CodingKey {
        case networkID = "NetworkID"
    }

    public typealias Reply = EmptyReply
}
