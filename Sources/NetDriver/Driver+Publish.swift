// SPDX-License-Identifier: Apache-2.0

public import Addressing
import Events
import HostNetwork
import Logging
public import Store

// Published ports: held by sockets, led by the packet filter's rules, stored in the endpoint's record.
extension Driver {
    /// Publishes an endpoint's ports, in place of those that it had. May be called again.
    public func publish(
        _ requests: [PortRequest], of id: EndpointID, in networkID: NetworkID, isWithoutIPv6Proxy: Bool
    ) async throws {
        await endpointTurns.enter(id)
        defer { endpointTurns.leave(id) }

        guard let network = networks[networkID] else { throw DriverError.unknownNetwork(networkID) }
        guard var endpoint = endpoints[id], endpoint.phase == .ready, endpoint.network == networkID else {
            throw DriverError.unknownEndpoint(id)
        }
        let requests = network.isInternal ? [] : requests.sorted()
        let known = endpoint.publication
        if let known, known.requests == requests, known.isWithoutIPv6Proxy == isWithoutIPv6Proxy {
            try setRules(of: endpoint)
            return
        }
        if let known, requests.isEmpty || known.isWithoutIPv6Proxy != isWithoutIPv6Proxy {
            endpoint.publication = nil
            try await store.commit([.putEndpoint(endpoint)])
            remember(endpoint)
            await withdraw(known, of: endpoint)
        }
        if requests.isEmpty { return }

        let plan = plan(for: endpoint, in: network, isWithoutIPv6Proxy: isWithoutIPv6Proxy)
        // What is asked for as before stays as it is, also if the rest is refused.
        let before = endpoint.publication?.ports ?? []
        let (kept, rest) = Self.kept(of: before, for: requests, plan)
        let taken = try await take(rest, plan)
        let ports = (kept + taken).sorted()
        let publication = Publication(requests: requests, isWithoutIPv6Proxy: isWithoutIPv6Proxy, ports: ports)
        let old = endpoint
        endpoint.publication = publication
        // Whoever wants one of these ports finds out who has it, from here on.
        remember(endpoint)
        do {
            // Stored last, so that a failure leaves nothing stored. Rules that were made and not stored are gone after the
            // next start, which makes all of them anew.
            try setRules(of: endpoint)
            try await store.commit([.putEndpoint(endpoint)])
        } catch {
            remember(old)
            await withdraw(taken, of: old)
            throw error
        }
        let others = Set(unheld[id] ?? [])
        let dropped = Set(before).subtracting(kept)
        release(Array(dropped.subtracting(others)))
        unheld[id] = others.isDisjoint(with: kept) ? nil : kept.filter { others.contains($0) }
        if unheld[id] == nil { robbed.remove(id) }
        await forgetFlows(to: taken + dropped)
        let words = Self.words(for: ports)
        events.emit(.portPublished(id, network: networkID, ports: words))
        logger.info(
            "Published ports",
            metadata: ["network.id": "\(networkID)", "endpoint.id": "\(id)", "ports": "\(words)"])
    }

    /// Takes back what was published. An endpoint that the network does not have is success.
    public func unpublish(_ id: EndpointID, of networkID: NetworkID) async throws {
        await endpointTurns.enter(id)
        defer { endpointTurns.leave(id) }

        guard var endpoint = endpoints[id], endpoint.network == networkID, let publication = endpoint.publication else {
            return
        }
        endpoint.publication = nil
        try await store.commit([.putEndpoint(endpoint)])
        remember(endpoint)
        await withdraw(publication, of: endpoint)
    }

    /// The published ports that answer requests, and the requests that none answers. Those that have the least choice come
    /// first, lest a port that only one of them can have goes to another one.
    private static func kept(
        of ports: [PublishedPort], for requests: [PortRequest], _ plan: PublishPlan
    ) -> (kept: [PublishedPort], rest: [PortRequest]) {
        var left = ports
        var kept: [PublishedPort] = []
        let rest = requests.sorted { $0.choice < $1.choice }.filter { request in
            guard let index = left.firstIndex(where: { $0.answers(request, at: plan.edge.bindingIPv4) }) else {
                return true
            }
            kept.append(left.remove(at: index))
            return false
        }
        return (kept, rest)
    }

    /// Takes a publication off the packet filter, the host's ports and its flows; the endpoint's record is without it
    /// already. What cannot be done now is done later.
    func withdraw(_ publication: Publication, of endpoint: EndpointRecord) async {
        let others = unheld.removeValue(forKey: endpoint.id) ?? []
        robbed.remove(endpoint.id)
        await withdraw(publication.ports.filter { !others.contains($0) }, of: endpoint)
        events.emit(
            .portWithdrawn(endpoint.id, network: endpoint.network, ports: Self.words(for: publication.ports)))
    }

    private func withdraw(_ held: [PublishedPort], of endpoint: EndpointRecord) async {
        do {
            try setRules(of: endpoint)
            release(held)
        } catch {
            // As long as the rules lead the ports away nobody else may have them.
            logger.error(
                "Cannot take back published ports, trying again later", error: error,
                metadata: ["endpoint.id": "\(endpoint.id)"])
            lingering += held
            areRulesOwed = true
            remindOfUpkeep()
        }
        await forgetFlows(to: held)
    }

    /// Lets go of the ports of rules that are gone at last.
    func releaseLingering() {
        release(lingering)
        lingering = []
    }

    func release(_ ports: [PublishedPort]) {
        for port in ports where !port.hostAddresses.isEmpty {
            hostPorts.release(port.hostPort, port.transport, at: port.hostAddresses)
        }
    }

    /// `0.0.0.0:8080→80/tcp [::]:8080→80/tcp`, a dozen at most.
    static func words(for ports: [PublishedPort]) -> String {
        let words = ports.prefix(12).flatMap { port -> [String] in
            if port.hostAddresses.isEmpty { return ["\(port.port)/\(port.transport)"] }
            return port.hostAddresses.map { address in
                let host = address.family == .v6 ? "[\(address)]" : "\(address)"
                return "\(host):\(port.hostPort)→\(port.port)/\(port.transport)"
            }
        }
        return words.joined(separator: " ") + (ports.count > 12 ? " and \(ports.count - 12) more" : "")
    }
}

extension PublishedPort {
    /// Whether this may be what became of a request; one without an address is for `binding`, if there is one.
    fileprivate func answers(_ request: PortRequest, at binding: IPAddress?) -> Bool {
        guard transport == request.transport, port == request.port else { return false }
        if hostAddresses.isEmpty { return true }
        let isThere =
            (request.hostAddress ?? binding).map { hostAddresses == [$0] } ?? hostAddresses.allSatisfy(\.isUnspecified)
        return isThere && request.hostPorts?.contains(hostPort) ?? true
    }
}

extension PortRequest {
    /// Less for one that must have a port before others choose: by the last number that it may have, then by how many.
    fileprivate var choice: (Int, Int) {
        hostPorts.map { (Int($0.upperBound), $0.count) } ?? (Int(UInt16.max), .max)
    }
}
