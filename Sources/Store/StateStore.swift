// SPDX-License-Identifier: Apache-2.0

public import Addressing

/// What plugind must remember across its own death: networks, endpoints, pools, addresses, what is
/// known of those released, reservations, exclusions, settings.
///
/// The engine never repeats itself (no CreateNetwork after a restart, no second teardown call), so what is
/// not stored is lost. Owners keep their own model in memory and write every change here before they answer.
public protocol StateStore: Sendable {
    /// Everything stored, read once at start.
    func load() throws(StoreError) -> StoredState

    /// Makes `changes` durable, all or none, and returns only then.
    ///
    /// Callers that wait at the same moment share one transaction and one disk flush. A failure concerns
    /// only the caller whose changes could not be written.
    ///
    /// Runs where its caller does, up to the store's own thread: an owner does not leave its queue to wait.
    nonisolated(nonsending) func commit(_ changes: [Change]) async throws(StoreError)

    /// The last lines of the audit log, newest first. The log is no part of the state: nothing is decided by it.
    func auditLog(last count: Int) throws(StoreError) -> [AuditRecord]
}

/// One change of the stored state. `put` replaces a record of the same key; deleting what is gone succeeds.
public enum Change: Hashable, Sendable {
    case putNetwork(NetworkRecord)
    case deleteNetwork(NetworkID)
    case putEndpoint(EndpointRecord)
    case deleteEndpoint(EndpointID)
    case putPool(PoolRecord)
    /// Deletes the pool, every address in it, what is known of those that were released, and its exclusions.
    case deletePool(String)
    /// Leaves what is known of an earlier holder: `deleteRest` goes with it.
    case putAddress(AddressRecord)
    case deleteAddress(pool: String, address: IPAddress)
    case putRest(RestRecord)
    case deleteRest(pool: String, address: IPAddress)
    case putReservation(ReservationRecord)
    case deleteReservation(IPAddress)
    case putExclusion(ExclusionRecord)
    case deleteExclusion(pool: String, first: IPAddress)
    case putSetting(key: String, value: String)
    /// Appends a line to the audit log.
    case audit(AuditRecord)
}

/// Everything that was stored.
public struct StoredState: Hashable, Sendable {
    public var networks: [NetworkRecord]
    public var endpoints: [EndpointRecord]
    public var pools: [PoolRecord]
    public var addresses: [AddressRecord]
    public var rests: [RestRecord]
    public var reservations: [ReservationRecord]
    public var exclusions: [ExclusionRecord]
    public var settings: [String: String]

    public init(
        networks: [NetworkRecord] = [], endpoints: [EndpointRecord] = [], pools: [PoolRecord] = [],
        addresses: [AddressRecord] = [], rests: [RestRecord] = [], reservations: [ReservationRecord] = [],
        exclusions: [ExclusionRecord] = [], settings: [String: String] = [:]
    ) {
        self.networks = networks
        self.endpoints = endpoints
        self.pools = pools
        self.addresses = addresses
        self.rests = rests
        self.reservations = reservations
        self.exclusions = exclusions
        self.settings = settings
    }
}

extension StoredState {
    /// The newest time in it, in milliseconds since 1970: time had come so far when it was stored.
    public var newestTime: Int64 {
        max(addresses.lazy.map(\.since).max() ?? 0, rests.lazy.map(\.released).max() ?? 0)
    }
}

/// A failure of the store, in words, with the way out where there is one.
public struct StoreError: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}
