// SPDX-License-Identifier: Apache-2.0

public import Addressing

/// How far a change of the host has come. Written before the kernel is touched and again after.
public enum Phase: String, Codable, Hashable, Sendable {
    /// Intended; the kernel may have all, some or nothing of it. Undone at start.
    case creating
    /// Done and answered.
    case ready
    /// Being deleted; finished at start.
    case deleting
}

/// A network of the engine that plugind serves.
public struct NetworkRecord: Codable, Hashable, Sendable {
    public var id: NetworkID
    public var phase: Phase
    public var bridge: InterfaceName
    public var bridgeMAC: MACAddress
    public var mtu: UInt32
    public var isInternal: Bool
    /// The container's link is called this plus a number, which the engine appends.
    public var linkPrefix: String
    /// In the engine's order, IPv4 before IPv6.
    public var subnets: [Subnet]
    /// The user's options as they came, to recognise a repeated CreateNetwork.
    public var options: [String: String]

    /// One pool of a network and the gateway address in it.
    public struct Subnet: Codable, Hashable, Sendable {
        public var prefix: Prefix
        public var gateway: InterfaceAddress?

        public init(prefix: Prefix, gateway: InterfaceAddress?) {
            self.prefix = prefix
            self.gateway = gateway
        }
    }

    public init(
        id: NetworkID, phase: Phase, bridge: InterfaceName, bridgeMAC: MACAddress, mtu: UInt32, isInternal: Bool,
        linkPrefix: String, subnets: [Subnet], options: [String: String]
    ) {
        self.id = id
        self.phase = phase
        self.bridge = bridge
        self.bridgeMAC = bridgeMAC
        self.mtu = mtu
        self.isInternal = isInternal
        self.linkPrefix = linkPrefix
        self.subnets = subnets
        self.options = options
    }
}

/// One attachment of a sandbox to a network.
public struct EndpointRecord: Codable, Hashable, Sendable {
    public var id: EndpointID
    public var network: NetworkID
    public var phase: Phase
    /// The port: stays on the host, in the bridge.
    public var hostLink: InterfaceName
    /// The link that the engine moves into the sandbox.
    public var sandboxLink: InterfaceName
    public var mac: MACAddress
    public var ipv4: InterfaceAddress?
    public var ipv6: InterfaceAddress?
    /// Path of the sandbox's namespace while joined.
    public var sandboxKey: String?

    public init(
        id: EndpointID, network: NetworkID, phase: Phase, hostLink: InterfaceName, sandboxLink: InterfaceName,
        mac: MACAddress, ipv4: InterfaceAddress?, ipv6: InterfaceAddress?, sandboxKey: String?
    ) {
        self.id = id
        self.network = network
        self.phase = phase
        self.hostLink = hostLink
        self.sandboxLink = sandboxLink
        self.mac = mac
        self.ipv4 = ipv4
        self.ipv6 = ipv6
        self.sandboxKey = sandboxKey
    }
}

/// A pool that was handed out.
public struct PoolRecord: Codable, Hashable, Sendable {
    /// The PoolID on the wire.
    public var id: String
    public var space: String
    public var prefix: Prefix
    /// The part of the pool that automatic choice is limited to.
    public var subPool: Prefix?
    /// The user's IPAM options as they came.
    public var options: [String: String]
    /// True if the requester named no pool and plugind chose this one.
    public var isChosen: Bool

    public init(
        id: String, space: String, prefix: Prefix, subPool: Prefix?, options: [String: String], isChosen: Bool
    ) {
        self.id = id
        self.space = space
        self.prefix = prefix
        self.subPool = subPool
        self.options = options
        self.isChosen = isChosen
    }
}

/// An address that was handed out.
public struct AddressRecord: Codable, Hashable, Sendable {
    public enum Role: String, Codable, Hashable, Sendable {
        case gateway
        /// An endpoint's, or an auxiliary address: the engine does not tell them apart.
        case address
    }

    public var pool: String
    public var address: IPAddress
    public var role: Role
    /// The container's name, where the engine sends it (from 29).
    public var name: String?
    /// The MAC address, where the engine sends it.
    public var mac: MACAddress?

    public init(pool: String, address: IPAddress, role: Role, name: String?, mac: MACAddress?) {
        self.pool = pool
        self.address = address
        self.role = role
        self.name = name
        self.mac = mac
    }
}
