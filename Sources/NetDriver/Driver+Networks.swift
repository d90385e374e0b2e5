// SPDX-License-Identifier: Apache-2.0

public import Addressing
import Events
import FoundationEssentials
import HostNetwork
import Logging
public import Store

/// A network as the engine asks for it.
public struct NetworkRequest: Hashable, Sendable {
    public var id: NetworkID
    public var isInternal: Bool
    /// In the engine's order, IPv4 before IPv6. Without those that say nothing (the null IPAM's `0.0.0.0/0`).
    public var subnets: [NetworkRecord.Subnet]
    /// The user's `-o` options.
    public var options: [String: String]

    public init(
        id: NetworkID, isInternal: Bool = false, subnets: [NetworkRecord.Subnet] = [],
        options: [String: String] = [:]
    ) {
        self.id = id
        self.isInternal = isInternal
        self.subnets = subnets
        self.options = options
    }
}

extension Driver {
    /// Makes the bridge of a network. The same request again is success; a different one for a known id is refused.
    public func createNetwork(_ request: NetworkRequest) async throws {
        await networkTurns.enter(request.id)
        defer { networkTurns.leave(request.id) }

        if let known = networks[request.id] {
            guard request.isAnswered(by: known) else { throw DriverError.networkDiffers(request.id) }
            // A deletion that failed is not tried again: the engine wants it now.
            owed.remove(.network(request.id))
            return
        }
        var network = try plan(request)
        // From here on the name and the prefixes are taken: nothing is awaited between the check and this line.
        remember(network)
        do {
            try await store.commit([.putNetwork(network)])
            try await forward(for: network)
            // Before the bridge, which lets containers speak to loopback addresses unless the rules keep them off.
            try setRules(of: .network(network.id), edge(of: network).elements)
            let bridge = bridge(of: network)
            try await inBackground { [kernel] () throws(KernelError) in try kernel.addBridge(bridge) }
            network.phase = .ready
            try await store.commit([.putNetwork(network)])
        } catch {
            await undo(network)
            throw error
        }
        remember(network)
        events.emit(.networkCreated(network.id, bridge: network.bridge))
        reviewEngine()
        logger.info(
            "Created network",
            metadata: [
                "network.id": "\(network.id)", "link.name": "\(network.bridge)",
                "addresses": "\(network.subnets.compactMap { $0.gateway?.description }.joined(separator: " "))",
            ])
    }

    /// Deletes a network and its bridge. An unknown network is success; one with endpoints is refused.
    ///
    /// Endpoints that the engine has lost go with it: it deletes no network of which it knows an endpoint, and it never
    /// comes back to one that it has forgotten.
    public func deleteNetwork(_ id: NetworkID) async throws {
        await networkTurns.enter(id)
        defer { networkTurns.leave(id) }

        try await delete(id)
    }

    /// Deletes a network in whose turn the caller is. What fails is tried again later: the engine forgets the network
    /// whatever the answer.
    func delete(_ id: NetworkID) async throws {
        guard var network = networks[id] else { return }
        do {
            if network.phase == .ready {
                let inUse = try endpoints(of: id).filter { try !isAbandoned($0) }
                if !inUse.isEmpty { throw DriverError.networkInUse(id, endpoints: inUse.count) }
                // No endpoint is made from here on: nothing is awaited between the check and this line.
                network.phase = .deleting
                remember(network)
            }
            try await removeWithEndpoints(network)
        } catch let error as DriverError {
            throw error
        } catch {
            owe(.network(id))
            throw error
        }
        logger.info("Deleted network", metadata: ["network.id": "\(id)", "link.name": "\(network.bridge)"])
    }

    /// Takes a network off the host, the store and the model, and before it the endpoints that it still has.
    func removeWithEndpoints(_ network: NetworkRecord) async throws {
        try await store.commit([.putNetwork(network)])
        try await removeLost(of: network.id)
        try await remove(network)
    }

    private func removeLost(of network: NetworkID) async throws {
        for endpoint in endpoints(of: network) { try await removeLost(endpoint.id, with: network) }
    }

    /// Takes an endpoint that the engine has lost off along with its network. That is a decision of plugind's, so it is in
    /// the audit log, unless the engine had asked for the endpoint's deletion before.
    private func removeLost(_ id: EndpointID, with network: NetworkID) async throws {
        await endpointTurns.enter(id)
        defer { endpointTurns.leave(id) }

        guard var endpoint = endpoints[id], endpoint.network == network else { return }
        var changes: [Change] = []
        if endpoint.phase == .ready {
            let record = AuditRecord(
                time: Int64(Date.now.timeIntervalSince1970 * 1000), subject: "endpoint \(id)", decision: "freed",
                reason: "the engine deleted its network \(network)")
            changes.append(.audit(record))
        }
        let before = endpoint
        endpoint.phase = .deleting
        remember(endpoint)
        do {
            try await store.commit([.putEndpoint(endpoint)] + changes)
        } catch {
            // The network is owed, and the endpoint with it; what could not be written down is written then.
            remember(before)
            throw error
        }
        do {
            try await remove(endpoint)
        } catch {
            owe(.endpoint(id))
            throw error
        }
        logger.notice(
            "Deleted an endpoint that the engine has lost",
            metadata: ["network.id": "\(network)", "endpoint.id": "\(id)"])
    }

    private func endpoints(of network: NetworkID) -> [EndpointRecord] {
        (endpointsOfNetwork[network] ?? []).compactMap { endpoints[$0] }.sorted { $0.id < $1.id }
    }

    /// Takes a network off the host, the store and the model. What is stored must not say that it is ready.
    func remove(_ network: NetworkRecord) async throws {
        if let bridge = try await ownLink(of: network) { try await deleteBridge(bridge) }
        // The rows of its endpoints refer to its own. One whose deletion was answered and then failed is there again.
        try await settle(.network(network.id))
        while endpointsOfNetwork[network.id] != nil {
            try await removeLost(of: network.id)
            try await settle(.network(network.id))
        }
        try setRules(of: .network(network.id), [])
        try await store.commit([.deleteNetwork(network.id)])
        forget(network)
        // One that is undone was never there.
        if network.phase == .deleting { events.emit(.networkDeleted(network.id, bridge: network.bridge)) }
        if networks.isEmpty { reviewEngine() }
    }

    /// Undoes a creation that failed. What cannot be undone now is later.
    private func undo(_ network: NetworkRecord) async {
        do {
            try await remove(network)
        } catch {
            logger.error(
                "Could not undo a network", error: error,
                metadata: ["network.id": "\(network.id)", "link.name": "\(network.bridge)"])
            networks[network.id]?.phase = .deleting
            owe(.network(network.id))
        }
    }

    /// The bridge that the host has of a network. One without a tag is ours if it has the address that was stored with the
    /// intent to make it.
    private func ownLink(of network: NetworkRecord) async throws(KernelError) -> Link? {
        let bridge = bridge(of: network)
        return try await inBackground { [self] () throws(KernelError) in
            try ownLink(bridge.name, tagged: bridge.alias) { bridge.isUntagged($0) }
        }
    }

    /// Checks a request against the options, the other networks and the host, and says what will be made.
    private func plan(_ request: NetworkRequest) throws -> NetworkRecord {
        let hasIPv6 = request.subnets.contains { $0.prefix.family == .v6 }
        let options = try NetworkOptions(request.options, minimumMTU: hasIPv6 ? 1280 : 68)
        try options.edge.check(isInternal: request.isInternal, subnets: request.subnets.map(\.prefix))
        guard let bridge = options.bridge ?? LinkNames.bridge(of: request.id) else {
            throw DriverError.unknownNetwork(request.id)
        }
        for other in networks.values.sorted(by: { $0.id < $1.id }) {
            if other.bridge == bridge { throw DriverError.bridgeOfNetwork(bridge, other.id) }
            for subnet in request.subnets {
                if let taken = other.subnets.first(where: { $0.prefix.overlaps(subnet.prefix) }) {
                    throw DriverError.overlap(subnet.prefix, other: taken.prefix, other.id)
                }
            }
        }
        for (index, subnet) in request.subnets.enumerated() {
            if let other = request.subnets[..<index].first(where: { $0.prefix.overlaps(subnet.prefix) }) {
                throw DriverError.overlap(subnet.prefix, other: other.prefix, request.id)
            }
        }
        if let link = try kernel.link(named: bridge) {
            throw DriverError.nameTaken(bridge, kind: link.kind)
        }
        try refuseGatewaysOnLinks(request.subnets)
        return NetworkRecord(
            id: request.id, phase: .creating, bridge: bridge, bridgeMAC: makeMAC(), mtu: options.mtu,
            isInternal: request.isInternal, linkPrefix: options.linkPrefix, subnets: request.subnets,
            options: request.options)
    }

    /// A gateway that is an address of the host already would cut the host off from whatever uses it.
    private func refuseGatewaysOnLinks(_ subnets: [NetworkRecord.Subnet]) throws {
        let gateways = Set(subnets.compactMap { $0.gateway?.address })
        guard let taken = try kernel.addresses().first(where: { gateways.contains($0.address.address) }) else { return }
        let link = try kernel.links().first { $0.index == taken.link }
        throw DriverError.gatewayOnLink(taken.address.address, link: link?.name ?? "\(taken.link)")
    }

    /// The bridge that a network has on the host.
    func bridge(of network: NetworkRecord) -> BridgeSpec {
        let edge = edge(of: network)
        let addresses = network.subnets.compactMap(\.gateway).filter { edge.edge.hasBridgeAddress($0.address.family) }
        return BridgeSpec(
            name: network.bridge, mac: network.bridgeMAC, mtu: network.mtu, alias: LinkNames.alias(of: network.id),
            addresses: addresses,
            isIPv6Enabled: network.subnets.contains { $0.prefix.family == .v6 },
            isForwarding: !edge.forwardedFamilies.isEmpty,
            isReachedFromLoopback: !network.isInternal && edge.edge.gatewayModeIPv4.mapsPorts
                && addresses.contains { $0.address.family == .v4 })
    }
}

extension NetworkRequest {
    /// True if the network was made for a request like this one.
    fileprivate func isAnswered(by network: NetworkRecord) -> Bool {
        network.phase == .ready && network.isInternal == isInternal && network.subnets == subnets
            && network.options == options
    }
}
