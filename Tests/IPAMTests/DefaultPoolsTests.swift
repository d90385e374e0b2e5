// SPDX-License-Identifier: Apache-2.0

import Addressing
import Store
import TestSupport
import Testing

@testable import IPAM

@Suite("Default pools")
struct DefaultPoolsTests {
    @Test func `the standard IPv4 pools are the engine's blocks in 4096 pieces`() throws {
        let blocks = DefaultPools.standard.ipv4
        #expect(blocks.map(\.base.description) == (17...31).map { "172.\($0).0.0/16" } + ["192.168.0.0/16"])
        #expect(Set(blocks.map(\.poolLength)) == [24])
        #expect(DefaultPools.standard.ipv6 == nil)
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

    // MARK: Blocks of the configuration

    @Test(arguments: [
        ("10.0.0.0", 24, "base ‘10.0.0.0’ is not a subnet such as 10.0.0.0/8 or fd00::/48"),
        ("", 24, "base ‘’ is not a subnet such as 10.0.0.0/8 or fd00::/48"),
        ("10.0.0.1/8", 24, "base 10.0.0.1/8 is an address in a subnet, not a subnet; did you mean 10.0.0.0/8?"),
        ("10.0.0.0/8", 7, "size 7 does not fit base 10.0.0.0/8: it is the prefix length of each pool, 8 to 32"),
        ("10.0.0.0/8", 33, "size 33 does not fit base 10.0.0.0/8: it is the prefix length of each pool, 8 to 32"),
        ("10.0.0.0/8", -1, "size -1 does not fit base 10.0.0.0/8: it is the prefix length of each pool, 8 to 32"),
        ("10.0.0.5/32", 24, "size 24 does not fit base 10.0.0.5/32: it is the prefix length of each pool, 32"),
        ("fd00::/48", 129, "size 129 does not fit base fd00::/48: it is the prefix length of each pool, 48 to 128"),
        ("127.0.0.0/16", 24, "base 127.0.0.0/16 cannot be used: 127.0.0.0/8 is reserved for loopback"),
        ("0.0.0.0/0", 24, "base 0.0.0.0/0 cannot be used: 0.0.0.0/8 is reserved for hosts that have no address yet"),
        ("ff00::/16", 64, "base ff00::/16 cannot be used: ff00::/8 is reserved for multicast"),
    ])
    func `a configured block that makes no sense is refused in words`(base: String, size: Int, words: String) {
        let problem = #expect(throws: DefaultPoolProblem.self) { try DefaultPools.Block(base: base, size: size) }
        #expect(problem?.description == words)
    }

    @Test func `configured blocks stand for the standard ones of their family`() async throws {
        let ipv4 = try DefaultPools.Block(base: "10.64.0.0/16", size: 28)
        let ipv6 = try DefaultPools.Block(base: "fd12::/56", size: 64)
        #expect(DefaultPools([]) == .standard)
        #expect(DefaultPools([ipv4]) == DefaultPools(ipv4: [ipv4], ipv6: nil))
        #expect(DefaultPools([ipv6]) == DefaultPools(ipv4: DefaultPools.standard.ipv4, ipv6: [ipv6]))
        let ipam = try IPAM.make(defaultPools: DefaultPools([ipv6, ipv4]))
        #expect(try await ipam.pool().description == "plugind-local/10.64.0.0/28")
        #expect(try await ipam.pool().description == "plugind-local/10.64.0.16/28")
        #expect(try await ipam.pool(isIPv6: true).description == "plugind-local/fd12::/64")
        #expect(try await ipam.pool(isIPv6: true).description == "plugind-local/fd12:0:0:1::/64")
    }

    // MARK: Cutting blocks

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
        let first = try #require(block.firstPool(of: length, avoiding: []))
        #expect(first.base == block.base.base && first.length == length)
        var taken = AddressSet()
        taken.insert(block.base.first.bits...block.base.last.bits)
        #expect(block.firstPool(of: length, avoiding: [taken]) == nil)
        taken.remove(block.base.last.bits)
        let last = block.firstPool(of: length, avoiding: [AddressSet(), taken])
        #expect(last?.base == (length == block.base.family.width ? block.base.last : nil))
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func `the first free pool is the one that trying each in turn finds`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            let base = try #require(Prefix(Bool.random(using: &random) ? "255.255.255.0/24" : "10.0.0.0/24"))
            let length = Int.random(in: 24...32, using: &random)
            let block = try #require(DefaultPools.Block(base: base, poolLength: 24))
            var obstacles = [AddressSet(), AddressSet()]
            var prefixes: [Prefix] = []
            for _ in 0..<Int.random(in: 0...12, using: &random) {
                let address = IPAddress(v4: UInt32(base.base.bits) | UInt32.random(in: 0...255, using: &random))
                let prefix = try #require(Prefix(containing: address, length: Int.random(in: 24...32, using: &random)))
                guard prefix.length > 25 || Bool.random(using: &random) else { continue }
                prefixes.append(prefix)
                obstacles[Int.random(in: 0...1, using: &random)].insert(prefix.first.bits...prefix.last.bits)
            }
            let candidates = try (0..<1 << (length - 24)).map { index in
                let address = IPAddress(v4: UInt32(base.base.bits) + UInt32(index) << UInt32(32 - length))
                return try #require(Prefix(base: address, length: length))
            }
            let expected = candidates.first { candidate in !prefixes.contains { $0.overlaps(candidate) } }
            #expect(block.firstPool(of: length, avoiding: obstacles) == expected, "seed \(seed)")
        }
    }

    private func makeBlock(_ base: String, _ poolLength: Int) -> DefaultPools.Block? {
        Prefix(base).flatMap { DefaultPools.Block(base: $0, poolLength: poolLength) }
    }
}
