// SPDX-License-Identifier: Apache-2.0

public import Addressing
import Store

/// What of IPAM can be set otherwise while it runs.
public struct IPAMSettings: Hashable, Sendable {
    /// Where pools come from that nobody names.
    public var defaultPools: DefaultPools
    /// What no pool that plugind chooses may overlap.
    public var forbidden: [Prefix]
    /// What pools are given out like that say nothing of it.
    public var defaults: PoolOptions
    /// Those of the configuration.
    public var reservations: [Reservation]

    public init(
        defaultPools: DefaultPools, forbidden: [Prefix], defaults: PoolOptions, reservations: [Reservation]
    ) {
        self.defaultPools = defaultPools
        self.forbidden = forbidden
        self.defaults = defaults
        self.reservations = reservations
    }
}

extension IPAM {
    /// Takes other settings, all in one step, as if it had started with them. Who holds a pool or an address keeps it.
    public func update(_ settings: IPAMSettings) {
        chooser.defaultPools = settings.defaultPools
        chooser.forbidden = settings.forbidden
        defaults = settings.defaults
        configuredReservations = settings.reservations
        let reservations = allReservations
        // Not over the keys themselves: they would keep all pools from being changed in place.
        for id in Array(pools.keys) {
            pools[id]?.setReservations(reservations)
            pools[id]?.setDefaults(settings.defaults)
        }
    }

    /// What keeps reservations of the configuration from being what they say, in words: an address that is reserved for
    /// another by an option of a pool, or by command, and one that another holds, or that nobody knows who holds.
    public func reservationConflicts() -> [String] {
        configuredReservations.flatMap { reservation -> [String] in
            let rival = storedReservations[reservation.address].flatMap { $0 == reservation ? nil : $0 }
            let byCommand = rival.map { "\(reservation.words), and by command for \($0.identity)" }
            let pools = pools.values.filter { $0.prefix.contains(reservation.address) }.sorted { $0.id < $1.id }
            return [byCommand].compactMap(\.self) + pools.compactMap { conflict(of: reservation, in: $0) }
        }
    }

    private func conflict(of reservation: Reservation, in pool: Pool) -> String? {
        if let other = pool.options.reservations.first(where: { $0.address == reservation.address }),
            other != reservation
        {
            return "\(reservation.words), and by an option of pool \(pool.id) for \(other.identity), who gets it there"
        }
        guard let holder = pool.holder(of: reservation.address), !holder.isKnown(as: reservation.identity) else {
            return nil
        }
        let name = holder.name.map { "container \($0)" } ?? "an unnamed endpoint"
        let who = holder.role == .gateway ? "the gateway" : name
        return "\(reservation.words), and held in pool \(pool.id) by \(who), who keeps it"
    }
}

extension Reservation {
    fileprivate var words: String { "address \(address) is reserved for \(identity)" }
}

extension Pool.Holder {
    fileprivate func isKnown(as identity: Identity) -> Bool {
        switch identity {
        case .name(let name): self.name == name
        case .mac(let mac): self.mac == mac
        }
    }
}
