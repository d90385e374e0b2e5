// SPDX-License-Identifier: Apache-2.0

public import Addressing
public import Store

/// What the driver has, for people to look at: a copy, as of one moment.
public struct DriverView: Hashable, Sendable {
    /// In ascending order of their ids, whatever their phase.
    public var networks: [Network] = []
    /// Likewise.
    public var endpoints: [Endpoint] = []
    public var condition = Condition()

    public init() {}

    /// How a link of ours is.
    public enum LinkState: String, Codable, CaseIterable, Hashable, Sendable {
        case up
        case down
        /// It is in no bridge, or in another one.
        case detached
        case missing
    }

    public struct Network: Hashable, Sendable {
        public var record: NetworkRecord
        /// Nil if the host was not looked at.
        public var bridge: LinkState?
        public var endpointCount: Int
        /// How the network's containers are reached, for each of its families: `nat`, `nat-unprotected`, `routed` or
        /// `isolated`.
        public var modes: [AddressFamily: String]

        public init(record: NetworkRecord, bridge: LinkState?, endpointCount: Int, modes: [AddressFamily: String]) {
            self.record = record
            self.bridge = bridge
            self.endpointCount = endpointCount
            self.modes = modes
        }
    }

    public struct Endpoint: Hashable, Sendable {
        public var record: EndpointRecord
        /// Nil if the host was not looked at.
        public var link: LinkState?
        /// Where the container is reached from outside of its network.
        public var reaches: [Reach]

        public init(record: EndpointRecord, link: LinkState?, reaches: [Reach]) {
            self.record = record
            self.link = link
            self.reaches = reaches
        }
    }

    /// How the driver is.
    public struct Condition: Hashable, Sendable {
        /// How often which kind of thing was put back since the daemon started.
        public var repairs: [String: Int] = [:]
        /// Elements of the packet filter.
        public var ruleCount = 0
        /// Networks and endpoints that should be gone and could not be removed yet.
        public var owedDeletions = 0
        /// Those that could not be put back yet.
        public var owedRepairs = 0
        /// The packet filter, or the host's forwarding, is not yet as it should be.
        public var areRulesOwed = false
        /// The host could not be compared with the state yet.
        public var isReconciliationOwed = false
        /// Published ports that no socket of the daemon holds, since another program has them.
        public var unheldPorts = 0

        public init() {}
    }
}

/// A way to a container from outside of its network.
public struct Reach: Hashable, Sendable {
    public enum Way: String, Codable, CaseIterable, Hashable, Sendable {
        /// The packet filter leads the host's port to the container.
        case direct
        /// The daemon receives what comes to the host's port, and passes it on.
        case forwarded
        /// The container is reached at its own address.
        case routed
        /// Likewise, at every port.
        case open
        /// The host's port is held, and leads nowhere: SCTP is not forwarded.
        case none
    }

    public var way: Way
    /// Nil for every one.
    public var transport: TransportProtocol?
    /// The host's; `0.0.0.0` and `::` stand for every address of a family. Nil where the container's own is meant.
    public var hostAddress: IPAddress?
    public var hostPort: UInt16?
    /// The container's.
    public var address: IPAddress
    /// The container's. Nil for every one.
    public var port: UInt16?
    /// The only clients, besides the host itself; nil is everybody.
    public var clients: [Prefix]?
    /// The only links of the host that it goes by; empty is any.
    public var links: [InterfaceName]
    /// False if another program has the host's port: what comes to it is led to the container all the same, but not
    /// forwarded.
    public var isHeld: Bool

    public init(
        way: Way, transport: TransportProtocol? = nil, hostAddress: IPAddress? = nil, hostPort: UInt16? = nil,
        address: IPAddress, port: UInt16? = nil, clients: [Prefix]? = nil, links: [InterfaceName] = [],
        isHeld: Bool = true
    ) {
        self.way = way
        self.transport = transport
        self.hostAddress = hostAddress
        self.hostPort = hostPort
        self.address = address
        self.port = port
        self.clients = clients
        self.links = links
        self.isHeld = isHeld
    }
}
