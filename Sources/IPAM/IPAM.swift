// SPDX-License-Identifier: Apache-2.0

public import Addressing
public import Events
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
    let events: EventLog
    let logger: Logger
    var chooser: PoolChooser
    var localIPv6: LocalIPv6Block
    var poolMemory: PoolMemory
    /// What pools are given out like that say nothing of it.
    var defaults: PoolOptions
    /// In milliseconds since 1970; never goes back while the process lives.
    let now: @Sendable () -> Int64
    var random: any RandomNumberGenerator & Sendable

    /// From the configuration, and by command.
    var configuredReservations: [Reservation]
    var storedReservations: [IPAddress: Reservation] = [:]
    var pendingReservations: [IPAddress: PendingChange] = [:]

    let macClaims: MACClaims

    var conflictBook = PoolConflicts()

    var owed = OwedReleases()
    var upkeepPause = Backoff()
    let reminder = Reminder()
    let protectionReminder = Reminder()

    /// `occupied` gives the prefixes of this host, its addresses and its routes without the default route. It is
    /// asked, and may block, when a pool has to be chosen. `now` is in milliseconds since 1970 and should not go back.
    ///
    /// Throws if the stored pools and addresses contradict each other.
    public init(
        state: StoredState, store: any StateStore, defaultPools: DefaultPools, forbidden: [Prefix] = [],
        occupied: @escaping @Sendable () -> [OccupiedPrefix], reservations: [Reservation] = [],
        defaults: PoolOptions = PoolOptions(), macClaims: MACClaims = .off,
        random: any RandomNumberGenerator & Sendable, now: @escaping @Sendable () -> Int64,
        events: EventLog = EventLog(), logger: Logger
    ) throws(IPAMError) {
        self.store = store
        self.events = events
        self.logger = logger
        self.defaults = defaults
        self.now = now
        self.random = random
        self.macClaims = macClaims
        configuredReservations = reservations
        chooser = PoolChooser(defaultPools: defaultPools, forbidden: forbidden, occupied: occupied)
        localIPv6 = try LocalIPv6Block(settings: state.settings, random: random)
        poolMemory = PoolMemory(settings: state.settings)
        for record in state.reservations {
            guard let reservation = Reservation(record) else {
                throw .unreadableState("the reservation of \(record.address) is for nobody")
            }
            storedReservations[record.address] = reservation
        }
        pools = try Self.pools(in: state, defaults, reservations + storedReservations.values)
        if state.rests.contains(where: \.isFixed) { protectionReminder.after(.seconds(60)) }
    }

    /// Those that are no option of a pool.
    var allReservations: [Reservation] { configuredReservations + storedReservations.values }

    private static func pools(
        in state: StoredState, _ defaults: PoolOptions, _ reservations: [Reservation]
    ) throws(IPAMError) -> [PoolID: Pool] {
        var pools: [PoolID: Pool] = [:]
        for record in state.pools {
            guard let space = AddressSpace(rawValue: record.space) else {
                throw .unreadableState("pool \(record.id) is in a space that this version does not know")
            }
            let pool = Pool(
                space: space, prefix: record.prefix, subPool: record.subPool,
                options: try PoolOptions(record.options, family: record.prefix.family, defaults: defaults),
                reservations: reservations)
            guard pool.id.description == record.id else {
                throw .unreadableState("pool \(record.id) is stored as \(pool.id)")
            }
            pools[pool.id] = pool
        }
        for record in state.addresses {
            guard let id = PoolID(record.pool), pools[id]?.prefix.contains(record.address) == true else {
                throw .unreadableState(
                    "address \(record.address) is stored for pool \(record.pool), which it is not in")
            }
            pools[id]?.take(record.address, by: Pool.Holder(record))
        }
        // In the order of their release, in which each is the last of those before it.
        for record in state.rests.sorted(by: { $0.released < $1.released }) {
            guard let id = PoolID(record.pool), pools[id]?.prefix.contains(record.address) == true else {
                throw .unreadableState(
                    "a rest of address \(record.address) is stored for pool \(record.pool), which it is not in")
            }
            guard pools[id]?.holds(record.address) == false else {
                throw .unreadableState("address \(record.address) of pool \(record.pool) is both held and released")
            }
            pools[id]?.restore(Rest(record), of: record.address)
        }
        for (name, records) in Dictionary(grouping: state.exclusions, by: \.pool) {
            guard let id = PoolID(name), let ranges = pools[id]?.offsets(of: records) else {
                throw .unreadableState("an exclusion is stored for pool \(name), which it is not in")
            }
            pools[id]?.setExclusions(ranges)
        }
        for id in pools.keys { pools[id]?.resume() }
        return pools
    }

    /// A line for the audit log: what, what became of it, and why.
    func audit(_ subject: String, _ decision: String, _ reason: String) -> Change {
        .audit(AuditRecord(time: now(), subject: subject, decision: decision, reason: reason))
    }
}

extension Reservation {
    fileprivate init?(_ record: ReservationRecord) {
        guard let identity = record.name.map(Identity.name) ?? record.mac.map(Identity.mac) else { return nil }
        self.init(identity: identity, address: record.address)
    }
}
