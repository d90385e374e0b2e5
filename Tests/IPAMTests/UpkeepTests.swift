// SPDX-License-Identifier: Apache-2.0

import Addressing
import PluginKit
import Store
import TestSupport
import Testing

@testable import IPAM

@Suite("Releases that the store refused")
struct UpkeepTests {
    private let store = FakeStore()
    private let ipam: IPAM
    private let pool: PoolID

    init() async throws {
        ipam = try IPAM.make(store: store)
        pool = try await ipam.pool("10.0.0.0/29")
    }

    @Test func `an address is released later`() async throws {
        let address = try await ipam.requestAddress(AddressRequest(pool: pool)).address
        store.failNext(2)
        await #expect(throws: StoreError.self) { try await ipam.releaseAddress(address, in: pool) }
        await ipam.upkeep()
        #expect(store.state.addresses.count == 1)
        await ipam.upkeep()
        #expect(store.state.addresses.isEmpty)
        #expect(await ipam.owed.isEmpty)
        // It is free, and the round goes on before it comes back.
        let again = try await ipam.requestAddress(AddressRequest(pool: pool, address: address))
        #expect(again.address == address)
    }

    @Test func `a pool is released later, with the addresses in it`() async throws {
        let address = try await ipam.requestAddress(AddressRequest(pool: pool)).address
        store.failNext(2)
        await #expect(throws: StoreError.self) { try await ipam.releaseAddress(address, in: pool) }
        await #expect(throws: StoreError.self) { try await ipam.releasePool(pool) }
        await ipam.upkeep()
        #expect(store.state == StoredState())
        #expect(await ipam.owed.isEmpty)
    }

    @Test func `what was given to somebody else since is theirs`() async throws {
        let gateway = AddressRequest(pool: pool, role: .gateway)
        let address = try await ipam.requestAddress(gateway).address
        store.failNext()
        await #expect(throws: StoreError.self) { try await ipam.releaseAddress(address, in: pool) }
        #expect(try await ipam.requestAddress(gateway).address == address)
        await ipam.upkeep()
        #expect(store.state.addresses.count == 1)
    }

    @Test func `a pool that is asked for again before its release was finished stays`() async throws {
        store.failNext()
        await #expect(throws: StoreError.self) { try await ipam.releasePool(pool) }
        try await ipam.pool("10.0.0.0/29")
        await ipam.upkeep()
        #expect(store.state.pools.count == 1)
    }

    @Test func `a release is owed for as long as another change is on its way`() async throws {
        let address = try await ipam.requestAddress(AddressRequest(pool: pool)).address
        let serial = try #require(await ipam.heldPools().first?.addresses.first?.serial)
        store.failNext()
        await #expect(throws: StoreError.self) { try await ipam.releaseAddress(address, in: pool) }
        store.pause()
        let other = Task { [ipam, pool] in try await ipam.releaseAddress(address, in: pool, ifStill: serial) }
        await store.untilPaused(1)
        await ipam.upkeep()
        #expect(await ipam.owed.addresses == [pool: [address: serial]])
        store.failNext()
        store.resume()
        await #expect(throws: StoreError.self) { try await other.value }
        await ipam.upkeep()
        #expect(store.state.addresses.isEmpty)
        #expect(await ipam.owed.isEmpty)
    }

    @Test func `a pool's release is owed for as long as that of an address in it is on its way`() async throws {
        _ = try await ipam.requestAddress(AddressRequest(pool: pool))
        store.failNext()
        await #expect(throws: StoreError.self) { try await ipam.releasePool(pool) }
        store.pause()
        let other = Task { [ipam, pool] in
            try await ipam.releaseAddress(#require(IPAddress("10.0.0.1")), in: pool)
        }
        await store.untilPaused(1)
        await ipam.upkeep()
        let owed = await ipam.owed
        #expect(owed.pools.count == 1)
        store.resume()
        try await other.value
        await ipam.upkeep()
        #expect(store.state == StoredState())
    }

    @Test func `what nobody asked to be released is not owed`() async throws {
        _ = try await ipam.requestAddress(AddressRequest(pool: pool))
        let pools = await ipam.heldPools()
        let poolSerial = try #require(pools.first?.serial)
        let serial = try #require(pools.first?.addresses.first?.serial)
        store.failNext(2)
        await #expect(throws: StoreError.self) {
            try await ipam.releaseAddress(#require(IPAddress("10.0.0.1")), in: pool, ifStill: serial)
        }
        await #expect(throws: StoreError.self) { try await ipam.releasePool(pool, ifStill: poolSerial) }
        #expect(await ipam.owed.isEmpty)
        await ipam.upkeep()
        #expect(store.state.addresses.count == 1)
    }

    @Test func `the pause grows once a round, however much is owed`() async throws {
        var addresses: [IPAddress] = []
        for _ in 0..<3 { addresses.append(try await ipam.requestAddress(AddressRequest(pool: pool)).address) }
        store.failNext(9)
        for address in addresses {
            await #expect(throws: StoreError.self) { try await ipam.releaseAddress(address, in: pool) }
        }
        #expect(await ipam.upkeepPause.pause == .seconds(1))
        await ipam.upkeep()
        #expect(await ipam.upkeepPause.pause == .seconds(2))
        await ipam.upkeep()
        #expect(await ipam.upkeepPause.pause == .seconds(4))
        await ipam.upkeep()
        #expect(await ipam.upkeepPause.pause == .seconds(1))
        #expect(store.state.addresses.isEmpty)
    }

    @Test func `upkeep is asked for after a second`() async throws {
        store.failNext()
        await #expect(throws: StoreError.self) { try await ipam.releasePool(pool) }
        for await _ in ipam.upkeepSignals { break }
        await ipam.upkeep()
        #expect(store.state == StoredState())
    }
}
