// SPDX-License-Identifier: Apache-2.0

import Addressing
import Store
import TestSupport
import Testing

@testable import IPAM

@Suite("Choosing pools")
struct PoolChooserTests {
    // MARK: What is avoided

    @Test func `the first pool that overlaps nothing of the host is chosen`() async throws {
        let ipam = try make(occupied: [
            try route("172.16.0.0/15"), try route("172.18.5.0/24"), try route("10.0.0.0/8"),
            try address("172.18.2.1/23", "eth0"), try address("172.18.0.77/32", "lo"),
        ])
        #expect(try await ipam.pool().description == "plugind-local/172.18.1.0/24")
        #expect(try await ipam.pool().description == "plugind-local/172.18.4.0/24")
        #expect(try await ipam.pool().description == "plugind-local/172.18.6.0/24")
    }

    @Test func `default routes, their halves, loopback and link-local prefixes are in nobody's way`() throws {
        for text in ["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "::/0", "::/1", "8000::/1", "fe80::/64", "fe80::/10"] {
            let prefix = try #require(Prefix(text))
            #expect(OccupiedPrefix(routeTo: prefix, gateway: nil, link: "tun0", table: nil) == nil, "\(text)")
        }
        for text in ["127.0.0.1/8", "::1/128", "fe80::1/64"] {
            #expect(OccupiedPrefix(try #require(InterfaceAddress(text)), of: "lo") == nil, "\(text)")
        }
        #expect(try route("128.0.0.0/2").what == "route 128.0.0.0/2")
    }

    @Test func `what the host uses is said in words`() throws {
        #expect(try address("10.0.0.1/24", "eth0").what == "address 10.0.0.1/24 of eth0")
        #expect(try route("10.0.0.0/8", link: "tun0").what == "route 10.0.0.0/8 via tun0")
        #expect(
            try route("fd00::/8", gateway: "fd00::1", link: "tun0", table: 52).what
                == "route fd00::/8 via fd00::1 on tun0 in table 52")
        #expect(try route("10.0.0.0/8", gateway: "10.9.9.9").what == "route 10.0.0.0/8 via 10.9.9.9")
    }

    @Test func `a forbidden prefix is never chosen, but may be named`() async throws {
        let ipam = try make(forbidden: ["172.16.0.0/13", "172.24.0.0/24", "fd00::/8"])
        #expect(try await ipam.pool().description == "plugind-local/172.24.1.0/24")
        #expect(try await ipam.pool("172.17.0.0/24").description == "plugind-local/172.17.0.0/24")
        #expect(await refusal { try await ipam.pool(isIPv6: true) }.contains(": forbidden fd00::/8; name a subnet"))
    }

    @Test func `a chosen pool keeps away from named ones and is chosen again when it is free`() async throws {
        let ipam = try make()
        try await ipam.pool("172.17.0.128/25")
        let chosen = try await ipam.pool()
        #expect(chosen.description == "plugind-local/172.17.1.0/24")
        #expect(try await ipam.pool().description == "plugind-local/172.17.2.0/24")
        try await ipam.releasePool(chosen)
        #expect(try await ipam.pool().description == "plugind-local/172.17.1.0/24")
    }

    @Test func `a restart chooses what is free then`() async throws {
        let store = FakeStore()
        let before = try make(store: store)
        let pool = try await before.pool()
        _ = try await before.pool()
        let ipam = try make(store: store)
        try await ipam.releasePool(pool)
        #expect(try await ipam.pool() == pool)
        #expect(try await ipam.pool().description == "plugind-local/172.17.2.0/24")
    }

    // MARK: Thousands

    @Test func `4096 networks fit into the default blocks, and the next one is told why it does not`() async throws {
        let ipam = try make()
        var pools: Set<PoolID> = []
        for _ in 0..<4096 { pools.insert(try await ipam.pool()) }
        #expect(pools.count == 4096)
        #expect(
            await refusal { try await ipam.pool() }
                == "no IPv4 pool is free; in 172.17.0.0/16 and 15 more: 256 pools; "
                + "name a subnet with --subnet, or configure default-address-pools")
        let freed = try #require(PoolID("plugind-local/172.20.7.0/24"))
        try await ipam.releasePool(freed)
        #expect(try await ipam.pool() == freed)
    }

    // MARK: By size

    @Test func `a size is taken out of the blocks that are large enough, the lowest free first`() async throws {
        let store = FakeStore()
        let ipam = try make(store: store)
        #expect(try await ipam.pool("0.0.0.0/27").description == "plugind-local/172.17.0.0/27")
        #expect(try await ipam.pool("0.0.0.0/27").description == "plugind-local/172.17.0.32/27")
        #expect(try await ipam.pool().description == "plugind-local/172.17.1.0/24")
        #expect(try await ipam.pool("0.0.0.0/16").description == "plugind-local/172.18.0.0/16")
        #expect(try await ipam.pool("0.0.0.0/26").description == "plugind-local/172.17.0.64/26")
        #expect(try await ipam.pool("0.0.0.0/32").description == "plugind-local/172.17.0.128/32")
        #expect(try await ipam.pool("0.0.0.0/24", space: .global).description == "plugind-global/172.17.0.0/24")
        let pools = store.state.pools
        #expect(pools.filter { !$0.isChosen } == [])
    }

    @Test func `IPv6 sizes are taken out of the host's own block`() async throws {
        let store = FakeStore()
        let ipam = try make(store: store)
        let first = try await ipam.pool("::/80")
        let block = try #require(store.state.settings["ipam.local-ipv6-block"].flatMap { Prefix($0) })
        #expect(first.description == "plugind-local/\(block.base)/80")
        let second = try await ipam.pool("::/64", space: .local)
        #expect(prefix(of: second)?.length == 64)
        #expect(prefix(of: second).map(block.contains) == true)
        #expect(prefix(of: second)?.base != block.base)
        #expect(prefix(of: try await ipam.pool("::/128"))?.length == 128)
        #expect(
            await refusal { try await ipam.pool("::/40") }
                == "no IPv6 pool of size /40 is free: the largest of the blocks to choose one from is a /48; "
                + "name a subnet with --subnet, or configure default-address-pools")
    }

    @Test func `blocks that are cut into that size come first`() async throws {
        let defaultPools = DefaultPools([
            try .init(base: "10.1.0.0/16", size: 24), try .init(base: "10.2.0.0/26", size: 27),
        ])
        let ipam = try make(defaultPools: defaultPools)
        #expect(try await ipam.pool("0.0.0.0/27").description == "plugind-local/10.2.0.0/27")
        #expect(try await ipam.pool("0.0.0.0/27").description == "plugind-local/10.2.0.32/27")
        #expect(try await ipam.pool("0.0.0.0/27").description == "plugind-local/10.1.0.0/27")
        #expect(try await ipam.pool("0.0.0.0/28").description == "plugind-local/10.1.0.32/28")
    }

    @Test(arguments: ["0.0.0.0/15", "0.0.0.0/1"])
    func `a size that no block has is refused with the largest that there is`(pool: String) async throws {
        let ipam = try make()
        let size = pool.split(separator: "/").last ?? ""
        #expect(
            await refusal { try await ipam.pool(pool) }
                == "no IPv4 pool of size /\(size) is free: the largest of the blocks to choose one from is a /16; "
                + "name a subnet with --subnet, or configure default-address-pools")
    }

    // MARK: Options

    @Test func `options are checked against the pool that was chosen`() async throws {
        let store = FakeStore()
        let ipam = try make(store: store)
        let error = await #expect(throws: IPAMError.self) {
            try await ipam.pool(options: ["plugind.ranges": "10.0.0.10-10.0.0.99"])
        }
        #expect(error?.description.contains("172.17.0.0/24") == true)
        #expect(store.commits.isEmpty)
        let pool = try await ipam.pool(options: ["plugind.ranges": "172.17.0.64/26"])
        #expect(pool.description == "plugind-local/172.17.0.0/24")
    }

    // MARK: Shortage

    @Test func `a shortage says what is in the way in each block`() async throws {
        let defaultPools = DefaultPools([
            try .init(base: "10.1.0.0/23", size: 24), try .init(base: "10.2.0.0/24", size: 24),
            try .init(base: "10.3.0.0/24", size: 24), try .init(base: "10.4.0.0/24", size: 24),
        ])
        let ipam = try make(
            defaultPools: defaultPools, forbidden: ["10.3.0.0/25"],
            occupied: [
                try route("10.2.0.0/15", gateway: "10.9.0.1", link: "tun0"), try address("10.1.1.1/24", "eth0"),
            ])
        try await ipam.pool("10.1.0.0/24", options: ["plugind.name": "lan"])
        try await ipam.pool("10.4.0.0/26")
        try await ipam.pool("10.4.0.64/26")
        try await ipam.pool("10.4.0.128/26")
        #expect(
            await refusal { try await ipam.pool() }
                == "no IPv4 pool is free"
                + "; in 10.1.0.0/23: address 10.1.1.1/24 of eth0, pool plugind-local/10.1.0.0/24 of network lan"
                + "; in 10.2.0.0/24: route 10.2.0.0/15 via 10.9.0.1 on tun0"
                + "; in 10.3.0.0/24: route 10.2.0.0/15 via 10.9.0.1 on tun0, forbidden 10.3.0.0/25"
                + "; in 10.4.0.0/24: 3 pools"
                + "; name a subnet with --subnet, or configure default-address-pools")
        #expect(
            await refusal { try await ipam.pool("0.0.0.0/23") }
                == "no IPv4 pool of size /23 is free"
                + "; in 10.1.0.0/23: address 10.1.1.1/24 of eth0, pool plugind-local/10.1.0.0/24 of network lan"
                + "; name a subnet with --subnet, or configure default-address-pools")
    }

    @Test func `blocks with the same in the way are told together`() async throws {
        let ipam = try make(occupied: [try route("172.16.0.0/12", link: "tun0"), try address("192.168.1.2/16", "eth0")])
        #expect(
            await refusal { try await ipam.pool() }
                == "no IPv4 pool is free; in 172.17.0.0/16 and 14 more: route 172.16.0.0/12 via tun0"
                + "; in 192.168.0.0/16: address 192.168.1.2/16 of eth0"
                + "; name a subnet with --subnet, or configure default-address-pools")
    }

    @Test func `a shortage of many blocks is told in some 600 characters`() async throws {
        let blocks = try (0..<60).map { try DefaultPools.Block(base: "10.\($0).0.0/24", size: 24) }
        let occupied = try (0..<60).flatMap { index in
            [
                try route("10.\(index).0.0/25", gateway: "10.99.0.\(index)", link: "a-long-name-\(index)"),
                try route("10.\(index).0.128/26", link: String(repeating: "x", count: 200)),
                try route("10.\(index).0.192/26", link: "eth0"),
            ]
        }
        let words = await refusal { try await make(defaultPools: DefaultPools(blocks), occupied: occupied).pool() }
        #expect(words.count <= 620, "\(words)")
        #expect(
            words.hasPrefix("no IPv4 pool is free; in 10.0.0.0/24: route 10.0.0.0/25 via 10.99.0.0 on a-long-name-0, "))
        #expect(words.contains("…, another; in 10.1.0.0/24: "))
        #expect(words.hasSuffix(" more; name a subnet with --subnet, or configure default-address-pools"))
    }

    @Test func `without any block there is nothing to choose from`() async throws {
        #expect(
            await refusal { try await make(defaultPools: DefaultPools(ipv4: [], ipv6: [])).pool(isIPv6: true) }
                == "no IPv6 pool is free: there are no blocks to choose one from; "
                + "name a subnet with --subnet, or configure default-address-pools")
    }

    // MARK: The network's name

    @Test func `the same name gets the same pool again, of each family and after a restart, if it is free`()
        async throws
    {
        let store = FakeStore()
        var ipam = try make(store: store)
        let named = ["plugind.name": "lan"]
        try await ipam.pool()
        let ipv4 = try await ipam.pool(options: named)
        try await ipam.pool(isIPv6: true)
        let ipv6 = try await ipam.pool(isIPv6: true, options: named)
        for pool in store.state.pools { try await ipam.releasePool(try #require(PoolID(pool.id))) }

        ipam = try make(store: store)
        #expect(try await ipam.pool(options: named) == ipv4)
        #expect(try await ipam.pool(isIPv6: true, options: named) == ipv6)
        let reasons = try store.auditLog(last: 2).map(\.reason)
        #expect(reasons == ["chosen: the network had it last", "chosen: the network had it last"])

        let other = try await ipam.pool(options: named)
        #expect(other.description == "plugind-local/172.17.0.0/24", "one that is held is never given twice")
        try await ipam.releasePool(ipv4)
        try await ipam.releasePool(other)
        #expect(try await ipam.pool(options: named) == other)
    }

    @Test func `a pool that the network had is not given again where it is no choice any more`() async throws {
        let store = FakeStore()
        let named = ["plugind.name": "lan"]
        let before = try make(store: store)
        try await before.pool()
        let pool = try await before.pool(options: named)
        #expect(pool.description == "plugind-local/172.17.1.0/24")
        try await before.releasePool(pool)

        func again(
            _ defaultPools: DefaultPools = .standard, forbidden: [String] = [], occupied: [OccupiedPrefix] = [],
            size: String = ""
        ) async throws -> String {
            let copy = FakeStore(store.state)
            return try await make(
                store: copy, defaultPools: defaultPools, forbidden: forbidden, occupied: occupied
            ).pool(size, options: named).description
        }
        #expect(try await again() == "plugind-local/172.17.1.0/24")
        #expect(try await again(forbidden: ["172.17.1.0/30"]) == "plugind-local/172.17.2.0/24")
        #expect(try await again(occupied: [try route("172.17.1.64/26")]) == "plugind-local/172.17.2.0/24")
        #expect(try await again(size: "0.0.0.0/25") == "plugind-local/172.17.1.0/25", "another size")
        #expect(try await again(size: "0.0.0.0/24") == "plugind-local/172.17.1.0/24")
        let elsewhere = DefaultPools([try .init(base: "10.0.0.0/8", size: 24)])
        #expect(try await again(elsewhere) == "plugind-local/10.0.0.0/24")
        let larger = DefaultPools([try .init(base: "172.17.0.0/16", size: 20)])
        #expect(try await again(larger) == "plugind-local/172.17.16.0/20")
    }

    @Test func `a name is not noted if the store refuses, and the pool is free`() async throws {
        let store = FakeStore()
        let ipam = try make(store: store)
        store.failNext()
        #expect(await refusal { try await ipam.pool(options: ["plugind.name": "lan"]) } == "the disk is full")
        #expect(store.state.settings.isEmpty)
        #expect(try await ipam.pool().description == "plugind-local/172.17.0.0/24")
    }

    @Test func `1000 names are remembered, in as many settings, and the oldest is forgotten`() throws {
        let pool = try #require(Prefix("10.0.0.0/24"))
        let ipv6 = try #require(Prefix("fd00::/64"))
        var settings: [String: String] = [:]
        func note(_ name: String, _ prefix: Prefix, _ memory: inout PoolMemory) {
            guard case .putSetting(let key, let value) = memory.note(prefix, of: name) else {
                Issue.record("no setting")
                return
            }
            settings[key] = value
        }
        var memory = PoolMemory(settings: [:])
        for index in 0..<1000 { note("net \(index)", pool, &memory) }
        note("net 0", ipv6, &memory)
        note("new", pool, &memory)
        #expect(settings.count == 1000)
        for memory in [memory, PoolMemory(settings: settings)] {
            #expect(memory.pool(of: "net 0", .v4) == pool && memory.pool(of: "net 0", .v6) == ipv6)
            #expect(memory.pool(of: "net 1", .v4) == nil)
            #expect(memory.pool(of: "net 2", .v4) == pool && memory.pool(of: "net 2", .v6) == nil)
            #expect(memory.pool(of: "new", .v4) == pool)
        }
        var restarted = PoolMemory(settings: settings)
        note("newer", pool, &restarted)
        #expect(settings.count == 1000)
        #expect(PoolMemory(settings: settings).pool(of: "net 2", .v4) == nil)
    }

    @Test func `what cannot be read of the memory is forgotten`() throws {
        let memory = PoolMemory(settings: [
            "ipam.pool-of.0": "", "ipam.pool-of.1": "x 10.0.0.0/24 - a", "ipam.pool-of.2": "1 10.0.0.0/24 -",
            "ipam.pool-of.1000": "1 10.0.0.0/24 - c", "ipam.pool-of.y": "1 10.0.0.0/24 - d",
            "ipam.pool-of.4": "1 fd00::/64 10.0.0.0/24 e", "ipam.pool-of.5": "1 10.0.0.0/24 - f g",
        ])
        for name in ["", "a", "b", "c", "d", "e"] {
            #expect(memory.pool(of: name, .v4) == nil && memory.pool(of: name, .v6) == nil)
        }
        #expect(memory.pool(of: "f g", .v4) == Prefix("10.0.0.0/24"))
    }

    // MARK: Making

    private func make(
        store: FakeStore = FakeStore(), defaultPools: DefaultPools = .standard, forbidden: [String] = [],
        occupied: [OccupiedPrefix] = []
    ) throws -> IPAM {
        try IPAM(
            state: store.state, store: store, defaultPools: defaultPools,
            forbidden: forbidden.compactMap { Prefix($0) }, occupied: { occupied }, random: SeededGenerator(seed: 1),
            now: { 0 }, logger: .silent)
    }

    private func prefix(of pool: PoolID) -> Prefix? {
        Prefix(String(pool.description.drop { $0 != "/" }.dropFirst()))
    }
}

/// A route of the host, over `gateway`, or right on the link.
func route(
    _ prefix: String, gateway: String = "", link: String? = nil, table: UInt32? = nil
) throws -> OccupiedPrefix {
    let destination = try #require(Prefix(prefix))
    return try #require(
        OccupiedPrefix(routeTo: destination, gateway: IPAddress(gateway), link: link, table: table))
}

/// An address of the host.
func address(_ address: String, _ link: String) throws -> OccupiedPrefix {
    let address = try #require(InterfaceAddress(address))
    return try #require(OccupiedPrefix(address, of: link))
}
