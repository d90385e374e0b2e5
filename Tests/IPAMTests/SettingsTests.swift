// SPDX-License-Identifier: Apache-2.0

import Addressing
import TestSupport
import Testing

@testable import IPAM

@Suite("Other settings while it runs")
struct SettingsTests {
    private let clock = TestClock()
    private let store = FakeStore()
    private let ipam: IPAM

    init() throws {
        ipam = try .make(store: store, clock: clock)
    }

    private static func settings(_ change: (inout IPAMSettings) -> Void) -> IPAMSettings {
        var settings = IPAMSettings(
            defaultPools: .standard, forbidden: [], defaults: PoolOptions(), reservations: [])
        change(&settings)
        return settings
    }

    @Test func `a pool without the option follows the default, one with it does not`() async throws {
        let follower = try await ipam.pool("10.0.0.0/30")
        let own = try await ipam.pool("10.0.1.0/30", options: ["plugind.quarantine": "1h", "plugind.order": "lru"])
        await ipam.update(
            Self.settings {
                $0.defaults.quarantine = .zero
                $0.defaults.order = .sequential
                $0.defaults.sticky = .off
            })
        let options = await ipam.poolOptions
        #expect(options[follower]?.order == .sequential && options[follower]?.quarantine == .zero)
        #expect(options[own]?.order == .lru && options[own]?.quarantine == .seconds(3600))
        #expect(options[follower]?.sticky == .off && options[own]?.sticky == .off)
        // As after a start with them.
        var defaults = PoolOptions()
        defaults.quarantine = .zero
        defaults.order = .sequential
        defaults.sticky = .off
        #expect(try await IPAM.make(store: store, defaults: defaults, clock: clock).poolOptions == options)
    }

    @Test func `what was released before is kept by the new rule`() async throws {
        let pool = try await ipam.pool("10.0.0.0/30")
        let request = AddressRequest(pool: pool, name: "web")
        let address = try await ipam.requestAddress(request).address
        try await ipam.releaseAddress(address, in: pool)
        clock.pass(.seconds(3600))
        await ipam.update(Self.settings { $0.defaults.sticky = .off })
        // Nobody is waited for any more, so the one that was free for longest is next.
        #expect(try await ipam.requestAddress(AddressRequest(pool: pool, name: "db")).address != address)
        #expect(try await ipam.requestAddress(AddressRequest(pool: pool, name: "cache")).address == address)
    }

    @Test func `pools are chosen from other blocks, and around what is forbidden`() async throws {
        let block = try DefaultPools.Block(base: "10.64.0.0/16", size: 24)
        let forbidden = try #require(Prefix("10.64.0.0/24"))
        await ipam.update(
            Self.settings {
                $0.defaultPools = DefaultPools([block])
                $0.forbidden = [forbidden]
            })
        #expect(try await ipam.pool().description.hasSuffix("/10.64.1.0/24"))
    }

    @Test func `reservations come and go, and who holds an address keeps it`() async throws {
        let pool = try await ipam.pool("10.0.0.0/24")
        let address = try await ipam.requestAddress(AddressRequest(pool: pool, name: "web")).address
        let reservation = Reservation(identity: .name("db"), address: address)
        await ipam.update(Self.settings { $0.reservations = [reservation] })
        #expect(
            await ipam.reservationConflicts() == [
                "address \(address) is reserved for container db, and held in pool \(pool) by container web, who keeps it"
            ])
        try await ipam.releaseAddress(address, in: pool)
        #expect(await ipam.reservationConflicts() == [])
        #expect(try await ipam.requestAddress(AddressRequest(pool: pool, name: "db")).address == address)
        #expect(await ipam.reservationConflicts() == [])
        await ipam.update(Self.settings { _ in })
        #expect(await ipam.reservationList().isEmpty)
    }

    @Test func `rivals of a reservation are named`() async throws {
        let address = try #require(IPAddress("10.0.0.5"))
        let pool = try await ipam.pool("10.0.0.0/24", options: ["plugind.reserve": "cache=10.0.0.5"])
        await ipam.update(Self.settings { $0.reservations = [Reservation(identity: .name("db"), address: address)] })
        #expect(
            await ipam.reservationConflicts() == [
                "address 10.0.0.5 is reserved for container db, and by an option of pool \(pool) for container cache, "
                    + "who gets it there"
            ])
    }

    @Test func `a pool that is being granted has the settings that hold when it is`() async throws {
        await ipam.update(Self.settings { $0.defaults.order = .random })
        let id = try await ipam.pool("10.0.0.0/24")
        #expect(await ipam.poolOptions[id]?.order == .random)
        // The same again is the same, whatever the defaults were.
        #expect(try await ipam.pool("10.0.0.0/24") == id)
    }
}

extension IPAM {
    fileprivate var poolOptions: [PoolID: PoolOptions] { pools.mapValues(\.options) }
}
