// SPDX-License-Identifier: Apache-2.0

import Addressing

/// Which addresses the pools of each space cover, so that neither a choice nor an overlap needs a walk over all pools.
///
/// Pools of one space do not overlap. Belongs to one actor, which keeps it from being used by two threads at once.
final class PoolCover {
    private struct Key: Hashable {
        let space: AddressSpace
        let family: AddressFamily
    }

    private var covered: [Key: AddressSet] = [:]
    private var isMade = false

    /// Takes in the pools there are, the first time. To be called before anything else is asked.
    func make(of pools: @autoclosure () -> some Sequence<Pool>) {
        guard !isMade else { return }
        isMade = true
        for pool in pools() { insert(pool.prefix, in: pool.space) }
    }

    /// Less the addresses' family, which the caller knows.
    func addresses(_ family: AddressFamily, in space: AddressSpace) -> AddressSet {
        covered[Key(space: space, family: family)] ?? AddressSet()
    }

    func overlaps(_ prefix: Prefix, in space: AddressSpace) -> Bool {
        let key = Key(space: space, family: prefix.family)
        guard let range = covered[key]?.firstRange(reaching: prefix.first.bits) else { return false }
        return range.lowerBound <= prefix.last.bits
    }

    func insert(_ prefix: Prefix, in space: AddressSpace) {
        let key = Key(space: space, family: prefix.family)
        covered[key, default: AddressSet()].insert(prefix.first.bits...prefix.last.bits)
    }

    func remove(_ prefix: Prefix, in space: AddressSpace) {
        let key = Key(space: space, family: prefix.family)
        covered[key]?.remove(prefix.first.bits...prefix.last.bits)
    }
}
