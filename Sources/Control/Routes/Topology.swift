// SPDX-License-Identifier: Apache-2.0

public import Addressing
import HostNetwork
public import IPAM
public import NetDriver
import NIOHTTP1

/// How all hangs together, and what is wrong: the answer to `GET /v1/topology`.
public struct TopologyAnswer: Codable, Hashable, Sendable {
    /// Of the host as a whole: `IPv4 is not forwarded`.
    public var problems: [String]
    /// The host's links but those of endpoints and its loopback, in the kernel's order. Networks' bridges are among them.
    public var links: [HostLinkStatus]
    /// In the order of their ids.
    public var networks: [Marked<NetworkStatus>]
    /// Likewise.
    public var endpoints: [Marked<EndpointStatus>]
    /// In the order of `PortList`.
    public var ports: [Marked<PortStatus>]

    public init(
        problems: [String], links: [HostLinkStatus], networks: [Marked<NetworkStatus>],
        endpoints: [Marked<EndpointStatus>], ports: [Marked<PortStatus>]
    ) {
        self.problems = problems
        self.links = links
        self.networks = networks
        self.endpoints = endpoints
        self.ports = ports
    }
}

/// Something with what is wrong with it, in words. In JSON `problems` is one more of its fields.
public struct Marked<Status: Codable & Hashable & Sendable>: Codable, Hashable, Sendable {
    public var status: Status
    public var problems: [String]

    private enum CodingKeys: CodingKey {
        case problems
    }

    public init(_ status: Status, problems: [String]) {
        self.status = status
        self.problems = problems
    }

    public init(from decoder: any Decoder) throws {
        status = try Status(from: decoder)
        problems = try decoder.container(keyedBy: CodingKeys.self).decode([String].self, forKey: .problems)
    }

    public func encode(to encoder: any Encoder) throws {
        try status.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(problems, forKey: .problems)
    }
}

/// A link of the host.
public struct HostLinkStatus: Codable, Hashable, Sendable {
    public enum State: String, Codable, CaseIterable, Hashable, Sendable {
        case up
        case down
    }

    /// As the kernel has it; it may have bytes that `InterfaceName` refuses.
    public var name: String
    /// The driver, such as `bridge` or `wireguard`. Nil where the kernel names none, as for most network cards.
    public var kind: String?
    /// As somebody set it; `up` does not say that there is a cable.
    public var state: State
    public var mac: MACAddress?
    /// Bytes.
    public var mtu: UInt32
    /// The name of the link that it is a port of.
    public var master: String?
    public var addresses: [InterfaceAddress]
    /// The families whose default route goes out by it: `ipv4`, `ipv6`.
    public var defaultRoutes: [String]

    enum CodingKeys: String, CodingKey, CaseIterable {
        case name, kind, state, mac, mtu, master, addresses, defaultRoutes
    }
}

extension ControlRouter {
    /// How all hangs together.
    public mutating func onTopology(_ driver: Driver, _ ipam: IPAM) {
        on("GET", "/topology", query: ["network"]) { request in
            let network: NetworkID? = try request.query("network", as: "the id of a network")
            let answer = TopologyAnswer(
                try await driver.survey(), names: await ipam.heldNames(), conflicts: await ipam.conflicts)
            guard let network else { return answer }
            guard answer.networks.contains(where: { $0.status.id == network }) else {
                throw ControlError.notFound("network \(network) is not known to plugind")
            }
            return answer.only(network)
        }
    }
}

extension ControlClient {
    /// How all hangs together; with `network` of all networks only that one.
    public func topology(of network: NetworkID? = nil) async throws(ControlFailure) -> Answer<TopologyAnswer> {
        try await ask(.GET, "/topology" + (network.map { "?network=\($0.description.percentEncoded)" } ?? ""))
    }
}
