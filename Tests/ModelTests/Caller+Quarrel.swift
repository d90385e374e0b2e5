// SPDX-License-Identifier: Apache-2.0

import Addressing
@testable import IPAM
import NetDriver
import Store

/// Calls that no engine would make, or not in that order, about what others are busy with.
extension Caller {
    mutating func quarrel() async {
        guard let call = quarrelsomeCall() else { return }
        let answer = await perform(call).answer
        if case .requestPool(let request) = call, request.prefix == nil, case .pool(let pool)? = answer {
            world.note(chosen: pool.id)
        }
    }

    private mutating func quarrelsomeCall() -> Call? {
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<12: quarrelAboutPools()
        default: quarrelAboutNetworks()
        }
    }

    private mutating func quarrelAboutPools() -> Call? {
        guard let pool = Shared.pools.randomElement(using: &random) else { return nil }
        let id = PoolID(space: pool.space, prefix: pool.prefix, subPool: pool.subPool)
        let offset = UInt128.random(in: 0...pool.prefix.hostMask + 1, using: &random)
        let address = IPAddress(family: pool.prefix.family, bits: pool.prefix.base.bits + offset)
        switch Int.random(in: 0..<20, using: &random) {
        case 0...3:
            let request = try? PoolRequest(
                pool.space, pool.prefix, subPool: pool.subPool, family: pool.prefix.family)
            return request.map(Call.requestPool)
        case 4:
            let request = try? PoolRequest(pool.space, nil, family: chance(80) ? .v4 : .v6)
            return request.map(Call.requestPool)
        case 5, 6: return .releasePool(world.poolToRelease(using: &random) ?? id)
        case 7...10: return .requestAddress(AddressRequest(pool: id))
        case 11: return .requestAddress(AddressRequest(pool: id, role: .gateway))
        case 12: return .requestAddress(AddressRequest(pool: id, address: address, role: .gateway))
        case 13, 14: return .requestAddress(AddressRequest(pool: id, address: address))
        default: return address.map { .releaseAddress($0, id) }
        }
    }

    private mutating func quarrelAboutNetworks() -> Call? {
        guard var network = Shared.networks.randomElement(using: &random),
            let endpoint = Shared.endpoints.randomElement(using: &random),
            let elsewhere = Shared.networks.randomElement(using: &random)
        else { return nil }
        let home = chance(95) ? endpoint.network : elsewhere.id
        switch Int.random(in: 0..<14, using: &random) {
        case 0...1:
            network.isInternal = chance(10)
            return .createNetwork(network)
        case 2: return .deleteNetwork(network.id)
        case 3...5: return .createEndpoint(endpoint)
        case 6: return Shared.sandboxes.randomElement(using: &random).map { .join(endpoint.id, home, sandbox: $0) }
        case 7: return .leave(endpoint.id, home)
        case 8...10: return .publish(portsToPublish(), endpoint.id, home, isWithoutIPv6Proxy: chance(10))
        case 11: return .unpublish(endpoint.id, home)
        default: return .deleteEndpoint(endpoint.id, home)
        }
    }
}
