// SPDX-License-Identifier: Apache-2.0

import Addressing
import Events
@testable import IPAM
import Logging
import PluginKit
import Store
import Synchronization
import TestSupport

/// Milliseconds since 1970, as a test wants them.
final class TestClock: Sendable {
    private let time = Mutex<Int64>(1_800_000_000_000)

    @Sendable func now() -> Int64 { time.withLock(\.self) }

    func pass(_ duration: Duration) {
        time.withLock {
            $0 += duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000
        }
    }
}

extension Logger {
    static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}

extension IPAM {
    /// An IPAM over what `store` holds, as after a start.
    static func make(
        store: FakeStore = FakeStore(), defaultPools: DefaultPools = .standard, forbidden: [String] = [],
        occupied: [String] = [], reservations: [Reservation] = [], defaults: PoolOptions = PoolOptions(),
        macClaims: MACClaims = .off, clock: TestClock = TestClock(), seed: UInt64 = 1, events: EventLog = EventLog()
    ) throws -> IPAM {
        let occupied = occupied.compactMap { Prefix($0) }.map {
            OccupiedPrefix(prefix: $0, what: "route \($0) via eth0")
        }
        return try IPAM(
            state: store.state, store: store, defaultPools: defaultPools,
            forbidden: forbidden.compactMap { Prefix($0) }, occupied: { occupied }, reservations: reservations,
            defaults: defaults, macClaims: macClaims, random: SeededGenerator(seed: seed), now: clock.now,
            events: events, logger: .silent)
    }

    /// Requests a pool as the engine would write it, and answers the pool's id.
    @discardableResult
    func pool(
        _ pool: String = "", subPool: String = "", space: AddressSpace = .local, isIPv6: Bool? = nil,
        options: [String: String] = [:]
    ) async throws -> PoolID {
        let pool = InterfaceAddress(pool)
        return try await requestPool(
            PoolRequest(
                space: space.rawValue, pool: pool, subPool: InterfaceAddress(subPool),
                isIPv6: isIPv6 ?? (pool?.address.family == .v6), options: options)
        ).id
    }

    /// Requests an address and answers it as text.
    func address(
        _ address: String = "", in pool: PoolID, gateway: Bool = false, name: String? = nil, mac: String = ""
    ) async throws -> String {
        try await requestAddress(
            AddressRequest(
                pool: pool, address: IPAddress(address), role: gateway ? .gateway : .address, name: name,
                mac: MACAddress(mac))
        ).description
    }

    func reserve(_ reservation: Reservation) async throws {
        try await reserve([reservation])
    }

    func release(_ address: String, in pool: PoolID) async throws {
        guard let address = IPAddress(address) else { return }
        try await releaseAddress(address, in: pool)
    }
}

/// The sentence with which `work` fails, or "" if it does not.
func refusal(_ work: () async throws -> some Any) async -> String {
    do {
        _ = try await work()
        return ""
    } catch {
        return "\(error)"
    }
}
