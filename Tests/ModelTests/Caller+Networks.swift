// SPDX-License-Identifier: Apache-2.0

import Addressing
import IPAM
import NetDriver
import Store

/// `docker network create` and `docker network rm`.
extension Caller {
    mutating func addNetwork() async {
        var subnets: [Subnet] = []
        for family in chance(30) ? [AddressFamily.v4, .v6] : [.v4] {
            if let subnet = await addSubnet(family) { subnets.append(subnet) }
        }
        let id = NetworkID(identifier("b"))
        guard let id, !subnets.isEmpty else { return await give(back: subnets) }
        let network = Network(
            request: NetworkRequest(
                id: id, isInternal: chance(20),
                subnets: subnets.map { .init(prefix: $0.pool.prefix, gateway: $0.gateway) },
                options: chance(40) ? NetworkRequest.direct : [:]),
            subnets: subnets)
        guard await call(.createNetwork(network.request)) != nil else {
            // An engine does not call DeleteNetwork after a CreateNetwork that failed.
            return await give(back: subnets)
        }
        if chance(5) { _ = await perform(.createNetwork(network.request)) }
        networks.append(network)
        if chance(10) { world.publish(network) }
    }

    private mutating func addSubnet(_ family: AddressFamily) async -> Subnet? {
        let third = UInt32.random(in: 0..<4, using: &random)
        let own: Prefix? =
            switch family {
            case .v4: Prefix(base: IPAddress(v4: 10 << 24 | UInt32(number) << 16 | third << 8), length: 28 - Int(third))
            case .v6:
                Prefix(base: IPAddress(v6: 0xfd01 << 112 | UInt128(number) << 96 | UInt128(third) << 80), length: 120)
            }
        let part = own.flatMap { Prefix(base: $0.base, length: $0.length + 1) }
        let isNamed = chance(60)
        let subPool = isNamed && chance(20) ? part : nil
        guard let request = try? PoolRequest(.local, isNamed ? own : nil, subPool: subPool, family: family),
            case .pool(let pool)? = await call(.requestPool(request))
        else { return nil }
        let first = IPAddress(family: family, bits: pool.prefix.base.bits + 1)
        let wish = AddressRequest(pool: pool.id, address: chance(30) ? first : nil, role: .gateway)
        guard case .address(let gateway)? = await call(.requestAddress(wish)) else {
            _ = await call(.releasePool(pool.id))
            return nil
        }
        if chance(5) { _ = await perform(.requestAddress(wish)) }
        return Subnet(pool: pool, gateway: gateway)
    }

    mutating func removeNetwork(_ index: Int) async {
        let network = networks[index]
        guard case .nothing? = await call(.deleteNetwork(network.request.id)) else {
            // One that is in use stays; in all other cases the engine forgets it.
            if containers.contains(where: { $0.network.request.id == network.request.id }) { return }
            world.withdraw(network)
            networks.remove(at: index)
            return await give(back: network.subnets)
        }
        world.withdraw(network)
        networks.remove(at: index)
        if chance(5) { _ = await perform(.deleteNetwork(network.request.id)) }
        await give(back: network.subnets)
    }

    private mutating func give(back subnets: [Subnet]) async {
        for subnet in subnets {
            if chance(95) { _ = await call(.releaseAddress(subnet.gateway.address, subnet.pool.id)) }
            _ = await call(.releasePool(subnet.pool.id))
            if chance(3) { _ = await perform(.releasePool(subnet.pool.id)) }
        }
    }

    /// An id as engines make them, of 64 digits.
    mutating func identifier(_ start: String) -> String {
        let digits = (0..<4).map { _ in String(UInt64.random(in: .min ... .max, using: &random), radix: 16) }
        return String((start + digits.joined() + String(repeating: "0", count: 64)).prefix(64))
    }
}
