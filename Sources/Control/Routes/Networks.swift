// SPDX-License-Identifier: Apache-2.0

public import Addressing
public import IPAM
public import NetDriver
import Store

/// The answer to `GET /v1/networks`.
public struct NetworkList: Codable, Hashable, Sendable {
    /// In the order of their ids.
    public var networks: [NetworkStatus]

    public init(networks: [NetworkStatus]) {
        self.networks = networks
    }
}

/// A network and how its bridge is.
public struct NetworkStatus: Codable, Hashable, Sendable {
    public struct Subnet: Codable, Hashable, Sendable {
        public var subnet: Prefix
        public var gateway: IPAddress?
        /// `nat`, `nat-unprotected`, `routed` or `isolated`.
        public var mode: String
    }

    public var id: NetworkID
    /// `creating`, `ready` or `deleting`.
    public var state: String
    public var bridge: InterfaceName
    /// `up`, `down` or `missing`.
    public var link: DriverView.LinkState?
    /// Bytes.
    public var mtu: UInt32
    /// It has no way out.
    public var isInternal: Bool
    public var subnets: [Subnet]
    /// How many endpoints it has.
    public var endpoints: Int

    enum CodingKeys: String, CodingKey, CaseIterable {
        case id, state, bridge, link, mtu, subnets, endpoints
        case isInternal = "internal"
    }

    public init(_ network: DriverView.Network) {
        id = network.record.id
        state = network.record.phase.rawValue
        bridge = network.record.bridge
        link = network.bridge
        mtu = network.record.mtu
        isInternal = network.record.isInternal
        subnets = network.record.subnets.map {
            Subnet(
                subnet: $0.prefix, gateway: $0.gateway?.address, mode: network.modes[$0.prefix.family] ?? "nat")
        }
        endpoints = network.endpointCount
    }
}

/// All about a network: the answer to `GET /v1/networks/{id}`.
public struct NetworkDetail: Codable, Hashable, Sendable {
    public var network: NetworkStatus
    public var bridgeMAC: MACAddress
    /// The user's, as they came.
    public var options: [String: String]
    public var endpoints: [EndpointStatus]
}

extension ControlRouter {
    /// What can be asked about networks, endpoints and published ports.
    public mutating func onNetworks(_ driver: Driver, _ ipam: IPAM) {
        on("GET", "/networks") { _ in
            NetworkList(networks: try await driver.view(looksAtLinks: true).networks.map(NetworkStatus.init))
        }
        on("GET", "/networks/{id}") { request in
            let (network, view) = try await Self.network(of: request, driver)
            return NetworkDetail(
                network: NetworkStatus(network), bridgeMAC: network.record.bridgeMAC, options: network.record.options,
                endpoints: await view.statuses(in: network, ipam))
        }
        on("GET", "/networks/{id}/endpoints") { request in
            let (network, view) = try await Self.network(of: request, driver)
            return EndpointList(endpoints: await view.statuses(in: network, ipam))
        }
        on("GET", "/endpoints") { _ in
            EndpointList(endpoints: await try driver.view(looksAtLinks: true).statuses(ipam))
        }
        on("GET", "/endpoints/{id}") { request in
            let id: EndpointID = try request.parameter("id", as: "the id of an endpoint")
            let view = try await driver.view(looksAtLinks: true)
            guard let endpoint = view.endpoints.first(where: { $0.record.id == id }),
                let network = view.networks.first(where: { $0.record.id == endpoint.record.network })
            else { throw ControlError.notFound("endpoint \(id) is not known to plugind") }
            let names = await ipam.heldNames()
            let status = EndpointStatus(endpoint, network: network.record, names)
            return EndpointDetail(
                endpoint: status, network: NetworkStatus(network),
                ports: endpoint.reaches.map { PortStatus($0, of: status) })
        }
        on("GET", "/ports") { _ in
            let view = try await driver.view(looksAtLinks: false)
            let names = await ipam.heldNames()
            let ports = zip(view.endpoints, view.statuses(names)).flatMap { endpoint, status in
                endpoint.reaches.map { PortStatus($0, of: status) }
            }
            return PortList(ports: ports.sorted())
        }
    }

    private static func network(
        of request: ControlRequest, _ driver: Driver
    ) async throws -> (DriverView.Network, DriverView) {
        let id: NetworkID = try request.parameter("id", as: "the id of a network")
        let view = try await driver.view(looksAtLinks: true)
        guard let network = view.networks.first(where: { $0.record.id == id }) else {
            throw ControlError.notFound("network \(id) is not known to plugind")
        }
        return (network, view)
    }
}

extension DriverView {
    /// What is said of each endpoint.
    fileprivate func statuses(_ names: [InterfaceAddress: String]) -> [EndpointStatus] {
        let records = Dictionary(uniqueKeysWithValues: networks.map { ($0.record.id, $0.record) })
        return endpoints.map { EndpointStatus($0, network: records[$0.record.network], names) }
    }

    fileprivate func statuses(_ ipam: IPAM) async -> [EndpointStatus] {
        statuses(await ipam.heldNames())
    }

    fileprivate func statuses(in network: Network, _ ipam: IPAM) async -> [EndpointStatus] {
        let names = await ipam.heldNames()
        return endpoints.filter { $0.record.network == network.record.id }
            .map { EndpointStatus($0, network: network.record, names) }
    }
}
