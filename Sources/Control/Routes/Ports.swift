// SPDX-License-Identifier: Apache-2.0

public import Addressing
public import NetDriver

/// The answer to `GET /v1/ports`.
public struct PortList: Codable, Hashable, Sendable {
    /// In the order of the host's ports; those without come last.
    public var ports: [PortStatus]

    public init(ports: [PortStatus]) {
        self.ports = ports
    }
}

/// A way to a container from outside of its network.
public struct PortStatus: Codable, Hashable, Sendable {
    /// `direct`: the packet filter leads the host's port to the container. `forwarded`: plugind receives and passes on.
    /// `routed`: the container is reached at its own address. `open`: likewise, at every port. `none`: the host's port is
    /// held and leads nowhere.
    public var how: Reach.Way
    /// `tcp`, `udp` or `sctp`. Nil for every one.
    public var transport: String?
    /// `0.0.0.0` and `::` stand for every address of a family. Nil where the container's own is meant.
    public var hostAddress: IPAddress?
    public var hostPort: UInt16?
    public var containerAddress: IPAddress
    /// Nil for every one.
    public var containerPort: UInt16?
    /// The only clients, besides the host itself; nil is everybody.
    public var clients: [Prefix]?
    /// The only links of the host by which it goes; nil is any.
    public var links: [InterfaceName]?
    /// False if another program has the host's port.
    public var isHeld: Bool
    public var endpoint: EndpointID
    public var network: NetworkID
    public var container: String?

    enum CodingKeys: String, CodingKey, CaseIterable {
        case how, hostAddress, hostPort, containerAddress, containerPort, clients, links, endpoint, network, container
        case transport = "protocol"
        case isHeld = "held"
    }

    public init(_ reach: Reach, of endpoint: EndpointStatus) {
        how = reach.way
        transport = reach.transport?.description
        hostAddress = reach.hostAddress
        hostPort = reach.hostPort
        containerAddress = reach.address
        containerPort = reach.port
        clients = reach.clients
        links = reach.links.isEmpty ? nil : reach.links
        isHeld = reach.isHeld
        self.endpoint = endpoint.id
        network = endpoint.network
        container = endpoint.container
    }
}

extension PortStatus: Comparable {
    public static func < (lhs: PortStatus, rhs: PortStatus) -> Bool { lhs.order < rhs.order }

    /// Anything below the host's numbers is without one.
    private var order: (Int, IPAddress, String, IPAddress, Int) {
        (
            hostPort.map(Int.init) ?? .max, hostAddress ?? containerAddress, transport ?? "", containerAddress,
            containerPort.map(Int.init) ?? .max
        )
    }
}
