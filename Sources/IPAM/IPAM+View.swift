// SPDX-License-Identifier: Apache-2.0

public import Addressing

extension IPAM {
    /// The containers that hold addresses, with the length of their pool, where the engine sent a name. Of the local space.
    public func heldNames() -> [InterfaceAddress: String] {
        var names: [InterfaceAddress: String] = [:]
        for pool in pools.values where pool.space == .local {
            for (offset, holder) in pool.holders {
                if let name = holder.name { names[pool.interfaceAddress(pool.address(at: offset))] = name }
            }
        }
        return names
    }

    /// Pools, addresses that are held in them, and releases that could not be finished yet.
    public func counts() -> IPAMCounts {
        IPAMCounts(
            pools: pools.count, addresses: pools.values.reduce(0) { $0 + $1.holders.count },
            owedReleases: owed.pools.count + owed.addresses.values.reduce(0) { $0 + $1.count })
    }
}

/// How many things IPAM has.
public struct IPAMCounts: Hashable, Sendable {
    public let pools: Int
    public let addresses: Int
    public let owedReleases: Int
}
