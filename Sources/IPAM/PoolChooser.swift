// SPDX-License-Identifier: Apache-2.0

import Addressing

/// Finds a pool for who names none.
struct PoolChooser: Sendable {
    let defaultPools: DefaultPools
    let occupied: @Sendable () -> [Prefix]

    /// The first default pool that overlaps neither a pool of the space nor anything of the host.
    ///
    /// Never one that is held, not even for the requester that holds it: the engine asks again while it holds
    /// pools it did not like, and would do so for ever.
    func choose(
        _ family: AddressFamily, besides pools: [Pool], localIPv6: @autoclosure () -> Prefix
    ) throws(IPAMError) -> Prefix {
        let blocks = blocks(family, localIPv6: localIPv6())
        let obstacles =
            pools.map { Obstacle(prefix: $0.prefix, name: "pool \($0.id)") }.sorted { $0.prefix < $1.prefix }
            + occupied().sorted().map { Obstacle(prefix: $0, name: "\($0) of this host") }
        var taken = AddressSet()
        for obstacle in obstacles where obstacle.prefix.family == family {
            taken.insert(obstacle.prefix.first.bits...obstacle.prefix.last.bits)
        }
        for block in blocks {
            if let pool = block.firstPool(avoiding: taken) { return pool }
        }
        let inTheWay = obstacles.filter { obstacle in blocks.contains { $0.base.overlaps(obstacle.prefix) } }
        let tried = blocks.reduce(UInt128(0)) { sum, block in
            let (sum, isTooLarge) = sum.addingReportingOverflow(block.poolCount)
            return isTooLarge ? .max : sum
        }
        throw .noPoolLeft(family, tried: tried, obstacles: inTheWay.map(\.name))
    }

    private func blocks(_ family: AddressFamily, localIPv6: @autoclosure () -> Prefix) -> [DefaultPools.Block] {
        switch family {
        case .v4: defaultPools.ipv4
        case .v6: defaultPools.ipv6 ?? [DefaultPools.Block(base: localIPv6(), poolLength: 64)].compactMap(\.self)
        }
    }

    private struct Obstacle {
        let prefix: Prefix
        let name: String
    }
}
