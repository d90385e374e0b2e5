// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Store

/// Where an endpoint's ports are to be published, before any of it is done: the same for the call that publishes, for the
/// packet filter's rules, and for a start that holds the ports again.
struct PublishPlan {
    let endpoint: EndpointRecord
    let edge: EdgeOptions
    let mode: PublishMode
    /// The host's IPv6 addresses do not lead to the endpoint's IPv4 address.
    let isWithoutIPv6Proxy: Bool

    var clients: [Prefix]? { endpoint.clients ?? edge.clients }

    func address(_ family: AddressFamily) -> IPAddress? {
        (family == .v4 ? endpoint.ipv4 : endpoint.ipv6)?.address
    }

    /// Which port of the host is to be taken, at which addresses; nil if the container is reached at its own address only.
    func hold(for request: PortRequest) throws(DriverError) -> PortHold? {
        var addresses: [IPAddress] = []
        for family in [AddressFamily.v4, .v6] {
            guard let host = hostAddress(for: request, family) else { continue }
            if target(of: host) != nil {
                addresses.append(host)
            } else if request.hostAddress != nil, !isReachedDirectly(family), !isServedByOther(family) {
                throw .unreachableHostAddress(host, endpoint.id)
            }
        }
        if addresses.isEmpty { return nil }
        return PortHold(
            transport: request.transport, addresses: addresses, ports: request.hostPorts,
            forwarding: forwarding(to: request.port, at: addresses))
    }

    /// The same for a port that was published before.
    func hold(for port: PublishedPort) -> PortHold {
        PortHold(
            transport: port.transport, addresses: port.hostAddresses, ports: port.hostPort...port.hostPort,
            forwarding: forwarding(to: port.port, at: port.hostAddresses))
    }

    /// The host's address of a family at which a port is asked for.
    private func hostAddress(for request: PortRequest, _ family: AddressFamily) -> IPAddress? {
        if let asked = request.hostAddress { return asked.family == family ? asked : nil }
        switch family {
        case .v4: return edge.bindingIPv4 ?? IPAddress(v4: 0)
        // Whoever binds to one IPv4 address does not want every IPv6 address.
        case .v6: return edge.bindingIPv4 == nil ? IPAddress(v6: 0) : nil
        }
    }

    /// The container's address to which a host's address leads.
    func target(of host: IPAddress) -> IPAddress? {
        if let own = address(host.family) { return edge.mode(host.family).mapsPorts ? own : nil }
        guard host.family == .v6, !isWithoutIPv6Proxy, edge.gatewayModeIPv4.mapsPorts else { return nil }
        return address(.v4)
    }

    private func isReachedDirectly(_ family: AddressFamily) -> Bool {
        address(family) != nil && edge.mode(family) == .routed
    }

    /// Another endpoint of the container has the host's addresses of that family.
    private func isServedByOther(_ family: AddressFamily) -> Bool {
        family == .v6 && isWithoutIPv6Proxy && address(.v6) == nil
    }

    /// What the packet filter cannot lead to the container is received by plugind and passed on.
    private func forwarding(to port: UInt16, at addresses: [IPAddress]) -> [IPAddress: PortTarget] {
        var forwarding: [IPAddress: PortTarget] = [:]
        for host in addresses where !isLed(host) || host.family == .v6 && (host.isUnspecified || host.isLoopback) {
            guard let target = target(of: host) else { continue }
            forwarding[host] = PortTarget(address: target, port: port, clients: clients)
        }
        return forwarding
    }

    /// Whether the packet filter leads a host's address to the container.
    func isLed(_ host: IPAddress) -> Bool {
        mode == .direct && target(of: host)?.family == host.family && !(host.family == .v6 && host.isLoopback)
    }

    // MARK: Rules

    /// The packet filter's elements for ports that are published.
    func elements(for ports: [PublishedPort]) -> Set<RulesetElement> {
        if ports.isEmpty { return [] }
        var elements: Set<RulesetElement> = []
        for run in runs(of: ports) {
            for host in run.hostAddresses where isLed(host) {
                guard let target = target(of: host) else { continue }
                if run.count > 1 {
                    elements.insert(.range(run.transport, host: host, run.hostPorts, container: target))
                } else {
                    elements.insert(
                        .port(
                            run.transport, host: host, run.hostPorts.lowerBound, container: target,
                            run.ports.lowerBound))
                }
            }
        }
        // By themselves: ports that are neighbours in the container need not be at the host, and ranges must not overlap.
        for family in [AddressFamily.v4, .v6] where edge.mode(family) == .routed || !edge.trustedLinks.isEmpty {
            guard let own = address(family) else { continue }
            for (transport, ports) in Dictionary(grouping: ports, by: \.transport) {
                elements.formUnion(ports.map(\.port).ranges.map { .open(transport, own, $0) })
            }
        }
        if let clients {
            for own in [address(.v4), address(.v6)].compactMap(\.self) {
                elements.formUnion(RulesetElement.clients(clients, of: own))
            }
        }
        return elements
    }

    private struct Run {
        var transport: TransportProtocol
        var hostAddresses: [IPAddress]
        var ports: ClosedRange<UInt16>
        var hostPorts: ClosedRange<UInt16>
        var count: Int { ports.count }
    }

    /// Neighbouring ports of the same numbers on host and container are one element of the packet filter. It has none that
    /// leads a range to another range.
    private func runs(of ports: [PublishedPort]) -> [Run] {
        var runs: [Run] = []
        for port in ports.sorted() where !port.hostAddresses.isEmpty {
            if let last = runs.last, last.transport == port.transport, last.hostAddresses == port.hostAddresses,
                last.ports == last.hostPorts, last.ports.upperBound < .max, port.port == last.ports.upperBound + 1,
                port.hostPort == port.port
            {
                runs[runs.count - 1].ports = last.ports.lowerBound...port.port
                runs[runs.count - 1].hostPorts = runs[runs.count - 1].ports
            } else {
                runs.append(
                    Run(
                        transport: port.transport, hostAddresses: port.hostAddresses, ports: port.port...port.port,
                        hostPorts: port.hostPort...port.hostPort))
            }
        }
        return runs
    }
}

extension [UInt16] {
    /// The fewest ranges with these numbers and no other.
    var ranges: [ClosedRange<UInt16>] {
        sorted().reduce(into: []) { ranges, number in
            if let last = ranges.last, last.upperBound == .max || number <= last.upperBound + 1 {
                ranges[ranges.count - 1] = last.lowerBound...number
            } else {
                ranges.append(number...number)
            }
        }
    }
}
