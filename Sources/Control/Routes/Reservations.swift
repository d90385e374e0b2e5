// SPDX-License-Identifier: Apache-2.0

public import Addressing
public import IPAM
import PluginKit

/// The answer to `GET` and to `POST /v1/reservations`.
public struct ReservationList: Codable, Hashable, Sendable {
    /// In the order of the addresses.
    public var reservations: [ReservationEntry]

    public init(reservations: [ReservationEntry]) {
        self.reservations = reservations
    }
}

/// A reservation, and who made it: also the answer to `DELETE /v1/reservations/{address}`.
public struct ReservationEntry: Hashable, Sendable {
    public enum Source: String, Codable, Sendable {
        case command
        case configuration
        /// The option `plugind.reserve` of a pool.
        case pool
    }

    public var address: IPAddress
    public var identity: Identity
    public var source: Source
    /// The pool whose option it is.
    public var pool: PoolID?

    public init(_ listed: ListedReservation) {
        address = listed.reservation.address
        identity = listed.reservation.identity
        switch listed.source {
        case .command: source = .command
        case .configuration: source = .configuration
        case .pool(let id): (source, pool) = (.pool, id)
        }
    }
}

extension ReservationEntry: Codable {
    enum CodingKeys: String, CodingKey {
        case address
        case source
        case pool
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        address = try container.decode(IPAddress.self, forKey: .address)
        identity = try Identity(fieldsOf: decoder)
        source = try container.decode(Source.self, forKey: .source)
        pool = try container.decodeIfPresent(PoolID.self, forKey: .pool)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(address, forKey: .address)
        try identity.encodeFields(to: encoder)
        try container.encode(source, forKey: .source)
        try container.encodeIfPresent(pool, forKey: .pool)
    }
}

/// The body of `POST /v1/reservations`: whom to keep addresses for, and which.
public struct ReservationRequest: Hashable, Sendable {
    public var identity: Identity
    public var addresses: [IPAddress]

    public init(identity: Identity, addresses: [IPAddress]) {
        self.identity = identity
        self.addresses = addresses
    }
}

extension ReservationRequest: Codable {
    enum CodingKeys: String, CodingKey, CaseIterable {
        case name
        case mac
        case addresses
    }

    /// A field that is not known is refused: it would be a misspelt one.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if let unknown = try JSONValue.members(of: decoder, besides: CodingKeys.self).keys.min() {
            let known = CodingKeys.allCases.map(\.rawValue).joined(separator: ", ")
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: decoder.codingPath, debugDescription: "unknown field ‘\(unknown)’; fields are \(known)")
            )
        }
        identity = try Identity(fieldsOf: decoder)
        addresses = try container.decode([IPAddress].self, forKey: .addresses)
        guard !addresses.isEmpty else {
            throw DecodingError.dataCorruptedError(
                forKey: .addresses, in: container, debugDescription: "expected at least one address")
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try identity.encodeFields(to: encoder)
        try container.encode(addresses, forKey: .addresses)
    }
}

extension ControlRouter {
    /// What can be asked about reservations, and done about those that are made by command.
    public mutating func onReservations(_ ipam: IPAM) {
        on("GET", "/reservations") { _ in
            ReservationList(reservations: await ipam.reservationList().map(ReservationEntry.init))
        }
        on("POST", "/reservations", status: 201) { request in
            let wanted = try request.decode(ReservationRequest.self)
            try await ipam.reserve(
                wanted.addresses.map { Reservation(identity: wanted.identity, address: $0) })
            let list = await ipam.reservationList().map(ReservationEntry.init)
            return ReservationList(
                reservations: list.filter { wanted.addresses.contains($0.address) && $0.identity == wanted.identity })
        }
        on("DELETE", "/reservations/{address}") { request in
            let address: IPAddress = try request.parameter("address", as: "an address")
            let list = await ipam.reservationList()
            guard try await ipam.unreserve(address),
                let entry = list.first(where: { $0.reservation.address == address && $0.source == .command })
            else {
                throw ControlError.notFound("\(address) is not reserved")
            }
            return ReservationEntry(entry)
        }
    }
}
