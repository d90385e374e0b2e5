// SPDX-License-Identifier: Apache-2.0

import Addressing
import Logging
public import PluginKit
import Store

extension Driver {
    /// Serves the engine's network methods: from wire to driver and back, and nothing else.
    public nonisolated func register(in table: inout MethodTable) {
        registerNetworks(in: &table)
        registerEndpoints(in: &table)
        registerConnectivity(in: &table)
    }

    private nonisolated func registerNetworks(in table: inout MethodTable) {
        // Each engine makes its networks itself.
        table.on(GetCapabilities.self) { _ in
            GetCapabilities.Reply(scope: .local, checksGatewayAllocation: true)
        }
        table.on(GwAllocCheck.self) { request in
            let edge = try NetworkOptions(request.options.generic).edge
            return GwAllocCheck.Reply(skipsIPv4: !edge.needsGateway(.v4), skipsIPv6: !edge.needsGateway(.v6))
        }
        table.on(CreateNetwork.self) { request in
            try await self.createNetwork(
                NetworkRequest(
                    id: request.networkID, isInternal: request.options.isInternal ?? false,
                    subnets: try (request.ipv4Data + request.ipv6Data).compactMap { try $0.subnet() },
                    options: request.options.generic))
            return EmptyReply()
        }
        table.on(DeleteNetwork.self) { request in
            try await self.deleteNetwork(request.networkID)
            return EmptyReply()
        }
        // Only for drivers of global scope. The options that come back are those that the nodes get.
        table.on(AllocateNetwork.self) { request in AllocateNetwork.Reply(options: request.options) }
        table.on(FreeNetwork.self) { _ in EmptyReply() }
        // News of a swarm's nodes: a bridge is its host's own affair.
        table.on(DiscoverNew.self) { _ in EmptyReply() }
        table.on(DiscoverDelete.self) { _ in EmptyReply() }
    }

    private nonisolated func registerEndpoints(in table: inout MethodTable) {
        table.on(CreateEndpoint.self) { request in
            let wishes = try request.options.wishes()
            let asked = request.interface.macAddress
            let mac = try await self.createEndpoint(
                EndpointRequest(
                    id: request.endpointID, network: request.networkID, ipv4: request.interface.address,
                    ipv6: request.interface.addressIPv6, mac: asked ?? request.options.macAddress,
                    ports: try (request.options.portBindings ?? []).requests(), clients: wishes.clients,
                    linkName: wishes.linkName, settings: wishes.settings))
            // The engine refuses an answer to what it has set itself, even the same.
            return CreateEndpoint.Reply(
                interface: EndpointInterface(address: nil, macAddress: asked == nil ? mac : nil))
        }
        table.on(DeleteEndpoint.self) { request in
            try await self.deleteEndpoint(request.endpointID, of: request.networkID)
            return EmptyReply()
        }
        // There is nothing that the engine would show, and up to 28.0 a failure here fails the container's start.
        table.on(EndpointOperInfo.self) { _ in EndpointOperInfo.Reply() }
        table.on(Join.self) { request in
            let attachment = try await self.join(
                request.endpointID, of: request.networkID, sandbox: request.sandboxKey)
            return Join.Reply(
                link: attachment.link.map { Join.Link(name: $0, prefix: attachment.linkPrefix) },
                gateway: attachment.gatewayIPv4, gatewayIPv6: attachment.gatewayIPv6,
                staticRoutes: attachment.routes.map {
                    Join.StaticRoute(destination: $0.destination, nextHop: $0.nextHop)
                },
                // Without a gateway of ours the container shall have none, rather than `docker_gwbridge`.
                disablesGatewayService: attachment.hasGateway ? nil : true)
        }
        table.on(Leave.self) { request in
            try await self.leave(request.endpointID, of: request.networkID)
            return EmptyReply()
        }
    }

    private nonisolated func registerConnectivity(in table: inout MethodTable) {
        table.on(ProgramExternalConnectivity.self) { request in
            try await self.publish(
                try (request.options.portBindings ?? []).requests(), of: request.endpointID, in: request.networkID,
                isWithoutIPv6Proxy: request.options.isWithoutIPv6Proxy ?? false)
            return EmptyReply()
        }
        table.on(RevokeExternalConnectivity.self) { request in
            try await self.unpublish(request.endpointID, of: request.networkID)
            return EmptyReply()
        }
    }
}

extension Attachment {
    fileprivate var hasGateway: Bool {
        gatewayIPv4 != nil || gatewayIPv6 != nil
    }
}

extension [PortBinding] {
    /// What they ask for. What cannot be published at all is refused here.
    fileprivate func requests() throws(DriverError) -> [PortRequest] {
        try map { binding throws(DriverError) in
            let name = "\(binding.transport) container port \(binding.port)"
            guard binding.transport != .icmp else { throw .invalidPort("\(name): icmp has no ports") }
            guard binding.port != 0 else { throw .invalidPort("\(name): a container has no port 0") }
            guard binding.hostAddress?.isMulticast != true else {
                throw .invalidPort("\(name) at \(binding.hostAddress?.description ?? ""): that is a group's address")
            }
            let (first, last) = (binding.hostPort, binding.lastHostPort)
            // Zero and zero leave the choice to the host; one of them alone says nothing.
            guard first <= last || last == 0, first != 0 || last == 0 else {
                throw .invalidPort("\(name) at host ports \(first) to \(last): the range is reversed")
            }
            return PortRequest(
                transport: binding.transport, port: binding.port,
                hostAddress: binding.hostAddress,
                hostPorts: first == 0 ? nil : first...(last == 0 ? first : last))
        }
    }
}

extension IPAMData {
    /// nil for the null IPAM's `0.0.0.0/0`, which says that there is no subnet.
    fileprivate func subnet() throws(DriverError) -> NetworkRecord.Subnet? {
        guard let pool, pool.length > 0 else { return nil }
        if let gateway, !pool.contains(gateway.address) { throw .gatewayOutside(gateway.address, pool) }
        return NetworkRecord.Subnet(prefix: pool, gateway: gateway)
    }
}
