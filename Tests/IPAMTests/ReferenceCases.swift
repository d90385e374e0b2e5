// SPDX-License-Identifier: Apache-2.0

import Addressing
import Store
import TestSupport
import Testing

@testable import IPAM

/// What random runs came across once, in the fewest calls.
@Suite("Cases that random runs found")
struct ReferenceCases {
    private let store = FakeStore()
    private let clock = SettableClock()

    @Test func `an address from outside of the ranges that was released is not chosen`() async throws {
        let ipam = try open()
        let pool = try await pool(of: ipam, options: ["plugind.ranges": "10.0.0.10", "plugind.quarantine": "0"])
        #expect(try await give(ipam, pool, "10.0.0.77") == "10.0.0.77")
        #expect(try await give(ipam, pool, name: "web") == "10.0.0.10")
        try await release("10.0.0.77", in: pool, of: ipam)
        clock.now += 2 * 86_400_000
        await #expect(throws: IPAMError.self) { try await give(ipam, pool, name: "db") }
        #expect(await ipam.report().map(\.free) == [0])
    }

    @Test func `an address that is reserved after its release is chosen for nobody else`() async throws {
        let ipam = try open()
        let pool = try await pool(of: ipam, options: ["plugind.ranges": "10.0.0.10-10.0.0.11"])
        #expect(try await give(ipam, pool, name: "web") == "10.0.0.10")
        #expect(try await give(ipam, pool, name: "db") == "10.0.0.11")
        try await release("10.0.0.10", in: pool, of: ipam)
        try await reserve("10.0.0.10", for: "mail", ipam)
        // Not who had it, nor anybody for want of another.
        await #expect(throws: IPAMError.self) { try await give(ipam, pool, name: "web") }
        await #expect(throws: IPAMError.self) { try await give(ipam, pool, name: "cache") }
        #expect(try await give(ipam, pool, name: "mail") == "10.0.0.10")
    }

    @Test func `an address that nobody can have is not given because it is reserved`() async throws {
        let ipam = try open()
        let pool = try await pool(of: ipam)
        try await reserve("10.0.0.0", for: "web", ipam)
        #expect(try await give(ipam, pool, name: "web") == "10.0.0.1")
    }

    @Test(arguments: PoolOptions.Order.allCases)
    func `what was given again after its rest is held after a restart`(order: PoolOptions.Order) async throws {
        let ipam = try open()
        let pool = try await pool(of: ipam, options: ["plugind.order": order.rawValue, "plugind.ranges": "10.0.0.10"])
        #expect(try await give(ipam, pool) == "10.0.0.10")
        try await release("10.0.0.10", in: pool, of: ipam)
        clock.now += 61_000
        #expect(try await give(ipam, pool) == "10.0.0.10")
        #expect(store.state.rests == [])
        let restarted = try open()
        await #expect(throws: IPAMError.self) { try await give(restarted, pool) }
    }

    @Test func `what rested longest of more than 4096 is forgotten, and can be given`() async throws {
        let pool = try await pool(
            of: try open(), "10.0.0.0/16",
            options: ["plugind.ranges": "10.0.0.1-10.0.19.136", "plugind.quarantine": "0"])
        var state = store.state
        state.rests = (1...5_000).map { number in
            RestRecord(
                pool: pool.description, address: IPAddress(v4: 10 << 24 | UInt32(number)), name: nil, mac: nil,
                released: 10_000 - Int64(number))
        }
        let store = FakeStore(state)
        let ipam = try open(store)
        // The last 904 are as if nobody had ever had them.
        #expect(try await give(ipam, pool) == "10.0.16.1")
        #expect(try await give(ipam, pool) == "10.0.16.2")
        #expect(await ipam.report().map(\.free) == [4_998])
        // The store forgets them a few at a time, and never has one that is held.
        let held = Set(store.state.addresses.map(\.address))
        #expect(!store.state.rests.contains { held.contains($0.address) })
        #expect(store.state.rests.count < 4_998)
        _ = try open(store)
    }

    @Test func `no gateway is put where a stopped container has its address by number`() async throws {
        let ipam = try open()
        let pool = try await pool(of: ipam)
        #expect(try await give(ipam, pool, "10.0.0.1", name: "web") == "10.0.0.1")
        try await release("10.0.0.1", in: pool, of: ipam)
        #expect(try await give(ipam, pool, role: .gateway) == "10.0.0.2")
        #expect(try await give(ipam, pool, name: "web") == "10.0.0.1")
    }

    @Test func `releasing what lies before the pool, or is of the other family, is nothing to do`() async throws {
        let ipam = try open()
        let pool = try await pool(of: ipam)
        for address in ["0.0.0.0", "9.255.255.255", "10.0.1.0", "255.255.255.255", "::", "fe80::1"] {
            try await release(address, in: pool, of: ipam)
        }
        #expect(store.state.rests == [])
    }
}

extension ReferenceCases {
    private func open(_ store: FakeStore? = nil) throws -> IPAM {
        let store = store ?? self.store
        return try IPAM(
            state: store.load(), store: store, defaultPools: DefaultPools(ipv4: [], ipv6: []), occupied: { [] },
            random: SeededGenerator(seed: 1), now: { [clock] in clock.now }, logger: .silent)
    }

    private func pool(
        of ipam: IPAM, _ prefix: String = "10.0.0.0/24", options: [String: String] = [:]
    ) async throws -> PoolID {
        let request = try PoolRequest(
            space: AddressSpace.local.rawValue, pool: InterfaceAddress(prefix), subPool: nil, isIPv6: false,
            options: options)
        return try await ipam.requestPool(request).id
    }

    private func give(
        _ ipam: IPAM, _ pool: PoolID, _ number: String = "", name: String? = nil, role: AddressRecord.Role = .address
    ) async throws -> String {
        let request = AddressRequest(pool: pool, address: IPAddress(number), role: role, name: name)
        return try await ipam.requestAddress(request).address.description
    }

    private func release(_ address: String, in pool: PoolID, of ipam: IPAM) async throws {
        try await ipam.releaseAddress(try #require(IPAddress(address)), in: pool)
    }

    private func reserve(_ address: String, for name: String, _ ipam: IPAM) async throws {
        try await ipam.reserve(Reservation(identity: .name(name), address: try #require(IPAddress(address))))
    }
}
