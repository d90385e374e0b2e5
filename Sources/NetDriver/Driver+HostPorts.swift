// SPDX-License-Identifier: Apache-2.0

import Addressing
import Events
import HostNetwork
import Logging
import Store

// The host's ports: taken when they are published, and again after a start.
extension Driver {
    /// Takes the host's ports, all or none.
    func take(_ requests: [PortRequest], _ plan: PublishPlan) async throws -> [PublishedPort] {
        var taken: [PublishedPort] = []
        do {
            for request in requests {
                guard let hold = try plan.hold(for: request) else {
                    taken.append(
                        PublishedPort(transport: request.transport, port: request.port, hostAddresses: [], hostPort: 0))
                    continue
                }
                let (port, addresses) = try await take(hold, of: plan.endpoint, isExplicit: request.hostAddress != nil)
                taken.append(
                    PublishedPort(
                        transport: request.transport, port: request.port, hostAddresses: addresses, hostPort: port))
            }
        } catch {
            release(taken)
            throw error
        }
        return taken.sorted()
    }

    private func take(
        _ hold: PortHold, of endpoint: EndpointRecord, isExplicit: Bool
    ) async throws -> (UInt16, [IPAddress]) {
        do {
            return (try takeUnpublished(hold, for: endpoint.id), hold.addresses)
        } catch {
            switch error.code {
            case Self.noSuchAddress, Self.noSuchFamily:
                // A host without IPv6 has no address of it to publish at.
                let ipv4 = hold.addresses.filter { $0.family == .v4 }
                guard !isExplicit, error.address.family == .v6, !ipv4.isEmpty else { throw error }
                var hold = hold
                hold.addresses = ipv4
                hold.forwarding = hold.forwarding.filter { $0.key.family == .v4 }
                return try await take(hold, of: endpoint, isExplicit: true)
            case Self.inUse:
                guard let ports = hold.ports, ports.count == 1,
                    let holder = holder(of: ports.lowerBound, hold.transport, at: hold.addresses, besides: endpoint.id)
                else { throw error }
                // Another endpoint of the same container, which is no longer its gateway: the engine does not always say.
                guard let sandbox = endpoint.sandboxKey, holder.sandboxKey == sandbox,
                    !isWaiting(holder.id, for: endpoint.id)
                else {
                    throw DriverError.portPublished(
                        hold.transport, ports.lowerBound, endpoint: holder.id, network: holder.network)
                }
                takeovers[endpoint.id] = holder.id
                defer { takeovers[endpoint.id] = nil }
                try await unpublish(holder.id, of: holder.network)
                return (try takeUnpublished(hold, for: endpoint.id), hold.addresses)
            default: throw error
            }
        }
    }

    /// Takes a port that is not published for another endpoint. One that is may be free nevertheless: somebody else had it
    /// when plugind started, and has given it back.
    private func takeUnpublished(_ hold: PortHold, for id: EndpointID) throws(HostPortError) -> UInt16 {
        let port = try hostPorts.take(hold)
        guard isClaimed(port, hold, besides: id) else { return port }
        // Kept until another one is found, or this one would be found again.
        defer { hostPorts.release(port, hold.transport, at: hold.addresses) }
        var rest = hold
        if let ports = hold.ports {
            guard port < ports.upperBound else {
                throw HostPortError(
                    hold.transport, hold.addresses[0], port: ports.count == 1 ? port : nil, code: Self.inUse,
                    reason: "the port is published for another endpoint")
            }
            rest.ports = port + 1...ports.upperBound
        }
        return try takeUnpublished(rest, for: id)
    }

    private func isClaimed(_ port: UInt16, _ hold: PortHold, besides id: EndpointID) -> Bool {
        unheld.contains { other, ports in
            other != id && ports.contains { $0.meets(port, hold.transport, hold.addresses) }
        }
    }

    /// True if a takeover by one endpoint waits, maybe by way of others, for one by another endpoint to end.
    private func isWaiting(_ one: EndpointID, for other: EndpointID) -> Bool {
        var last = one
        while let next = takeovers[last] { last = next }
        return last == other
    }

    private func holder(
        of port: UInt16, _ transport: TransportProtocol, at addresses: [IPAddress], besides id: EndpointID
    ) -> EndpointRecord? {
        endpoints.values.first { other in
            other.id != id && other.publication?.ports.contains { $0.meets(port, transport, addresses) } == true
        }
    }

    /// Says what is wrong with ports before an endpoint is made: an engine takes a failure here better than one later.
    func check(_ requests: [PortRequest], of endpoint: EndpointRecord, in network: NetworkRecord) throws {
        guard !network.isInternal else { return }
        let plan = plan(for: endpoint, in: network, isWithoutIPv6Proxy: false)
        for request in requests {
            // Without an address for it here, another endpoint of the container may be the one that publishes it.
            guard let hold = (try? plan.hold(for: request)) ?? nil, let ports = hold.ports, ports.count == 1 else {
                continue
            }
            let port = ports.lowerBound
            var trial = hold
            trial.forwarding = [:]
            do {
                let taken = try takeUnpublished(trial, for: endpoint.id)
                hostPorts.release(taken, hold.transport, at: hold.addresses)
            } catch  where error.code == Self.inUse {
                guard let holder = holder(of: port, hold.transport, at: hold.addresses, besides: endpoint.id) else {
                    throw error
                }
                // A container has no second endpoint in a network. One in another may be the same container's.
                guard holder.network != network.id else {
                    throw DriverError.portPublished(hold.transport, port, endpoint: holder.id, network: holder.network)
                }
            } catch  where request.hostAddress != nil {
                throw error
            } catch {
                // A host without IPv6; publishing does without it.
            }
        }
    }

    /// Holds the ports again that were published when plugind ended. Somebody may have taken one meanwhile: it stays
    /// published, since the packet filter has led it to the container all the time, and is held once it is free.
    func holdPublishedPorts() {
        for (id, ports) in unheld.sorted(by: { $0.key < $1.key }) {
            guard let endpoint = endpoints[id], endpoint.phase == .ready, let publication = endpoint.publication,
                let network = networks[endpoint.network]
            else { continue }
            let plan = plan(for: endpoint, in: network, isWithoutIPv6Proxy: publication.isWithoutIPv6Proxy)
            let left = ports.filter { !hold($0, plan) }
            unheld[id] = left.isEmpty ? nil : left
            if !left.isEmpty {
                robbed.insert(id)
                remindOfUpkeep()
            } else if robbed.remove(id) != nil {
                events.emit(.portRegained(id))
                logger.info("Published ports are held again", metadata: ["endpoint.id": "\(id)"])
            }
        }
    }

    private func hold(_ port: PublishedPort, _ plan: PublishPlan) -> Bool {
        if port.hostAddresses.isEmpty { return true }
        do {
            _ = try hostPorts.take(plan.hold(for: port))
            return true
        } catch {
            if !robbed.contains(plan.endpoint.id) {
                events.emit(
                    .portLost(plan.endpoint.id, ports: Self.words(for: [port]), reason: "\(error)"))
                logger.error(
                    "Cannot hold a published port, trying again later", error: error,
                    metadata: ["endpoint.id": "\(plan.endpoint.id)", "ports": "\(Self.words(for: [port]))"])
            }
            return false
        }
    }

    // errno, by what it means here.
    private static let inUse: Int32 = 98
    private static let noSuchAddress: Int32 = 99
    private static let noSuchFamily: Int32 = 97
}

extension PublishedPort {
    /// Whether a port of the host is this one, at some address.
    fileprivate func meets(_ number: UInt16, _ transport: TransportProtocol, _ addresses: [IPAddress]) -> Bool {
        self.transport == transport && hostPort == number
            && hostAddresses.contains { one in
                addresses.contains {
                    $0 == one || $0.family == one.family && ($0.isUnspecified || one.isUnspecified)
                }
            }
    }
}
