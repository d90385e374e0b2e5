// SPDX-License-Identifier: Apache-2.0

import Addressing
import IPAM
import NetDriver
import Store

/// `docker run`, `docker restart` and `docker rm -f`.
extension Caller {
    mutating func start() async {
        guard
            let network = (chance(30) ? world.publishedNetwork(using: &random) : nil)
                ?? networks.randomElement(using: &random)
        else { return }
        var addresses: [InterfaceAddress] = []
        for subnet in network.subnets {
            let offset = UInt128.random(in: 2...12, using: &random)
            let named = IPAddress(family: subnet.pool.prefix.family, bits: subnet.pool.prefix.base.bits + offset)
            let wish = AddressRequest(pool: subnet.pool.id, address: chance(25) ? named : nil)
            guard case .address(let address)? = await call(.requestAddress(wish)) else {
                return await give(back: addresses, of: network)
            }
            addresses.append(address)
        }
        guard let id = EndpointID(identifier("c")) else { return }
        await start(
            Container(
                network: network,
                endpoint: EndpointRequest(
                    id: id, network: network.request.id, ipv4: addresses.first { $0.address.family == .v4 },
                    ipv6: addresses.first { $0.address.family == .v6 }, ports: portsToPublish())))
    }

    private mutating func start(_ container: Container) async {
        var container = container
        let (id, network) = (container.endpoint.id, container.endpoint.network)
        guard await call(.createEndpoint(container.endpoint)) != nil else {
            // An engine does not call DeleteEndpoint after a CreateEndpoint that failed.
            return await give(back: container.addresses, of: container.network)
        }
        if chance(5) { _ = await perform(.createEndpoint(container.endpoint)) }
        world.host.open(container.sandbox)
        guard case .attachment(let attachment)? = await call(.join(id, network, sandbox: container.sandbox)) else {
            _ = await call(.deleteEndpoint(id, network))
            world.host.close(container.sandbox)
            return await give(back: container.addresses, of: container.network)
        }
        if chance(5) { _ = await perform(.join(id, network, sandbox: container.sandbox)) }
        guard await publish(container) else {
            _ = await call(.leave(id, network))
            _ = await call(.deleteEndpoint(id, network))
            world.host.close(container.sandbox)
            return await give(back: container.addresses, of: container.network)
        }
        if attachment.link != nil, chance(70) {
            world.host.move(container.link)
            container.isMoved = true
        }
        containers.append(container)
    }

    mutating func stop(_ index: Int) async {
        let container = await halt(index)
        await give(back: container.addresses, of: container.network)
    }

    /// The container comes back with another endpoint at the same addresses.
    mutating func restart(_ index: Int) async {
        let container = await halt(index)
        guard let id = EndpointID(identifier("c")) else { return }
        var endpoint = container.endpoint
        endpoint.id = id
        await start(Container(network: container.network, endpoint: endpoint))
    }

    /// Takes the container off its network.
    private mutating func halt(_ index: Int) async -> Container {
        let container = containers.remove(at: index)
        let (id, network) = (container.endpoint.id, container.endpoint.network)
        if chance(5) {
            world.destroy(container)
        } else if chance(95) {
            // Some engines revoke what they had published, some leave it at that.
            if chance(50) { _ = await call(.unpublish(id, network)) }
            _ = await call(.leave(id, network))
            if chance(3) { _ = await perform(.leave(id, network)) }
        }
        if container.isMoved { world.host.moveBack(container.link) }
        _ = await call(.deleteEndpoint(id, network))
        if chance(5) { _ = await perform(.deleteEndpoint(id, network)) }
        world.host.close(container.sandbox)
        return container
    }

    private mutating func give(back addresses: [InterfaceAddress], of network: Network) async {
        for address in addresses {
            guard let subnet = network.subnets.first(where: { $0.pool.prefix.contains(address.address) }) else {
                continue
            }
            _ = await call(.releaseAddress(address.address, subnet.pool.id))
            if chance(3) { _ = await perform(.releaseAddress(address.address, subnet.pool.id)) }
        }
    }
}

extension Caller.Container {
    var addresses: [InterfaceAddress] { [endpoint.ipv4, endpoint.ipv6].compactMap(\.self) }
}
