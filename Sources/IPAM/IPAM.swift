// SPDX-License-Identifier: Apache-2.0

public import Addressing
public import Logging
import PluginKit
public import Store

/// Hands out pools and addresses, and takes them back.
///
/// The model is in memory; every change of it is in the store before it is answered. Waiting for the store lets
/// other calls in, so:
///
/// - What is being granted is marked taken before the wait and unmarked if the store refuses: nobody else gets it.
/// - What is being released stays taken until the store has it: nobody gets it too early.
/// - Either carries a `PendingChange` meanwhile. Whoever meets one waits until it is settled and then decides
///   anew, so no two changes of one pool or one address are ever on their way together.
/// - A pool's release first keeps new changes of its addresses out, then waits for those on their way.
///
/// A change in hand waits for nothing but the store, except that a pool's release waits for addresses; so there
/// is no circle to wait in.
public actor IPAM {
    nonisolated let executor = QueueExecutor(label: "plugind.ipam")
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    var pools: [PoolID: Pool] = [:]
    let store: any StateStore
    let logger: Logger
    let chooser: PoolChooser
    var localIPv6: LocalIPv6Block

    /// `occupied` gives the prefixes of this host, its addresses and its routes without the default route. It is
    /// asked, and may block, when a pool has to be chosen.
    ///
    /// Throws if the stored pools and addresses contradict each other.
    public init(
        state: StoredState, store: any StateStore, defaultPools: DefaultPools,
        occupied: @escaping @Sendable () -> [Prefix], random: any RandomNumberGenerator & Sendable, logger: Logger
    ) throws(IPAMError) {
        self.store = store
        self.logger = logger
        self.chooser = PoolChooser(defaultPools: defaultPools, occupied: occupied)
        self.localIPv6 = try LocalIPv6Block(settings: state.settings, random: random)
        self.pools = try Self.pools(in: state)
    }

    private static func pools(in state: StoredState) throws(IPAMError) -> [PoolID: Pool] {
        var pools: [PoolID: Pool] = [:]
        for record in state.pools {
            guard let space = AddressSpace(rawValue: record.space) else {
                throw .unreadableState("pool \(record.id) is in a space that this version does not know")
            }
            let pool = Pool(space: space, prefix: record.prefix, subPool: record.subPool)
            guard pool.id.description == record.id else {
                throw .unreadableState("pool \(record.id) is stored as \(pool.id)")
            }
            pools[pool.id] = pool
        }
        for record in state.addresses {
            guard let id = PoolID(record.pool), let pool = pools[id], pool.prefix.contains(record.address) else {
                throw .unreadableState(
                    "address \(record.address) is stored for pool \(record.pool), which it is not in")
            }
            pools[id]?.take(record.address, by: Pool.Holder(role: record.role, name: record.name, pending: nil))
        }
        for id in pools.keys { pools[id]?.resumeAfterHighest() }
        return pools
    }
}
