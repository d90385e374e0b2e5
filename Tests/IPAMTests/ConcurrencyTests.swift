// SPDX-License-Identifier: Apache-2.0

import Addressing
import Store
import TestSupport
import Testing

@testable import IPAM

@Suite("Calls at the same time")
struct ConcurrencyTests {
    @Test func `no address is given twice, and what is stored is what was answered`() async throws {
        let store = FakeStore()
        let ipam = try IPAM.make(store: store)
        let pool = try await ipam.pool("10.0.0.0/24")
        let given = await withTaskGroup(of: String?.self) { group in
            for _ in 0..<400 { group.addTask { try? await ipam.address(in: pool) } }
            return await group.reduce(into: [String]()) { if let address = $1 { $0.append(address) } }
        }
        #expect(given.count == 254)
        #expect(Set(given).count == 254)
        #expect(Set(store.state.addresses.map { "\($0.address)/24" }) == Set(given))
        #expect(store.violations.isEmpty)
    }

    @Test func `no pool is given twice`() async throws {
        let store = FakeStore()
        let ipam = try IPAM.make(store: store)
        let given = await withTaskGroup(of: PoolID?.self) { group in
            for index in 0..<100 { group.addTask { try? await ipam.pool(isIPv6: index % 2 == 0) } }
            return await group.reduce(into: [PoolID]()) { if let pool = $1 { $0.append(pool) } }
        }
        #expect(given.count == 100)
        #expect(Set(given).count == given.count)
        #expect(Set(store.state.pools.map(\.id)) == Set(given.map(\.description)))
        #expect(store.state.settings.count == 1)
        #expect(store.violations.isEmpty)
    }

    @Test func `one address wanted by many goes to one of them`() async throws {
        let store = FakeStore()
        let ipam = try IPAM.make(store: store)
        let pool = try await ipam.pool("10.0.0.0/24")
        let winners = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<50 { group.addTask { (try? await ipam.address("10.0.0.9", in: pool)) != nil } }
            return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(winners == 1)
        #expect(store.violations.isEmpty)
    }

    @Test func `an address is not given again before its release is stored`() async throws {
        let store = FakeStore()
        let ipam = try IPAM.make(store: store)
        let pool = try await ipam.pool("10.0.0.0/32")
        #expect(try await ipam.address(in: pool) == "10.0.0.0/32")
        store.pause()
        async let release: Void = ipam.release("10.0.0.0", in: pool)
        await store.untilPaused(1)
        #expect(await refusal { try await ipam.address(in: pool) } != "")
        // One that is named is waited for.
        async let again = ipam.address("10.0.0.0", in: pool)
        store.resume()
        try await release
        #expect(try await again == "10.0.0.0/32")
        #expect(store.violations.isEmpty)
    }

    @Test func `a second release waits for the first and then succeeds without a change of its own`() async throws {
        let store = FakeStore()
        let ipam = try IPAM.make(store: store)
        let pool = try await ipam.pool("10.0.0.0/24")
        _ = try await ipam.address("10.0.0.5", in: pool)
        store.pause()
        async let first: Void = ipam.release("10.0.0.5", in: pool)
        async let second: Void = ipam.release("10.0.0.5", in: pool)
        await store.untilPaused(1)
        store.resume()
        _ = try await (first, second)
        #expect(store.commits.count == 3)
        #expect(store.violations.isEmpty)
    }

    @Test func `if the first of two releases is refused by the store, the second one is carried out`() async throws {
        let store = FakeStore()
        let ipam = try IPAM.make(store: store)
        let pool = try await ipam.pool("10.0.0.0/24")
        _ = try await ipam.address("10.0.0.5", in: pool)
        store.pause()
        store.failNext()
        async let first = refusal { try await ipam.release("10.0.0.5", in: pool) }
        async let second = refusal { try await ipam.release("10.0.0.5", in: pool) }
        await store.untilPaused(1)
        store.resume()
        #expect(await Set([first, second]) == ["the disk is full", ""])
        #expect(store.state.addresses.isEmpty)
        #expect(try await ipam.address("10.0.0.5", in: pool) == "10.0.0.5/24")
        #expect(store.violations.isEmpty)
    }

    @Test func `a release of an address that is just being granted comes after the grant`() async throws {
        let store = FakeStore()
        let ipam = try IPAM.make(store: store)
        let pool = try await ipam.pool("10.0.0.0/24")
        store.pause()
        async let grant = ipam.address("10.0.0.5", in: pool)
        await store.untilPaused(1)
        async let release: Void = ipam.release("10.0.0.5", in: pool)
        store.resume()
        #expect(try await grant == "10.0.0.5/24")
        try await release
        #expect(store.state.addresses.isEmpty)
        #expect(store.violations.isEmpty)
    }

    @Test func `releasing a pool waits for addresses on their way and keeps new ones out`() async throws {
        let store = FakeStore()
        let ipam = try IPAM.make(store: store)
        let pool = try await ipam.pool("10.0.0.0/24")
        store.pause()
        async let grant = ipam.address("10.0.0.5", in: pool)
        await store.untilPaused(1)
        async let release: Void = ipam.releasePool(pool)
        async let late = refusal { try await ipam.address("10.0.0.6", in: pool) }
        store.resume()
        #expect(try await grant == "10.0.0.5/24")
        try await release
        #expect(["", "pool plugind-local/10.0.0.0/24 is not known to plugind"].contains(await late))
        #expect(store.state == StoredState())
        #expect(store.violations.isEmpty)
    }

    @Test func `two requests for one global pool at once get the same answer with one change`() async throws {
        let store = FakeStore()
        let ipam = try IPAM.make(store: store)
        store.pause()
        async let first = ipam.pool("10.0.0.0/24", space: .global)
        async let second = ipam.pool("10.0.0.0/24", space: .global)
        await store.untilPaused(1)
        store.resume()
        let (one, other) = try await (first, second)
        #expect(one == other)
        #expect(store.commits.count == 1)
    }

    @Test(arguments: 1...12 as ClosedRange<UInt64>)
    func `many tasks, a store that fails now and then: memory and store agree in the end`(seed: UInt64) async throws {
        let store = FakeStore()
        let ipam = try IPAM.make(store: store)
        let pools = ["10.0.0.0/28", "10.0.0.0/24", "10.0.1.0/29", "10.0.1.0/32", "fd00::/124"]
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<16 {
                group.addTask {
                    var random = SeededGenerator(seed: seed &* 1_000 &+ UInt64(task))
                    for _ in 0..<60 {
                        let text = pools.randomElement(using: &random) ?? ""
                        guard let prefix = Prefix(text) else { continue }
                        let space: AddressSpace = Bool.random(using: &random) ? .local : .global
                        let id = PoolID(space: space, prefix: prefix, subPool: nil)
                        let host = UInt128.random(in: 0...min(prefix.hostMask, 20), using: &random)
                        let address = IPAddress(family: prefix.family, bits: prefix.base.bits + host)?.description ?? ""
                        if Int.random(in: 0..<12, using: &random) == 0 { store.failNext() }
                        switch Int.random(in: 0..<10, using: &random) {
                        case 0, 1: _ = try? await ipam.pool(text, space: space)
                        case 2: try? await ipam.releasePool(id)
                        case 3...5: _ = try? await ipam.address(in: id, gateway: Bool.random(using: &random))
                        case 6, 7: _ = try? await ipam.address(address, in: id)
                        default: try? await ipam.release(address, in: id)
                        }
                    }
                }
            }
        }
        #expect(store.violations.isEmpty, "seed \(seed)")
        store.failNext(0)
        let state = store.state
        let prefixes = Dictionary(grouping: state.pools, by: \.space).values
        for group in prefixes {
            for (index, pool) in group.enumerated() {
                #expect(!group.dropFirst(index + 1).contains { $0.prefix.overlaps(pool.prefix) }, "seed \(seed)")
            }
        }
        // What the store holds is taken, and everything else is free.
        for pool in state.pools where pool.prefix.hostMask < 16 && pool.space == "plugind-local" {
            let id = try #require(PoolID(pool.id))
            let held = Set(state.addresses.filter { $0.pool == pool.id }.map(\.address))
            let usable = Pool.usable(of: pool.prefix)
            for offset in usable {
                let address = try #require(IPAddress(family: pool.prefix.family, bits: pool.prefix.base.bits + offset))
                let words = await refusal { try await ipam.address(address.description, in: id) }
                #expect(words.isEmpty == !held.contains(address), "\(address) in \(id), seed \(seed)")
            }
        }
        for id in Set(state.pools.map(\.id)) { try await ipam.releasePool(try #require(PoolID(id))) }
        #expect(store.state.pools.isEmpty && store.state.addresses.isEmpty)
        #expect(try await ipam.pool("10.0.0.0/8") == ipam.pool("10.0.0.0/8"))
    }
}
