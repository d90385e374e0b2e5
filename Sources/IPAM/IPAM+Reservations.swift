// SPDX-License-Identifier: Apache-2.0

public import Addressing
import Events
import Logging
import Store

/// A reservation, and who made it.
public struct ListedReservation: Hashable, Sendable {
    public enum Source: Hashable, Sendable {
        case configuration
        case command
        /// The option `plugind.reserve` of a pool.
        case pool(PoolID)
    }

    public let reservation: Reservation
    public let source: Source
}

extension IPAM {
    /// Every reservation, in the order of the addresses.
    public func reservationList() -> [ListedReservation] {
        let options = pools.flatMap { id, pool in
            pool.options.reservations.map { ListedReservation(reservation: $0, source: .pool(id)) }
        }
        let all =
            configuredReservations.map { ListedReservation(reservation: $0, source: .configuration) }
            + storedReservations.values.map { ListedReservation(reservation: $0, source: .command) } + options
        return all.sorted { ($0.reservation.address, "\($0.source)") < ($1.reservation.address, "\($1.source)") }
    }

    /// Keeps addresses for containers or MAC addresses, in every pool that has them: all, or none. Who holds one keeps it.
    ///
    /// The same again is success. Refused if an address is reserved for another.
    public func reserve(_ reservations: [Reservation]) async throws {
        while let pending = reservations.lazy.compactMap({ self.pendingReservations[$0.address] }).first {
            await pending.settled()
        }
        var new: [Reservation] = []
        var known = Dictionary(reservationList().map { ($0.reservation.address, $0.reservation) }) { first, _ in first }
        for reservation in reservations {
            guard let other = known[reservation.address] else {
                known[reservation.address] = reservation
                new.append(reservation)
                continue
            }
            guard other == reservation else { throw ReservationError.taken(other.address, by: other.identity) }
        }
        try await change(
            new.map(\.address), to: new.map { ($0.address, $0) },
            new.flatMap { reservation in
                [
                    .putReservation(ReservationRecord(reservation)),
                    audit("address \(reservation.address)", "reserved", "by command, for \(reservation.identity)"),
                ]
            })
        for reservation in new {
            events.emit(.addressReserved(reservation.address, identity: "\(reservation.identity)"))
            logger.info(
                "Reserved address",
                metadata: ["for": "\(reservation.identity)", "address": "\(reservation.address)"])
        }
    }

    /// Ends a reservation that was made by command. False if there is none. Refused if it was made otherwise.
    public func unreserve(_ address: IPAddress) async throws -> Bool {
        while let pending = pendingReservations[address] { await pending.settled() }
        guard storedReservations[address] != nil else {
            switch reservationList().first(where: { $0.reservation.address == address })?.source {
            case .configuration?: throw ReservationError.configured(address)
            case .pool(let id)?: throw ReservationError.option(address, of: id)
            case .command?, nil: return false
            }
        }
        try await change(
            [address], to: [],
            [.deleteReservation(address), audit("address \(address)", "reservation ended", "by command")])
        events.emit(.addressUnreserved(address))
        logger.info("Ended reservation", metadata: ["address": "\(address)"])
        return true
    }

    /// Stores changes of what is reserved by command, and then lets it be so. Meanwhile nobody else changes the same.
    private func change(
        _ addresses: [IPAddress], to after: [(IPAddress, Reservation)], _ changes: [Change]
    ) async throws {
        if changes.isEmpty { return }
        let pending = PendingChange()
        defer { pending.settle() }
        for address in addresses { pendingReservations[address] = pending }
        defer { for address in addresses { pendingReservations[address] = nil } }
        try await store.commit(changes)
        for address in addresses { storedReservations[address] = nil }
        for (address, reservation) in after { storedReservations[address] = reservation }
        let reservations = allReservations
        // Not over the keys themselves: they would keep all pools from being changed in place.
        for id in pools.keys.filter({ id in addresses.contains { pools[id]?.prefix.contains($0) == true } }) {
            pools[id]?.setReservations(reservations)
        }
    }
}

/// Why a reservation cannot be made or ended, in words.
public enum ReservationError: Error, Hashable, Sendable, CustomStringConvertible {
    case taken(IPAddress, by: Identity)
    case configured(IPAddress)
    case option(IPAddress, of: PoolID)

    public var description: String {
        switch self {
        case .taken(let address, let identity): "address \(address) is reserved for \(identity)"
        case .configured(let address):
            "the reservation of \(address) is in the configuration file; remove it there and reload the configuration"
        case .option(let address, let pool):
            "the reservation of \(address) is an option of pool \(pool), and goes with its network"
        }
    }
}

extension ReservationRecord {
    fileprivate init(_ reservation: Reservation) {
        switch reservation.identity {
        case .name(let name): self.init(name: name, mac: nil, address: reservation.address)
        case .mac(let mac): self.init(name: nil, mac: mac, address: reservation.address)
        }
    }
}
