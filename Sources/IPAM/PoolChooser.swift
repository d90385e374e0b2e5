// SPDX-License-Identifier: Apache-2.0

import Addressing

/// Finds a pool for who names none.
struct PoolChooser {
    var defaultPools: DefaultPools
    /// What is never chosen.
    var forbidden: [Prefix]
    /// What the host uses.
    let occupied: @Sendable () -> [OccupiedPrefix]
    let cover = PoolCover()

    init(defaultPools: DefaultPools, forbidden: [Prefix], occupied: @escaping @Sendable () -> [OccupiedPrefix]) {
        self.defaultPools = defaultPools
        self.forbidden = forbidden
        self.occupied = occupied
    }

    /// A pool, and in words why it is that one.
    struct Choice {
        let prefix: Prefix
        let reason: String
    }

    /// The first default pool that overlaps neither a pool of the space, nor anything of the host, nor what is forbidden:
    /// the one that the network had last, if it is one of those, else the lowest of the first block that has one. A size
    /// that is asked for is looked for in the blocks of that size first, and then in every one that is large enough.
    ///
    /// Never one that is held, not even for the requester that holds it: the engine asks again while it holds
    /// pools it did not like, and would do so for ever.
    ///
    /// `pools` are those there are; what they cover is in `cover` already.
    func choose(
        for request: PoolRequest, last: Prefix?, pools: @autoclosure () -> [Pool], localIPv6: @autoclosure () -> Prefix
    ) throws(IPAMError) -> Choice {
        let blocks = blocks(request.family, localIPv6: localIPv6())
        let pieces = Self.pieces(of: blocks, size: request.size)
        let host = occupied().filter { $0.prefix.family == request.family }
        var unavailable = AddressSet()
        for prefix in host.map(\.prefix) + forbidden where prefix.family == request.family {
            unavailable.insert(prefix.first.bits...prefix.last.bits)
        }
        let obstacles = [cover.addresses(request.family, in: request.space), unavailable]

        if let last, pieces.contains(where: { $0.length == last.length && $0.block.base.contains(last) }),
            obstacles.allSatisfy({ !$0.overlaps(last) })
        {
            return Choice(prefix: last, reason: "the network had it last")
        }
        for piece in pieces {
            if let prefix = piece.block.firstPool(of: piece.length, avoiding: obstacles) {
                let size = request.size.map { " of size /\($0)" } ?? ""
                return Choice(prefix: prefix, reason: "the first free one\(size) in block \(piece.block.base)")
            }
        }
        throw .noPoolLeft(
            PoolShortage(
                family: request.family, size: request.size, blocks: blocks.map(\.base),
                tried: pieces.map(\.block.base),
                obstacles: Self.obstacles(host, forbidden, pools().filter { $0.space == request.space })))
    }

    private func blocks(_ family: AddressFamily, localIPv6: @autoclosure () -> Prefix) -> [DefaultPools.Block] {
        switch family {
        case .v4: defaultPools.ipv4
        case .v6: defaultPools.ipv6 ?? [DefaultPools.Block(base: localIPv6(), poolLength: 64)].compactMap(\.self)
        }
    }

    /// A block and the prefix length of the pools that it is cut into.
    private struct Pieces {
        let block: DefaultPools.Block
        let length: Int
    }

    private static func pieces(of blocks: [DefaultPools.Block], size: Int?) -> [Pieces] {
        guard let size else { return blocks.map { Pieces(block: $0, length: $0.poolLength) } }
        let largeEnough = blocks.filter { $0.base.length <= size }
        return (largeEnough.filter { $0.poolLength == size } + largeEnough.filter { $0.poolLength != size })
            .map { Pieces(block: $0, length: size) }
    }

    private static func obstacles(
        _ host: [OccupiedPrefix], _ forbidden: [Prefix], _ pools: [Pool]
    ) -> [PoolShortage.Obstacle] {
        forbidden.map { .init(prefix: $0, what: "forbidden \($0)", isPool: false) }
            + host.map { .init(prefix: $0.prefix, what: $0.what, isPool: false) }
            + pools.map { pool in
                let network = pool.options.name.map { " of network \($0)" } ?? ""
                return .init(prefix: pool.prefix, what: "pool \(pool.id)\(network)", isPool: true)
            }
    }
}

extension AddressSet {
    fileprivate func overlaps(_ prefix: Prefix) -> Bool {
        guard let range = firstRange(reaching: prefix.first.bits) else { return false }
        return range.lowerBound <= prefix.last.bits
    }
}
