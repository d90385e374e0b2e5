// SPDX-License-Identifier: Apache-2.0

import Addressing
public import HostNetwork
import Store

extension Driver {
    /// What the driver has. With `looksAtLinks` the host is asked for all its links, once; without, nothing is asked of it.
    public func view(looksAtLinks: Bool) throws(KernelError) -> DriverView {
        view(links: looksAtLinks ? try kernel.links() : nil)
    }

    /// `links` are all of the host; nil if it was not looked at.
    func view(links: [Link]?) -> DriverView {
        let links = links.map { LinkStates($0) }
        var view = DriverView()
        view.networks = networks.values.sorted { $0.id < $1.id }.map { network in
            let edge = edgeOptions(of: network)
            let families = NetworkEdge(network: network, edge: edge).families
            return DriverView.Network(
                record: network, bridge: links?.state(of: network),
                endpointCount: endpointsOfNetwork[network.id]?.count ?? 0,
                modes: Dictionary(uniqueKeysWithValues: families.map { ($0, edge.mode($0).rawValue) }))
        }
        view.endpoints = endpoints.values.sorted { $0.id < $1.id }.map { endpoint in
            let network = networks[endpoint.network]
            return DriverView.Endpoint(
                record: endpoint, link: network.flatMap { links?.state(of: endpoint, in: $0) },
                reaches: network.map { reaches(of: endpoint, in: $0) } ?? [])
        }
        view.condition = condition
        return view
    }

    private var condition: DriverView.Condition {
        var condition = DriverView.Condition()
        condition.repairs = repairCounts
        // What has the same element counts it once: elements are values of a set in the packet filter.
        condition.ruleCount = rules.values.reduce(into: Set()) { $0.formUnion($1) }.count
        condition.owedDeletions = owed.count
        condition.owedRepairs = unmended.count
        condition.areRulesOwed = areRulesOwed
        condition.isReconciliationOwed = isReconciliationOwed
        condition.unheldPorts = unheld.values.reduce(0) { $0 + $1.count { !$0.hostAddresses.isEmpty } }
        return condition
    }

    private func reaches(of endpoint: EndpointRecord, in network: NetworkRecord) -> [Reach] {
        guard !network.isInternal, endpoint.phase == .ready else { return [] }
        let plan = plan(
            for: endpoint, in: network, isWithoutIPv6Proxy: endpoint.publication?.isWithoutIPv6Proxy ?? false)
        return plan.reaches(of: endpoint.publication?.ports ?? [], unheld: Set(unheld[endpoint.id] ?? []))
    }
}

extension PublishPlan {
    /// Who is reached where, in the order of the ports. `unheld` are those that another program has.
    func reaches(of ports: [PublishedPort], unheld: Set<PublishedPort> = []) -> [Reach] {
        var reaches: [Reach] = []
        for port in ports {
            for host in port.hostAddresses {
                guard let container = target(of: host) ?? address(.v4) ?? address(.v6) else { continue }
                reaches.append(
                    Reach(
                        way: way(from: host, port.transport), transport: port.transport, hostAddress: host,
                        hostPort: port.hostPort, address: container, port: port.port, clients: clients,
                        isHeld: !unheld.contains(port)))
            }
        }
        for family in [AddressFamily.v4, .v6] {
            guard let own = address(family) else { continue }
            // Trusted links lead to published ports alone, at the container's own address, whatever the mode.
            let isRouted = edge.mode(family) == .routed
            if isRouted || !edge.trustedLinks.isEmpty {
                reaches += Set(ports.map { Door(transport: $0.transport, port: $0.port) }).sorted().map {
                    Reach(
                        way: .routed, transport: $0.transport, address: own, port: $0.port, clients: clients,
                        links: isRouted ? [] : edge.trustedLinks)
                }
            }
            if edge.mode(family) == .natUnprotected { reaches.append(Reach(way: .open, address: own)) }
        }
        return reaches
    }

    private func way(from host: IPAddress, _ transport: TransportProtocol) -> Reach.Way {
        if isLed(host) { return .direct }
        return target(of: host) != nil && (transport == .tcp || transport == .udp) ? .forwarded : .none
    }
}

/// A port of a container.
private struct Door: Hashable, Comparable {
    let transport: TransportProtocol
    let port: UInt16

    static func < (lhs: Door, rhs: Door) -> Bool { (lhs.transport, lhs.port) < (rhs.transport, rhs.port) }
}

/// The links of the host, by what ours are known by.
private struct LinkStates {
    private let byName: [String: Link]
    private let byAlias: [String: Link]

    init(_ links: [Link]) {
        byName = Dictionary(links.map { ($0.name, $0) }) { $1 }
        byAlias = Dictionary(links.lazy.filter { !$0.alias.isEmpty }.map { ($0.alias, $0) }) { $1 }
    }

    /// A link that somebody renamed, or took the tag from, counts as there.
    private func link(_ name: InterfaceName, tagged alias: String) -> Link? {
        byAlias[alias] ?? byName[name.description].flatMap { $0.alias.isEmpty ? $0 : nil }
    }

    func state(of network: NetworkRecord) -> DriverView.LinkState {
        guard let link = link(network.bridge, tagged: LinkNames.alias(of: network.id)) else { return .missing }
        return link.isUp ? .up : .down
    }

    func state(of endpoint: EndpointRecord, in network: NetworkRecord) -> DriverView.LinkState {
        guard let link = link(endpoint.hostLink, tagged: LinkNames.alias(of: endpoint.id)) else { return .missing }
        guard let bridge = self.link(network.bridge, tagged: LinkNames.alias(of: network.id)),
            link.master == bridge.index
        else { return .detached }
        return link.isUp ? .up : .down
    }
}
