// SPDX-License-Identifier: Apache-2.0

public import Addressing
import Events
import Glibc
import HostNetwork
import Logging
public import Store

/// An endpoint as the engine asks for it.
public struct EndpointRequest: Hashable, Sendable {
    public var id: EndpointID
    public var network: NetworkID
    public var ipv4: InterfaceAddress?
    public var ipv6: InterfaceAddress?
    /// nil: the driver makes one.
    public var mac: MACAddress?
    /// What will be asked to be published once it is joined, as far as that is known.
    public var ports: [PortRequest]
    /// The only clients of its published ports; nil leaves it to the network.
    public var clients: [Prefix]?
    /// What the link shall be called in the sandbox; nil leaves it to the network's prefix.
    public var linkName: InterfaceName?
    /// What shall be set in the sandbox for the link.
    public var settings: [LinkSetting]

    public init(
        id: EndpointID, network: NetworkID, ipv4: InterfaceAddress? = nil, ipv6: InterfaceAddress? = nil,
        mac: MACAddress? = nil, ports: [PortRequest] = [], clients: [Prefix]? = nil,
        linkName: InterfaceName? = nil, settings: [LinkSetting] = []
    ) {
        self.id = id
        self.network = network
        self.ipv4 = ipv4
        self.ipv6 = ipv6
        self.mac = mac
        self.ports = ports
        self.clients = clients
        self.linkName = linkName
        self.settings = settings
    }
}

/// What the engine must know of an endpoint's link to set its sandbox up.
public struct Attachment: Hashable, Sendable {
    /// The link that is to be moved into the sandbox, in the daemon's namespace. Nil if it is in the sandbox already.
    public var link: InterfaceName?
    /// The link is renamed to this plus the first free number.
    public var linkPrefix: String
    /// nil on an internal network, and where the endpoint has no address of that family.
    public var gatewayIPv4: IPAddress?
    public var gatewayIPv6: IPAddress?
    public var routes: [Route]

    /// A destination that is reached by another address on the link.
    public struct Route: Hashable, Sendable {
        public var destination: Prefix
        public var nextHop: IPAddress
    }
}

extension Driver {
    /// Makes an endpoint and returns its MAC address. Its veth pair is made here, unless it will be made in the sandbox.
    public func createEndpoint(_ request: EndpointRequest) async throws -> MACAddress {
        await endpointTurns.enter(request.id)
        defer { endpointTurns.leave(request.id) }

        if let known = endpoints[request.id] {
            if request.isAnswered(by: known) { return known.mac }
            if known.phase == .ready { throw DriverError.endpointDiffers(request.id) }
            // It should be gone, and something failed.
            try await removeStoringIntent(known)
        }
        // An endpoint of that id may have gone just now, with its links and its row still there.
        try await settle(.endpoint(request.id))
        guard let network = networks[request.network] else { throw DriverError.unknownNetwork(request.network) }
        var endpoint = try plan(request, in: network)
        try check(request.ports, of: endpoint, in: network)
        // From here on the network cannot be deleted: nothing is awaited between the check and this line.
        remember(endpoint)
        created[endpoint.id] = .now
        if endpoint.attach == .direct { linkless.insert(endpoint.id) }
        do {
            try await store.commit([.putEndpoint(endpoint)])
            try setRules(of: endpoint)
            if endpoint.phase == .creating {
                try await makeLink(of: endpoint, in: network)
                endpoint.phase = .ready
                try await store.commit([.putEndpoint(endpoint)])
            }
        } catch {
            await undo(endpoint)
            throw error
        }
        remember(endpoint)
        events.emit(
            .endpointCreated(endpoint.id, network: endpoint.network, ipv4: endpoint.ipv4, ipv6: endpoint.ipv6))
        logger.info(
            "Created endpoint",
            metadata: [
                "network.id": "\(endpoint.network)", "endpoint.id": "\(endpoint.id)",
                "link.name": "\(endpoint.hostLink)",
                "addresses": "\([endpoint.ipv4, endpoint.ipv6].compactMap { $0?.description }.joined(separator: " "))",
            ])
        return endpoint.mac
    }

    /// Deletes an endpoint and its links. One that the network does not have is success.
    public func deleteEndpoint(_ id: EndpointID, of networkID: NetworkID) async throws {
        await endpointTurns.enter(id)
        defer { endpointTurns.leave(id) }

        guard var endpoint = endpoints[id], endpoint.network == networkID else { return }
        endpoint.phase = .deleting
        remember(endpoint)
        do {
            try await removeStoringIntent(endpoint)
        } catch {
            // The engine forgets the endpoint whatever the answer.
            owe(.endpoint(id))
            throw error
        }
        logger.info(
            "Deleted endpoint", metadata: ["network.id": "\(endpoint.network)", "endpoint.id": "\(id)"])
    }

    /// Answers which link belongs in the sandbox, or puts it there. May be called again, also with another sandbox.
    public func join(_ id: EndpointID, of networkID: NetworkID, sandbox: String) async throws -> Attachment {
        await endpointTurns.enter(id)
        defer { endpointTurns.leave(id) }

        guard let network = networks[networkID] else { throw DriverError.unknownNetwork(networkID) }
        guard var endpoint = endpoints[id], endpoint.phase == .ready, endpoint.network == networkID else {
            throw DriverError.unknownEndpoint(id)
        }
        attaching.insert(id)
        defer { isAttached(id) }
        let isNew = endpoint.sandboxKey != sandbox
        endpoint = try await attach(endpoint, in: network, to: sandbox)
        if isNew { events.emit(.endpointJoined(id, network: networkID, sandbox: sandbox)) }
        let edge = edge(of: network)
        return Attachment(
            link: endpoint.attach == .direct ? nil : endpoint.sandboxLink, linkPrefix: network.linkPrefix,
            gatewayIPv4: edge.gateway(of: endpoint.ipv4), gatewayIPv6: edge.gateway(of: endpoint.ipv6),
            routes: edge.edge.routes.compactMap { route in
                guard case .via(let destination, let nextHop) = route else { return nil }
                let own = destination.family == .v4 ? endpoint.ipv4 : endpoint.ipv6
                return own == nil ? nil : Attachment.Route(destination: destination, nextHop: nextHop)
            })
    }

    /// Forgets the sandbox. The engine takes a link that it moved out of it only after this call; one that was made there
    /// goes. An endpoint that the network does not have is success.
    public func leave(_ id: EndpointID, of networkID: NetworkID) async throws {
        await endpointTurns.enter(id)
        defer { endpointTurns.leave(id) }

        guard var endpoint = endpoints[id], endpoint.network == networkID,
            endpoint.sandboxKey != nil || endpoint.publication != nil
        else { return }
        let joined = endpoint
        // Engines do not always revoke what they had published.
        let publication = endpoint.publication
        endpoint.sandboxKey = nil
        endpoint.publication = nil
        try await store.commit([.putEndpoint(endpoint)])
        remember(endpoint)
        if endpoint.attach == .direct {
            attaching.insert(id)
            defer { isAttached(id) }
            do {
                try await takeOut(endpoint)
                // With the sandbox that it was in: the next to join that one waits until the link's name is free.
                deleteSoon(joined, isGone: false)
            } catch {
                logger.error(
                    "Cannot take a link out of its sandbox, trying again later", error: error,
                    metadata: metadata(of: .endpoint(id)))
                unmended.insert(.endpoint(id))
                remindOfUpkeep()
            }
        }
        if let publication { await withdraw(publication, of: endpoint) }
        events.emit(.endpointLeft(id, network: networkID))
    }

    private func isAttached(_ id: EndpointID) {
        attaching.remove(id)
        lookAgain(.endpoint(id), .ready)
    }

    func removeStoringIntent(_ endpoint: EndpointRecord) async throws {
        try await store.commit([.putEndpoint(endpoint)])
        try await remove(endpoint)
    }

    /// Takes an endpoint off the host and the model. What is stored must not say that it is ready; its row and what is left
    /// of its links go soon after. `wasMade` is false for one whose making is undone: nobody was told of it.
    func remove(_ endpoint: EndpointRecord, wasMade: Bool = true) async throws {
        try await takeOut(endpoint)
        var endpoint = endpoint
        if let publication = endpoint.publication {
            // Whatever fails from here on, its ports may be somebody else's by the time it is tried again.
            endpoint.publication = nil
            remember(endpoint)
            await withdraw(publication, of: endpoint)
        }
        try setRules(of: .endpoint(endpoint.id), [])
        forget(endpoint)
        deleteSoon(endpoint, isGone: true)
        if wasMade { events.emit(.endpointDeleted(endpoint.id, network: endpoint.network)) }
    }

    /// True for an endpoint that the engine cannot know any more: half deleted, without its link (its sandbox died, or the
    /// host was rebooted), or in no sandbox that exists, long after it was made: the engine joins within moments and makes
    /// the sandbox then, if not before. Either an answer was lost, or the calls that should have taken it down were.
    func isAbandoned(_ endpoint: EndpointRecord) throws(KernelError) -> Bool {
        switch endpoint.phase {
        case .creating: return false
        case .deleting: return true
        case .ready: break
        }
        if attaching.contains(endpoint.id) { return false }
        // One that is to be made in its sandbox has none before.
        let awaitsJoin = endpoint.attach == .direct && endpoint.sandboxKey == nil
        if !awaitsJoin, try ownLink(of: endpoint) == nil { return true }
        if let sandbox = endpoint.sandboxKey, kernel.isNamespace(sandbox) { return false }
        return created[endpoint.id].map { .now - $0 > Self.longestWaitForJoin } ?? true
    }

    private static let longestWaitForJoin = Duration.seconds(60)

    /// Undoes a creation that failed. What cannot be undone now is later.
    private func undo(_ endpoint: EndpointRecord) async {
        var endpoint = endpoint
        do {
            if endpoint.phase == .ready {
                endpoint.phase = .deleting
                try await store.commit([.putEndpoint(endpoint)])
            }
            try await remove(endpoint, wasMade: false)
        } catch {
            logger.error(
                "Could not undo an endpoint", error: error,
                metadata: ["endpoint.id": "\(endpoint.id)", "link.name": "\(endpoint.hostLink)"])
            endpoints[endpoint.id]?.phase = .deleting
            owe(.endpoint(endpoint.id))
        }
    }

    /// The host end of an endpoint's pair. One without a tag is ours if its other end has the address that was stored with
    /// the intent to make it.
    nonisolated func ownLink(of endpoint: EndpointRecord) throws(KernelError) -> Link? {
        try ownLink(endpoint.hostLink, tagged: LinkNames.alias(of: endpoint.id)) { link throws(KernelError) in
            guard link.alias.isEmpty, link.kind == "veth" else { return false }
            // Half made in its sandbox.
            if link.isUnfinished { return true }
            let other = try kernel.link(named: endpoint.sandboxLink)
            return other?.mac == endpoint.mac && other?.peer == link.index
        }
    }

    /// Checks a request against its network and says what will be made.
    private func plan(_ request: EndpointRequest, in network: NetworkRecord) throws(DriverError) -> EndpointRecord {
        guard network.phase == .ready else { throw .networkBusy(request.network) }
        for address in [request.ipv4, request.ipv6].compactMap(\.self) { try network.check(address) }
        guard let hostLink = LinkNames.host(of: request.id), let sandboxLink = LinkNames.sandbox(of: request.id) else {
            throw .unknownEndpoint(request.id)
        }
        if let mac = request.mac {
            guard !mac.isMulticast, mac.bytes != [0, 0, 0, 0, 0, 0] else { throw .invalidMAC(mac) }
            if let other = endpoint(with: mac, in: network.id) {
                // The user's to decide, as with the built-in driver; but whoever wonders shall find it.
                logger.warning(
                    "MAC address is in use twice",
                    metadata: [
                        "network.id": "\(network.id)", "endpoint.id": "\(request.id)", "other": "\(other)",
                        "mac": "\(mac)",
                    ])
            }
        }
        let attach = edgeOptions(of: network).attach ?? defaultAttachMode
        if attach == .direct {
            // The kernel will say so only when the link is made; but a failure of Join costs a container its network.
            let ports = endpointsOfNetwork[network.id]?.count ?? 0
            guard ports < Self.mostPorts else { throw .bridgeFull(network.bridge) }
        }
        return EndpointRecord(
            id: request.id, network: network.id,
            // Of one whose link is made later nothing is to be undone.
            phase: attach == .direct ? .ready : .creating, hostLink: hostLink, sandboxLink: sandboxLink,
            mac: request.mac ?? freeMAC(for: (request.ipv4 ?? request.ipv6)?.address, in: network), ipv4: request.ipv4,
            ipv6: request.ipv6, sandboxKey: nil, clients: request.clients, attach: attach, linkName: request.linkName,
            settings: request.settings.isEmpty ? nil : request.settings)
    }
}

extension Driver {
    func vethPair(of endpoint: EndpointRecord, in network: NetworkRecord) -> VethSpec {
        VethSpec(
            host: endpoint.hostLink, sandbox: endpoint.sandboxLink, bridge: network.bridge, sandboxMAC: endpoint.mac,
            mtu: network.mtu, alias: LinkNames.alias(of: endpoint.id))
    }

    /// What the host has of an endpoint for as long as it lives.
    func port(of endpoint: EndpointRecord, in network: NetworkRecord) -> PortSpec {
        PortSpec(
            name: endpoint.hostLink, alias: LinkNames.alias(of: endpoint.id), mtu: network.mtu,
            isPresent: endpoint.attach != .direct || endpoint.sandboxKey != nil)
    }
}

extension EndpointRequest {
    /// True if the endpoint was made for a request like this one.
    fileprivate func isAnswered(by endpoint: EndpointRecord) -> Bool {
        endpoint.phase == .ready && endpoint.network == network && endpoint.ipv4 == ipv4 && endpoint.ipv6 == ipv6
            && (mac == nil || endpoint.mac == mac)
    }
}

extension NetworkRecord {
    /// Refuses an address that no container of the network can have.
    fileprivate func check(_ address: InterfaceAddress) throws(DriverError) {
        let subnets = subnets.filter { $0.prefix.family == address.address.family }
        if subnets.contains(where: { $0.gateway?.address == address.address }) {
            throw .addressIsGateway(address.address, id)
        }
        // Without a subnet of that family (the null IPAM's) there is nothing to be in.
        guard subnets.isEmpty || subnets.contains(where: { $0.prefix.contains(address.address) }) else {
            throw .addressOutside(address.address, id)
        }
    }
}
