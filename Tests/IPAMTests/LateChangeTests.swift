// SPDX-License-Identifier: Apache-2.0

import Addressing
import Store
import TestSupport
import Testing

@testable import IPAM

/// What changes while something else is on its way, or after it was thought to be settled.
@Suite("Late changes")
struct LateChangeTests {
    private let store = FakeStore()
    private let clock = TestClock()

    @Test func `a pool asked for with other options waits for what is changing in it`() async throws {
        let ipam = try IPAM.make(store: store, clock: clock)
        let pool = try await ipam.pool("10.0.0.0/24")
        _ = try await ipam.address("10.0.0.5", in: pool, name: "web")
        try await ipam.release("10.0.0.5", in: pool)
        let protected = try #require(await ipam.protectedAddresses().first)
        store.pause()
        async let end: Void = ipam.endProtection(protected)
        await store.untilPaused(1)
        // The commit after the one that is under way.
        store.fail(after: 1)
        async let again = refusal { try await ipam.pool("10.0.0.0/24", options: ["plugind.order": "random"]) }
        for _ in 0..<1_000 { await Task.yield() }
        store.resume()
        try await end
        #expect(await again == "the disk is full")
        // Nothing is waited for that will never come.
        #expect(try await ipam.address("10.0.0.5", in: pool, name: "db") == "10.0.0.5/24")
        #expect(store.violations.isEmpty)
    }

    @Test func `a reservation made while a pool could not be given with other options holds`() async throws {
        let ipam = try IPAM.make(store: store, clock: clock)
        let pool = try await ipam.pool("10.0.0.0/24")
        store.pause()
        async let again = refusal { try await ipam.pool("10.0.0.0/24", options: ["plugind.order": "random"]) }
        await store.untilPaused(1)
        let address = try #require(IPAddress("10.0.0.5"))
        async let reserve: Void = ipam.reserve(Reservation(identity: .name("web"), address: address))
        await store.untilPaused(2)
        store.resume()
        _ = try await (again, reserve)
        #expect(await refusal { try await ipam.address("10.0.0.5", in: pool, name: "db") }.contains("reserved"))
    }

    @Test func `what comes back and goes again at the same moment keeps its place in the line`() async throws {
        let ipam = try IPAM.make(store: store, clock: clock)
        let pool = try await ipam.pool("10.0.0.0/24", options: ["plugind.ranges": "10.0.0.10-10.0.0.12"])
        for name in ["a", "b", "c"] { _ = try await ipam.address(in: pool, name: name) }
        for address in ["10.0.0.10", "10.0.0.11", "10.0.0.12"] { try await ipam.release(address, in: pool) }
        for _ in 0..<3 {
            #expect(try await ipam.address(in: pool, name: "b") == "10.0.0.11/24")
            try await ipam.release("10.0.0.11", in: pool)
        }
        for (name, address) in [("x", "10.0.0.10/24"), ("y", "10.0.0.11/24"), ("c", "10.0.0.12/24")] {
            #expect(try await ipam.address(in: pool, name: name) == address)
        }
        #expect(await refusal { try await ipam.address(in: pool, name: "z") }.contains("all 3 are in use"))
        #expect(store.state.rests.isEmpty)
    }

    @Test func `what was stored in another order is given in the order of its release`() async throws {
        let pool = try await IPAM.make(store: store, clock: clock).pool("10.0.0.0/29")
        var state = store.state
        state.rests = [(6, 300), (1, 500), (4, 100), (3, 100), (2, 400), (5, 200)].map { last, released in
            RestRecord(
                pool: pool.description, address: IPAddress(v4: 10 << 24 | last), name: nil, mac: nil,
                released: released)
        }
        let ipam = try IPAM.make(store: FakeStore(state), clock: clock)
        for last in [3, 4, 5, 6, 2, 1] { #expect(try await ipam.address(in: pool) == "10.0.0.\(last)/29") }
    }

    @Test func `growth that ended is no growth in the end`() async throws {
        let ipam = try IPAM.make(store: store, clock: clock)
        let pool = try await ipam.pool("10.0.0.0/24")
        for _ in 0..<60 {
            _ = try await ipam.address(in: pool)
            clock.pass(.seconds(60))
        }
        let growth = try #require(await ipam.report().first?.growthPerHour)
        #expect(abs(growth - 60) < 5)
        clock.pass(.seconds(12 * 3600))
        let later = try #require(await ipam.report().first?.growthPerHour)
        #expect(later < 5)
        clock.pass(.seconds(13 * 3600))
        #expect(await ipam.report().first?.exhaustedIn == nil)
    }

    @Test func `a pool of which all is excluded says so`() async throws {
        let ipam = try IPAM.make(store: store, clock: clock)
        let pool = try await ipam.pool("10.0.0.0/29", options: ["plugind.exclude": "10.0.0.0/29"])
        #expect(
            await refusal { try await ipam.address(in: pool) }
                == "no address is free in 10.0.0.0/29 of pool \(pool): its exclusions leave none to choose from")
        #expect(try await ipam.address("10.0.0.3", in: pool) == "10.0.0.3/29")
    }
}
