// SPDX-License-Identifier: Apache-2.0

import Addressing
import Store
import TestSupport
import Testing

@testable import IPAM

@Suite("Default pools")
struct DefaultPoolsTests {
    @Test func `the standard IPv4 pools are the engine's`() async throws {
        let ipam = try IPAM.make()
        var pools: [String] = []
        for _ in 0..<31 { pools.append(try await ipam.pool().description) }
        let expected =
            (17...31).map { "plugind-local/172.\($0).0.0/16" }
            + (0..<16).map { "plugind-local/192.168.\($0 * 16).0/20" }
        #expect(pools == expected)
        let words = await refusal { try await ipam.pool() }
        #expect(
            words == "no IPv4 pool is free: 31 were tried, in the way are pool plugind-local/172.17.0.0/16, "
                + "pool plugind-local/172.18.0.0/16, pool plugind-local/172.19.0.0/16 and 28 more; name one with --subnet"
        )
    }

    @Test func `a pool that overlaps what the host has is passed over`() async throws {
        let ipam = try IPAM.make(occupied: ["172.16.0.0/15", "172.18.5.0/24", "10.0.0.0/8", "172.20.0.1/32", "::/1"])
        #expect(try await ipam.pool().description == "plugind-local/172.19.0.0/16")
        #expect(try await ipam.pool().description == "plugind-local/172.21.0.0/16")
    }

    @Test func `a host that has everything leaves no pool, and the refusal says what is in the way`() async throws {
        let ipam = try IPAM.make(occupied: ["172.16.0.0/12", "192.168.0.0/16", "10.0.0.0/8"])
        #expect(
            await refusal { try await ipam.pool() }
                == "no IPv4 pool is free: 31 were tried, in the way are 172.16.0.0/12 of this host, "
                + "192.168.0.0/16 of this host; name one with --subnet")
    }

    @Test func `a chosen pool keeps away from named ones and is chosen again when it is free`() async throws {
        let ipam = try IPAM.make()
        try await ipam.pool("172.17.8.0/24")
        let chosen = try await ipam.pool()
        #expect(chosen.description == "plugind-local/172.18.0.0/16")
        #expect(try await ipam.pool().description == "plugind-local/172.19.0.0/16")
        try await ipam.releasePool(chosen)
        #expect(try await ipam.pool().description == "plugind-local/172.18.0.0/16")
    }

    @Test func `IPv6 pools come from one unique local block that is kept`() async throws {
        let store = FakeStore()
        let ipam = try IPAM.make(store: store, seed: 7)
        let first = try await ipam.pool(isIPv6: true)
        let second = try await ipam.pool(isIPv6: true)
        let text = try #require(store.state.settings["ipam.local-ipv6-block"])
        let block = try #require(Prefix(text))
        #expect(block.length == 48 && block.base.bytes.first == 0xfd)
        #expect(first.description == "plugind-local/\(block.base)/64")
        #expect(second != first)
        #expect(Prefix(String(second.description.dropFirst("plugind-local/".count)))?.length == 64)

        let restarted = try IPAM.make(store: store, seed: 8)
        let third = try await restarted.pool(isIPv6: true)
        let prefix = try #require(Prefix(String(third.description.dropFirst("plugind-local/".count))))
        #expect(block.contains(prefix))
        #expect(third != first && third != second)
    }

    @Test func `the IPv6 block is stored with the first pool that is stored`() async throws {
        let store = FakeStore()
        let ipam = try IPAM.make(store: store)
        store.failNext()
        #expect(await refusal { try await ipam.pool(isIPv6: true) } == "the disk is full")
        #expect(store.state.settings.isEmpty)
        let pool = try await ipam.pool(isIPv6: true)
        let block = try #require(store.state.settings["ipam.local-ipv6-block"].flatMap { Prefix($0) })
        #expect(pool.description == "plugind-local/\(block.base)/64")
        #expect(store.commits.count == 1)
    }

    @Test(arguments: [("10.0.0.0/8", 7), ("10.0.0.0/8", 33), ("fd00::/8", 129), ("::/0", -1)])
    func `a block cannot be cut into pools larger than itself or smaller than an address`(base: String, length: Int)
        throws
    {
        #expect(makeBlock(base, length) == nil)
    }

    @Test(arguments: [
        ("0.0.0.0/0", 0), ("0.0.0.0/0", 32), ("::/0", 0), ("::/0", 128), ("ffff:ffff::/32", 64),
        ("255.255.255.254/31", 32),
    ])
    func `blocks at the ends of the address space are cut without overflow`(base: String, length: Int) throws {
        let block = try #require(makeBlock(base, length))
        let first = try #require(block.firstPool(avoiding: AddressSet()))
        #expect(first.base == block.base.base && first.length == length)
        var taken = AddressSet()
        taken.insert(block.base.first.bits...block.base.last.bits)
        #expect(block.firstPool(avoiding: taken) == nil)
        taken.remove(block.base.last.bits)
        let last = block.firstPool(avoiding: taken)
        #expect(last?.base == (length == block.base.family.width ? block.base.last : nil))
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `the first free pool is the one that trying each in turn finds`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            let base = try #require(Prefix(Bool.random(using: &random) ? "255.255.255.0/24" : "10.0.0.0/24"))
            let length = Int.random(in: 24...32, using: &random)
            let block = try #require(DefaultPools.Block(base: base, poolLength: length))
            var taken = AddressSet()
            var prefixes: [Prefix] = []
            for _ in 0..<Int.random(in: 0...12, using: &random) {
                let address = IPAddress(v4: UInt32(base.base.bits) | UInt32.random(in: 0...255, using: &random))
                let prefix = try #require(Prefix(containing: address, length: Int.random(in: 24...32, using: &random)))
                guard prefix.length > 25 || Bool.random(using: &random) else { continue }
                prefixes.append(prefix)
                taken.insert(prefix.first.bits...prefix.last.bits)
            }
            let candidates = try (0..<1 << (length - 24)).map { index in
                let address = IPAddress(v4: UInt32(base.base.bits) + UInt32(index) << UInt32(32 - length))
                return try #require(Prefix(base: address, length: length))
            }
            let expected = candidates.first { candidate in !prefixes.contains { $0.overlaps(candidate) } }
            #expect(block.firstPool(avoiding: taken) == expected, "seed \(seed)")
        }
    }

    private func makeBlock(_ base: String, _ poolLength: Int) -> DefaultPools.Block? {
        Prefix(base).flatMap { DefaultPools.Block(base: $0, poolLength: poolLength) }
    }
}
