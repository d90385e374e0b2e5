// SPDX-License-Identifier: Apache-2.0

public import Addressing
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
            return
        }
        var network = try plan(request)
        // From here on the name and the prefixes are taken: nothing is awaited between the check and this line.
        networks[network.id] = network
        do {
            try await store.commit([.putNetwork(network)])
            try kernel.addBridge(bridge(of: network))
            network.phase = .ready
            try await store.commit([.putNetwork(network)])
        } catch {
            await undo(network)
            throw error
        }
        networks[network.id] = network
        acceptInside(network.bridge)
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

        guard var network = networks[id] else { return }
        let left = endpoints(of: id)
        let inUse = try left.filter { try !isAbandoned($0) }
        if !inUse.isEmpty { throw DriverError.networkInUse(id, endpoints: inUse.count) }
        // No endpoint is made from here on: nothing is awaited between the check and this line.
        network.phase = .deleting
        networks[id] = network
        for endpoint in left {
            try await deleteEndpoint(endpoint.id, of: id)
            logger.notice(
                "Deleted an endpoint that the engine has lost",
                metadata: ["network.id": "\(id)", "endpoint.id": "\(endpoint.id)"])
        }
        // The engine forgets the network whatever the answer, so a store that refuses does not keep the bridge.
        let intent = await result(of: [.putNetwork(network)])
        try await remove(network)
        try intent.get()
        logger.info("Deleted network", metadata: ["network.id": "\(id)", "link.name": "\(network.bridge)"])
    }

    private func endpoints(of network: NetworkID) -> [EndpointRecord] {
        (endpointsOfNetwork[network] ?? []).compactMap { endpoints[$0] }.sorted { $0.id < $1.id }
    }

    /// Takes a network off the host, the store and the model. Goes on after a failure and reports the first.
    func remove(_ network: NetworkRecord) async throws {
        do {
            try firewall.forgetInside(network.bridge)
        } catch {
            logger.warning("Left a rule behind", error: error, metadata: ["link.name": "\(network.bridge)"])
        }
        if try isOurs(network) { try await deleteLink(network.bridge) }
        try await store.commit([.deleteNetwork(network.id)])
        networks[network.id] = nil
    }

    /// Undoes a creation that failed. What cannot be undone now is, at the next DeleteNetwork or start.
    private func undo(_ network: NetworkRecord) async {
        do {
            try await remove(network)
        } catch {
            logger.error(
                "Could not undo a network", error: error,
                metadata: ["network.id": "\(network.id)", "link.name": "\(network.bridge)"])
            networks[network.id]?.phase = .deleting
        }
    }

    /// A bridge gets its tag just after it was made. One without a tag is ours if it has the address that was stored
    /// with the intent to make it.
    private func isOurs(_ network: NetworkRecord) throws(KernelError) -> Bool {
        guard let link = try kernel.link(named: network.bridge) else { return false }
        return link.alias == LinkNames.alias(of: network.id)
            || link.alias.isEmpty && link.kind == "bridge" && link.mac == network.bridgeMAC
    }

    /// Checks a request against the options, the other networks and the host, and says what will be made.
    private func plan(_ request: NetworkRequest) throws -> NetworkRecord {
        let hasIPv6 = request.subnets.contains { $0.prefix.family == .v6 }
        let options = try NetworkOptions(request.options, minimumMTU: hasIPv6 ? 1280 : 68)
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
            throw DriverError.bridgeTaken(bridge, kind: link.kind)
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
        BridgeSpec(
            name: network.bridge, mac: network.bridgeMAC, mtu: network.mtu, alias: LinkNames.alias(of: network.id),
            addresses: network.subnets.compactMap(\.gateway),
            isIPv6Enabled: network.subnets.contains { $0.prefix.family == .v6 },
            isForwarding: !network.isInternal && network.subnets.contains { $0.gateway != nil })
    }
}

extension NetworkRequest {
    /// True if the network was made for a request like this one.
    fileprivate func isAnswered(by network: NetworkRecord) -> Bool {
        network.phase == .ready && network.isInternal == isInternal && network.subnets == subnets
            && network.options == options
    }
}
