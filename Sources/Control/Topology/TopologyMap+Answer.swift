// SPDX-License-Identifier: Apache-2.0

import Addressing
import NetDriver

extension TopologyMap {
    /// How many of a kind are shown where not all are. What has problems is shown besides.
    static let limit = 20

    public init(_ answer: TopologyAnswer, names: EngineNames, showsAll: Bool) {
        let limit = showsAll ? Int.max : Self.limit
        problems = answer.problems.map(\.printable)
        setNetworks(of: answer, names, limit: limit)
        setLinks(of: answer, limit: limit)
        let marked =
            answer.networks.count { !$0.problems.isEmpty } + answer.endpoints.count { !$0.problems.isEmpty }
            + answer.ports.count { !$0.problems.isEmpty }
        problemCount = problems.count + marked
        // A container has an endpoint in each of its networks.
        let containers = Set(answer.endpoints.map { names.container(of: $0.status) ?? $0.status.id.description })
        counts = [
            Self.words(answer.networks.count, "network"), Self.words(containers.count, "container"),
            Self.words(answer.ports.count, "published port"), Self.words(problemCount, "problem"),
        ]
    }

    static func words(_ count: Int, _ what: String) -> String { "\(count) \(what)\(count == 1 ? "" : "s")" }

    private mutating func setNetworks(of answer: TopologyAnswer, _ names: EngineNames, limit: Int) {
        let ports = Dictionary(grouping: answer.ports, by: \.status.endpoint)
        let endpoints = Dictionary(grouping: answer.endpoints, by: \.status.network)
        let guests = Dictionary(grouping: answer.links.filter { $0.master != nil }) { $0.master ?? "" }
        let homes = Self.homes(answer, names)
        let all = answer.networks.map { network in
            let status = network.status
            let containers = endpoints[status.id, default: []].map { endpoint in
                Container(endpoint, ports[endpoint.status.id, default: []], names, homes)
            }.sorted { ($0.name, $0.id) < ($1.name, $1.id) }
            let shown = Self.shortened(containers, limit) { $0.hasProblems }
            return Network(
                id: status.id.description, name: names.name(of: status.id).printable,
                bridge: status.bridge.description, state: status.state == "ready" ? status.linkWords : status.state,
                mode: status.modeWords,
                isOpen: !status.isInternal && status.subnets.contains { $0.mode != "isolated" }, mtu: status.mtu,
                addresses: status.subnets.map { subnet in
                    subnet.gateway.map { "\($0)/\(subnet.subnet.length)" } ?? "\(subnet.subnet), no gateway"
                },
                problems: network.problems.map(\.printable),
                guests: guests[status.bridge.description, default: []].map { Link($0, ports: []) },
                containers: shown, hiddenContainers: containers.count - shown.count)
        }.sorted { ($0.name, $0.id) < ($1.name, $1.id) }
        networks = Self.shortened(all, limit) { network in
            !network.isSound || network.containers.contains { $0.hasProblems }
        }
        hiddenNetworks = all.count - networks.count
    }

    private mutating func setLinks(of answer: TopologyAnswer, limit: Int) {
        let bridges = Set(answer.networks.map(\.status.bridge.description))
        let ports = Dictionary(grouping: answer.links.filter { $0.master != nil }) { $0.master ?? "" }
        let all = answer.links
            .filter { ($0.master == nil || !$0.defaultRoutes.isEmpty) && !bridges.contains($0.name) }
            .map { link in Link(link, ports: ports[link.name, default: []].map(\.name.printable)) }
        uplinks = all.filter { !$0.defaultRoutes.isEmpty }
        let others = all.filter { $0.defaultRoutes.isEmpty }.sorted { $0.isIdle != $1.isIdle && !$0.isIdle }
        links = Array(others.prefix(limit == .max ? limit : min(limit, others.count { !$0.isIdle })))
        hiddenLinks = others.count - links.count
    }

    /// The names of the networks that each named container is in, of those that are in several.
    private static func homes(_ answer: TopologyAnswer, _ names: EngineNames) -> [String: [(NetworkID, String)]] {
        var homes: [String: [(NetworkID, String)]] = [:]
        for endpoint in answer.endpoints {
            guard let name = names.container(of: endpoint.status) else { continue }
            let network = endpoint.status.network
            homes[name, default: []].append((network, names.name(of: network).printable))
        }
        return homes.filter { $0.value.count > 1 }
    }

    /// The first ones, and all that `isMarked`.
    private static func shortened<Element>(
        _ all: [Element], _ limit: Int, _ isMarked: (Element) -> Bool
    ) -> [Element] {
        // That one more is hidden takes as much room as that one.
        guard all.count - 1 > limit else { return all }
        var rest = limit
        return all.filter { element in
            if isMarked(element) { return true }
            rest -= 1
            return rest >= 0
        }
    }
}

extension TopologyMap.Link {
    fileprivate init(_ status: HostLinkStatus, ports: [String]) {
        self.init(
            name: status.name.printable, isUp: status.state == .up, kind: status.kind,
            addresses: status.addresses.filter { !$0.address.isLinkLocal }.map(\.description), mtu: status.mtu,
            defaultRoutes: status.defaultRoutes.map { $0 == "ipv6" ? "IPv6" : "IPv4" }, ports: ports)
    }

    /// Nothing goes by it: the kernel makes such links for itself (`sit0`), and cards have no cable.
    fileprivate var isIdle: Bool { !isUp && addresses.isEmpty && ports.isEmpty }
}

extension IPAddress {
    /// Every link has one, and nobody is reached by it from elsewhere (RFC 4291 section 2.5.6).
    fileprivate var isLinkLocal: Bool { family == .v6 && bits >> 118 == 0xfe80 >> 6 }
}

extension TopologyMap.Container {
    fileprivate init(
        _ endpoint: Marked<EndpointStatus>, _ ports: [Marked<PortStatus>], _ names: EngineNames,
        _ homes: [String: [(NetworkID, String)]]
    ) {
        let status = endpoint.status
        let name = names.container(of: status)
        self.init(
            id: status.id.description, name: name?.printable ?? status.id.short,
            addresses: [status.ipv4, status.ipv6].compactMap { $0?.address.description }, mac: "\(status.mac)",
            link: "\(status.hostLink)",
            state: status.state == "ready" ? status.link?.rawValue ?? "unknown" : status.state,
            otherNetworks: name.flatMap { homes[$0] }?.filter { $0.0 != status.network }.map(\.1) ?? [],
            ports: ports.map { port in
                TopologyMap.Port(
                    at: port.status.at, to: port.status.hostAddress == nil ? nil : port.status.to,
                    transport: port.status.transport, how: port.status.how, limits: port.status.limits,
                    problems: port.problems.map(\.printable))
            },
            problems: endpoint.problems.map(\.printable))
    }
}

extension NetworkStatus {
    fileprivate var linkWords: String { link?.rawValue ?? "unknown" }
}
