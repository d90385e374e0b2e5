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

/// How the link of an endpoint gets into its sandbox.
public enum AttachMode: String, Codable, CaseIterable, Hashable, Sendable {
    /// It is made on the host, and the engine moves it and sets it up.
    case move
    /// It is made in the sandbox, complete, when the sandbox is joined. The engine knows nothing of it.
    case direct
}

/// One attachment of a sandbox to a network.
public struct EndpointRecord: Codable, Hashable, Sendable {
    public var id: EndpointID
    public var network: NetworkID
    public var phase: Phase
    /// The port: stays on the host, in the bridge.
    public var hostLink: InterfaceName
    /// The link that the engine moves into the sandbox, as it is called on the host.
    public var sandboxLink: InterfaceName
    public var mac: MACAddress
    public var ipv4: InterfaceAddress?
    public var ipv6: InterfaceAddress?
    /// Path of the sandbox's namespace while joined.
    public var sandboxKey: String?
    /// The only clients of its published ports; nil leaves it to the network.
    public var clients: [Prefix]?
    /// While it is its container's gateway to the outside and has ports to publish.
    public var publication: Publication?
    /// Nil in records of a version of plugind that knew one way only, which is `move`.
    public var attach: AttachMode?
    /// What the link shall be called in the sandbox; nil leaves it to the network's prefix. For `direct` alone.
    public var linkName: InterfaceName?
    /// What shall be set in the sandbox for the link. The engine does that where it moves the link.
    public var settings: [LinkSetting]?

    public init(
        id: EndpointID, network: NetworkID, phase: Phase, hostLink: InterfaceName, sandboxLink: InterfaceName,
        mac: MACAddress, ipv4: InterfaceAddress?, ipv6: InterfaceAddress?, sandboxKey: String?,
        clients: [Prefix]? = nil, publication: Publication? = nil, attach: AttachMode? = nil,
        linkName: InterfaceName? = nil, settings: [LinkSetting]? = nil
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
        self.clients = clients
        self.publication = publication
        self.attach = attach
        self.linkName = linkName
        self.settings = settings
    }
}

/// What the engine asked to publish of an endpoint, and what became of it.
public struct Publication: Codable, Hashable, Sendable {
    /// In ascending order.
    public var requests: [PortRequest]
    /// The host's IPv6 addresses do not lead to the endpoint's IPv4 address.
    public var isWithoutIPv6Proxy: Bool
    /// In ascending order.
    public var ports: [PublishedPort]

    public init(requests: [PortRequest], isWithoutIPv6Proxy: Bool, ports: [PublishedPort]) {
        self.requests = requests
        self.isWithoutIPv6Proxy = isWithoutIPv6Proxy
        self.ports = ports
    }
}

/// A container's port that is to be published.
public struct PortRequest: Codable, Hashable, Sendable {
    public var transport: TransportProtocol
    /// The container's.
    public var port: UInt16
    /// Nil for every address of the host.
    public var hostAddress: IPAddress?
    /// The host's port is to be one of these; nil leaves the choice to the kernel.
    public var hostPorts: ClosedRange<UInt16>?

    public init(
        transport: TransportProtocol, port: UInt16, hostAddress: IPAddress? = nil, hostPorts: ClosedRange<UInt16>?
    ) {
        self.transport = transport
        self.port = port
        self.hostAddress = hostAddress
        self.hostPorts = hostPorts
    }
}

extension PortRequest: Comparable {
    public static func < (lhs: PortRequest, rhs: PortRequest) -> Bool { lhs.order < rhs.order }

    private var order: (UInt8, UInt16, UInt16, UInt16, String) {
        (
            transport.rawValue, port, hostPorts?.lowerBound ?? 0, hostPorts?.upperBound ?? 0,
            hostAddress?.description ?? ""
        )
    }
}

/// A container's port that is published.
public struct PublishedPort: Codable, Hashable, Sendable {
    public var transport: TransportProtocol
    /// The container's.
    public var port: UInt16
    /// Where on the host; `0.0.0.0` and `::` stand for every address of a family. None if the port is published at the
    /// container's own address.
    public var hostAddresses: [IPAddress]
    /// The host's. Zero if there is none.
    public var hostPort: UInt16

    public init(transport: TransportProtocol, port: UInt16, hostAddresses: [IPAddress], hostPort: UInt16) {
        self.transport = transport
        self.port = port
        self.hostAddresses = hostAddresses
        self.hostPort = hostPort
    }
}

extension PublishedPort: Comparable {
    public static func < (lhs: PublishedPort, rhs: PublishedPort) -> Bool { lhs.order < rhs.order }

    private var order: (UInt8, String, UInt16, UInt16) {
        (transport.rawValue, hostAddresses.map(\.description).joined(separator: " "), hostPort, port)
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
    /// It was asked for by number.
    public var isFixed: Bool
    /// False if it is held by a MAC address alone, which has asked for it only once.
    public var isConfirmed: Bool
    /// Since when it is held, in milliseconds since 1970. Zero where a version of plugind stored it that did not note the
    /// time.
    public var since: Int64

    public init(
        pool: String, address: IPAddress, role: Role, name: String?, mac: MACAddress?, isFixed: Bool = false,
        isConfirmed: Bool = true, since: Int64 = 0
    ) {
        self.pool = pool
        self.address = address
        self.role = role
        self.name = name
        self.mac = mac
        self.isFixed = isFixed
        self.isConfirmed = isConfirmed
        self.since = since
    }
}
