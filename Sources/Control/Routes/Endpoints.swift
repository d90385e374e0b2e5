// SPDX-License-Identifier: Apache-2.0

public import Addressing
public import NetDriver
public import Store

/// The answer to `GET /v1/endpoints` and `GET /v1/networks/{id}/endpoints`.
public struct EndpointList: Codable, Hashable, Sendable {
    /// In the order of their ids.
    public var endpoints: [EndpointStatus]

    public init(endpoints: [EndpointStatus]) {
        self.endpoints = endpoints
    }
}

/// An endpoint, and how its link is.
public struct EndpointStatus: Codable, Hashable, Sendable {
    public var id: EndpointID
    public var network: NetworkID
    /// The container's name, where plugind is its IPAM and the engine sends names (29 and newer).
    public var container: String?
    /// `creating`, `ready` or `deleting`.
    public var state: String
    public var ipv4: InterfaceAddress?
    public var ipv6: InterfaceAddress?
    public var mac: MACAddress
    /// The port in the bridge.
    public var hostLink: InterfaceName
    public var bridge: InterfaceName?
    /// `up`, `down`, `detached` or `missing`.
    public var link: DriverView.LinkState?
    /// Path of the sandbox's namespace while a container has the endpoint.
    public var sandbox: String?
    /// Who puts the link there.
    public var attach: AttachMode

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, network, container, state, ipv4, ipv6, mac, hostLink, bridge, link, sandbox, attach
    }

    public init(_ endpoint: DriverView.Endpoint, network: NetworkRecord?, _ names: [InterfaceAddress: String]) {
        let record = endpoint.record
        id = record.id
        self.network = record.network
        container = record.ipv4.flatMap { names[$0] } ?? record.ipv6.flatMap { names[$0] }
        state = record.phase.rawValue
        ipv4 = record.ipv4
        ipv6 = record.ipv6
        mac = record.mac
        hostLink = record.hostLink
        bridge = network?.bridge
        link = endpoint.link
        sandbox = record.sandboxKey
        attach = record.attach ?? .move
    }
}

/// All about an endpoint: the answer to `GET /v1/endpoints/{id}`.
public struct EndpointDetail: Codable, Hashable, Sendable {
    public var endpoint: EndpointStatus
    public var network: NetworkStatus
    public var ports: [PortStatus]
}
