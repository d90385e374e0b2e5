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
        // Each engine makes its networks itself. GwAllocChecker is left out: every network here has a gateway address on
        // its bridge, so the answer would never be to skip it, and asking would cost a call for each network.
        table.on(GetCapabilities.self) { _ in GetCapabilities.Reply(scope: .local) }
        table.on(GwAllocCheck.self) { _ in GwAllocCheck.Reply(skipsIPv4: false, skipsIPv6: false) }
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
            try request.options.refuseUnknown()
            let asked = request.interface.macAddress
            let mac = try await self.createEndpoint(
                EndpointRequest(
                    id: request.endpointID, network: request.networkID, ipv4: request.interface.address,
                    ipv6: request.interface.addressIPv6, mac: asked ?? request.options.macAddress))
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
                link: Join.Link(name: attachment.link, prefix: attachment.linkPrefix),
                gateway: attachment.gatewayIPv4, gatewayIPv6: attachment.gatewayIPv6,
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
            await self.programConnectivity(of: request.endpointID, request.options.portBindings ?? [])
            return EmptyReply()
        }
        table.on(RevokeExternalConnectivity.self) { _ in EmptyReply() }
    }

    /// No port is published, so none is taken back. That is no failure of the call: the ports are the container's, and another
    /// of its networks may be the one that publishes them. Whoever looks for a port that is not there finds this line.
    private func programConnectivity(of id: EndpointID, _ bindings: [PortBinding]) {
        // From 29 on the engine asks this of internal networks too.
        guard !bindings.isEmpty, let endpoint = endpoints[id], networks[endpoint.network]?.isInternal == false else {
            return
        }
        logger.warning(
            "Published no ports: this version of plugind does not",
            metadata: [
                "network.id": "\(endpoint.network)", "endpoint.id": "\(id)",
                "ports": "\(bindings.map { "\($0.port)/\($0.transport)" }.joined(separator: " "))",
            ])
    }
}

extension Attachment {
    fileprivate var hasGateway: Bool {
        gatewayIPv4 != nil || gatewayIPv6 != nil
    }
}

extension EndpointOptions {
    /// The user's `--network name=…,driver-opt=key=value`. There are none of plugind's own.
    fileprivate func refuseUnknown() throws(DriverError) {
        guard let key = others.keys.filter(NetworkOptions.isOurs).min() else { return }
        throw .unknownOption(key, known: [])
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
