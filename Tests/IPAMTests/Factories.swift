// SPDX-License-Identifier: Apache-2.0

import Addressing
import IPAM
import Logging
import PluginKit
import Store
import TestSupport

extension Logger {
    static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}

extension IPAM {
    /// An IPAM over what `store` holds, as after a start.
    static func make(
        store: FakeStore = FakeStore(), defaultPools: DefaultPools = .standard, occupied: [String] = [],
        seed: UInt64 = 1
    ) throws -> IPAM {
        let occupied = occupied.compactMap { Prefix($0) }
        return try IPAM(
            state: store.state, store: store, defaultPools: defaultPools, occupied: { occupied },
            random: SeededGenerator(seed: seed), logger: .silent)
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
        _ address: String = "", in pool: PoolID, gateway: Bool = false, name: String? = nil
    ) async throws -> String {
        try await requestAddress(
            AddressRequest(
                pool: pool, address: IPAddress(address), role: gateway ? .gateway : .address, name: name)
        ).description
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
