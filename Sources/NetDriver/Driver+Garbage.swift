// SPDX-License-Identifier: Apache-2.0

public import Addressing
public import HostNetwork
import Logging
import Store

/// A deletion that was begun and failed: it is owed, and finished by `upkeep` or after the next start.
public struct UnfinishedDeletion: Error, Hashable, Sendable, CustomStringConvertible {
    public let reason: String

    public var description: String { reason }
}

/// What garbage collection needs: to see what is in use, and to free what, looked at again, still is not.
extension Driver {
    public func inventory() throws(KernelError) -> Inventory {
        let host = try TaggedLinks(kernel)
        var inventory = Inventory()
        inventory.hostAddresses = Set(try kernel.addresses().map(\.address.address))
        inventory.endpointAddresses = Set(
            endpoints.values.lazy.flatMap { [$0.ipv4, $0.ipv6] }.compactMap { $0?.address })
        inventory.prefixes = Set(networks.values.lazy.flatMap(\.subnets).map(\.prefix))
        inventory.endpoints = endpoints.values
            .filter { $0.phase == .ready }
            .sorted { $0.id < $1.id }
            .map { examine($0, host) }
        let idle = Set(inventory.endpoints.lazy.filter { !$0.isInUse }.map(\.id))
        inventory.networks = networks.values
            .filter { $0.phase == .ready }
            .sorted { $0.id < $1.id }
            .map { Inventory.Network(id: $0.id, isInUse: isInUse($0, exceptBy: idle, host)) }
        inventory.strays = host.tagged.compactMap { stray($0, host) }.sorted { $0.link < $1.link }
        return inventory
    }

    /// Deletes an endpoint that is not in use. False if it is, or if it is gone. Throws `UnfinishedDeletion` if the deletion
    /// was begun and will be finished.
    public func freeIfIdle(_ id: EndpointID) async throws -> Bool {
        await endpointTurns.enter(id)
        defer { endpointTurns.leave(id) }

        guard var endpoint = endpoints[id], endpoint.phase == .ready,
            !examine(endpoint, try TaggedLinks(kernel)).isInUse
        else { return false }
        endpoint.phase = .deleting
        remember(endpoint)
        do {
            try await store.commit([.putEndpoint(endpoint)])
        } catch {
            // Nobody asked for the deletion, so what could not begin is as if it had not been tried.
            endpoint.phase = .ready
            remember(endpoint)
            throw error
        }
        do {
            try await remove(endpoint)
        } catch {
            owe(.endpoint(id))
            throw UnfinishedDeletion(reason: "\(error)")
        }
        logger.info(
            "Freed endpoint", metadata: ["network.id": "\(endpoint.network)", "endpoint.id": "\(id)"])
        return true
    }

    /// Deletes a network that has no endpoint and whose bridge has no port. False if it has one, or if it is gone. Throws
    /// `UnfinishedDeletion` if the deletion was begun and will be finished.
    public func freeIfEmpty(_ id: NetworkID) async throws -> Bool {
        await networkTurns.enter(id)
        defer { networkTurns.leave(id) }

        guard var network = networks[id], network.phase == .ready,
            !isInUse(network, exceptBy: [], try TaggedLinks(kernel))
        else { return false }
        // No endpoint is made from here on: nothing is awaited between the check and this line.
        network.phase = .deleting
        remember(network)
        do {
            try await store.commit([.putNetwork(network)])
        } catch {
            network.phase = .ready
            remember(network)
            throw error
        }
        do {
            try await remove(network)
        } catch {
            owe(.network(id))
            throw UnfinishedDeletion(reason: "\(error)")
        }
        logger.info("Freed network", metadata: ["network.id": "\(id)", "link.name": "\(network.bridge)"])
        return true
    }

    /// Deletes a stray link. False if it is none any more.
    public func freeIfStray(_ stray: Inventory.Stray) async throws -> Bool {
        switch stray.owner {
        case .network(let id): await networkTurns.enter(id)
        case .endpoint(let id): await endpointTurns.enter(id)
        }
        defer {
            switch stray.owner {
            case .network(let id): networkTurns.leave(id)
            case .endpoint(let id): endpointTurns.leave(id)
            }
        }
        let host = try TaggedLinks(kernel)
        guard let link = host.byName[stray.link.description], self.stray(link, host) == stray else { return false }
        try await deleteLink(stray.link)
        logger.info("Deleted stray link", metadata: ["link.name": "\(stray.link)", "alias": "\(link.alias)"])
        return true
    }

    private func examine(_ endpoint: EndpointRecord, _ host: TaggedLinks) -> Inventory.Endpoint {
        let sandbox: Inventory.SandboxState =
            switch endpoint.sandboxKey {
            case nil: .none
            case let path? where kernel.isNamespace(path): .alive
            case _?: .gone
            }
        return Inventory.Endpoint(
            id: endpoint.id, network: endpoint.network, link: host.state(of: endpoint), sandbox: sandbox)
    }

    /// True if the network has an endpoint, or its bridge a port, other than the endpoints `idle`.
    private func isInUse(_ network: NetworkRecord, exceptBy idle: Set<EndpointID>, _ host: TaggedLinks) -> Bool {
        let endpoints = endpointsOfNetwork[network.id] ?? []
        guard endpoints.isSubset(of: idle) else { return true }
        guard let bridge = host.byAlias[LinkNames.alias(of: network.id)] else { return false }
        let own = Set(endpoints.map { LinkNames.alias(of: $0) })
        return host.ports[bridge.index]?.contains { !own.contains($0.alias) } == true
    }

    private func stray(_ link: Link, _ host: TaggedLinks) -> Inventory.Stray? {
        guard let name = InterfaceName(link.name) else { return nil }
        switch LinkNames.object(tagged: link.alias) {
        case .network(let id):
            guard networks[id] == nil, link.kind == "bridge", host.ports[link.index] == nil else { return nil }
            return Inventory.Stray(link: name, owner: .network(id))
        case .endpoint(let id):
            guard endpoints[id] == nil, link.group != retirementGroup, link.kind == "veth", link.peerNamespace == nil,
                name == LinkNames.host(of: id)
            else { return nil }
            return Inventory.Stray(link: name, owner: .endpoint(id))
        case nil:
            return nil
        }
    }
}

/// The links of the host, by what they are looked for.
private struct TaggedLinks {
    let tagged: [Link]
    let byName: [String: Link]
    let byAlias: [String: Link]
    /// By the index of the bridge that they are in.
    let ports: [Int32: [Link]]

    init(_ kernel: any Kernel) throws(KernelError) {
        let links = try kernel.links()
        tagged = links.filter { !$0.alias.isEmpty }
        byName = Dictionary(links.map { ($0.name, $0) }) { $1 }
        byAlias = Dictionary(tagged.map { ($0.alias, $0) }) { $1 }
        ports = Dictionary(grouping: links.filter { $0.master != nil }) { $0.master ?? 0 }
    }

    /// Somebody may have renamed the link, or taken its tag from it; either counts as there.
    func state(of endpoint: EndpointRecord) -> Inventory.LinkState {
        let named = byName[endpoint.hostLink.description].flatMap { $0.alias.isEmpty ? $0 : nil }
        guard let link = byAlias[LinkNames.alias(of: endpoint.id)] ?? named else { return .gone }
        return link.peerNamespace == nil ? .here : .reachesElsewhere
    }
}
