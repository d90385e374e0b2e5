// SPDX-License-Identifier: Apache-2.0

import Addressing
import Store
import TestSupport
import Testing

@testable import IPAM

@Suite("Requesting and releasing pools")
struct PoolTests {
    @Test func `a pool's id is made of the space, the pool and the sub-pool`() async throws {
        let ipam = try IPAM.make()
        #expect(try await ipam.pool("10.0.0.0/16").description == "plugind-local/10.0.0.0/16")
        #expect(
            try await ipam.pool("10.1.0.0/16", subPool: "10.1.5.0/24").description
                == "plugind-local/10.1.0.0/16/10.1.5.0/24")
        #expect(try await ipam.pool("fd00:1::/64", space: .global).description == "plugind-global/fd00:1::/64")
    }

    @Test(arguments: [
        ("10.0.0.1/24", "", false, "10.0.0.1/24 is an address in a subnet, not a subnet; did you mean 10.0.0.0/24?"),
        ("fd00::1/64", "", true, "fd00::1/64 is an address in a subnet, not a subnet; did you mean fd00::/64?"),
        (
            "10.0.0.0/16", "10.0.5.1/24", false,
            "10.0.5.1/24 is an address in a subnet, not a subnet; did you mean 10.0.5.0/24?"
        ),
        ("10.0.0.0/24", "", true, "pool 10.0.0.0/24 is IPv4, but an IPv6 pool was asked for"),
        ("fd00::/64", "", false, "pool fd00::/64 is IPv6, but an IPv4 pool was asked for"),
        ("10.0.0.0/24", "10.0.1.0/25", false, "ip range 10.0.1.0/25 is not part of subnet 10.0.0.0/24"),
        ("10.0.0.0/24", "10.0.0.0/23", false, "ip range 10.0.0.0/23 is not part of subnet 10.0.0.0/24"),
        ("10.0.0.0/24", "fd00::/120", false, "ip range fd00::/120 is not part of subnet 10.0.0.0/24"),
        ("", "10.0.1.0/25", false, "ip range 10.0.1.0/25 needs a subnet that it is part of"),
        ("0.0.0.0/24", "10.0.1.0/25", false, "ip range 10.0.1.0/25 needs a subnet that it is part of"),
        ("0.0.0.0/24", "", true, "pool 0.0.0.0/24 is IPv4, but an IPv6 pool was asked for"),
        ("::/64", "", false, "pool ::/64 is IPv6, but an IPv4 pool was asked for"),
        (
            "0.0.0.1/24", "", false,
            "0.0.0.1/24 is an address in a subnet, not a subnet; did you mean 0.0.0.0/24?"
        ),
        (
            "10.0.0.0/24", "10.0.0.255/32", false,
            "ip range 10.0.0.255/32 holds no address that a container in subnet 10.0.0.0/24 could have"
        ),
        ("127.0.0.0/24", "", false, "pool 127.0.0.0/24 cannot be used: 127.0.0.0/8 is reserved for loopback"),
        ("126.0.0.0/7", "", false, "pool 126.0.0.0/7 cannot be used: 127.0.0.0/8 is reserved for loopback"),
        ("224.1.0.0/16", "", false, "pool 224.1.0.0/16 cannot be used: 224.0.0.0/4 is reserved for multicast"),
        (
            "0.0.0.0/0", "", false,
            "pool 0.0.0.0/0 cannot be used: 0.0.0.0/8 is reserved for hosts that have no address yet"
        ),
        ("::/0", "", true, "pool ::/0 cannot be used: ::/128 is reserved for hosts that have no address yet"),
        ("::1/128", "", true, "pool ::1/128 cannot be used: ::1/128 is reserved for loopback"),
        ("ff02::/16", "", true, "pool ff02::/16 cannot be used: ff00::/8 is reserved for multicast"),
        (
            "::ffff:10.0.0.0/104", "", true,
            "pool ::ffff:10.0.0.0/104 cannot be used: ::ffff:0.0.0.0/96 is reserved for IPv4 addresses in IPv6 form"
        ),
    ])
    func `a pool that makes no sense is refused in words`(
        pool: String, subPool: String, isIPv6: Bool, words: String
    ) async throws {
        let store = FakeStore()
        let ipam = try IPAM.make(store: store)
        let error = await #expect(throws: IPAMError.self) {
            try await ipam.pool(pool, subPool: subPool, isIPv6: isIPv6)
        }
        #expect(error?.description == words)
        #expect(error?.isBadRequest == true)
        #expect(store.commits.isEmpty)
    }

    @Test func `a swarm manager's missing IPv6 flag says nothing about the pool`() async throws {
        let ipam = try IPAM.make()
        #expect(
            try await ipam.pool("fd00::/64", space: .global, isIPv6: false).description == "plugind-global/fd00::/64")
        #expect(await refusal { try await ipam.pool("10.0.0.0/24", space: .global, isIPv6: true) } != "")
    }

    @Test func `an unknown address space is refused with the names of the known ones`() {
        let error = #expect(throws: IPAMError.self) {
            try PoolRequest(space: "LocalDefault", pool: nil, subPool: nil, isIPv6: false, options: [:])
        }
        #expect(
            error?.description
                == "address space ‘LocalDefault’ is not known to plugind; known are: plugind-local, plugind-global")
        #expect(error?.isBadRequest == true)
    }

    @Test func `options are checked against the pool, and those of others are kept`() async throws {
        let store = FakeStore()
        let ipam = try IPAM.make(store: store)
        let bad = [
            ["plugind.tenant": "blue"], ["plugind.order": "fast"], ["plugind.ranges": "10.0.1.0/24"],
            ["plugind.exclude": "10.0.0.200-10.0.1.5"], ["plugind.reserve": "ada=10.1.0.5"],
        ]
        for options in bad {
            let error = await #expect(throws: IPAMError.self) { try await ipam.pool("10.0.0.0/24", options: options) }
            guard case .badOption = error else {
                Issue.record("\(options) was refused with \(String(describing: error))")
                continue
            }
            #expect(error?.isBadRequest == true)
        }
        #expect(store.commits.isEmpty)
        try await ipam.pool("10.0.0.0/24", options: ["tenant": "blue"])
        #expect(store.state.pools.map(\.options) == [["tenant": "blue"]])
        #expect(store.state.pools.map(\.isChosen) == [false])
    }

    @Test(arguments: ["10.0.0.0/16", "10.0.0.0/8", "10.0.5.0/24", "10.0.255.255/32"])
    func `a pool that overlaps another is refused with the name of that one`(pool: String) async throws {
        let ipam = try IPAM.make()
        let first = try await ipam.pool("10.0.0.0/16")
        _ = try await ipam.address(in: first, gateway: true)
        let error = await #expect(throws: IPAMError.self) { try await ipam.pool(pool) }
        #expect(error?.description == "subnet \(pool) overlaps pool plugind-local/10.0.0.0/16, which is in use")
        #expect(error?.isBadRequest == false)
    }

    @Test func `an equal pool with another sub-pool is an overlap even while the first is empty`() async throws {
        let ipam = try IPAM.make()
        try await ipam.pool("10.0.0.0/16", subPool: "10.0.1.0/24", space: .global)
        #expect(
            await refusal { try await ipam.pool("10.0.0.0/16", subPool: "10.0.2.0/24", space: .global) }
                == "subnet 10.0.0.0/16 overlaps pool plugind-global/10.0.0.0/16/10.0.1.0/24, which is in use")
    }

    @Test func `the spaces know nothing of each other`() async throws {
        let ipam = try IPAM.make()
        let local = try await ipam.pool("10.0.0.0/24")
        let global = try await ipam.pool("10.0.0.0/24", space: .global)
        #expect(try await ipam.address("10.0.0.5", in: local) == "10.0.0.5/24")
        #expect(try await ipam.address("10.0.0.5", in: global) == "10.0.0.5/24")
        #expect(try await ipam.pool(space: .global).description == "plugind-global/172.17.0.0/24")
        #expect(try await ipam.pool(space: .local).description == "plugind-local/172.17.0.0/24")
    }

    @Test func `in the local space a repeated request gets the same pool until it is in use`() async throws {
        let store = FakeStore()
        let ipam = try IPAM.make(store: store)
        let first = try await ipam.pool("10.0.0.0/24")
        #expect(try await ipam.pool("10.0.0.0/24") == first)
        #expect(store.commits.count == 1)
        _ = try await ipam.address(in: first)
        #expect(
            await refusal { try await ipam.pool("10.0.0.0/24") }
                == "subnet 10.0.0.0/24 overlaps pool plugind-local/10.0.0.0/24, which is in use")
    }

    @Test func `a repeated request with other options is a new network's, and its options hold`() async throws {
        let store = FakeStore()
        let ipam = try IPAM.make(store: store)
        let pool = try await ipam.pool("10.0.0.0/24", options: ["plugind.ranges": "10.0.0.64/26"])
        #expect(try await ipam.address(in: pool) == "10.0.0.64/24")
        try await ipam.release("10.0.0.64", in: pool)

        let options = ["plugind.ranges": "10.0.0.128/26"]
        store.failNext()
        #expect(await refusal { try await ipam.pool("10.0.0.0/24", options: options) } == "the disk is full")
        #expect(store.state.pools.map(\.options) == [["plugind.ranges": "10.0.0.64/26"]])
        #expect(try await ipam.pool("10.0.0.0/24", options: options) == pool)
        #expect(store.state.pools.map(\.options) == [options])
        #expect(store.state.rests.isEmpty, "what was known of its addresses was another network's")
        #expect(try await ipam.address(in: pool) == "10.0.0.128/24")
        #expect(store.violations.isEmpty)
        #expect(
            await refusal { try await ipam.pool("10.0.0.0/24") }
                == "subnet 10.0.0.0/24 overlaps pool plugind-local/10.0.0.0/24, which is in use")
    }

    @Test func `what is given and released is in the audit log`() async throws {
        let store = FakeStore()
        let ipam = try IPAM.make(store: store)
        let named = try await ipam.pool("10.0.0.0/24")
        let chosen = try await ipam.pool()
        _ = try await ipam.address(in: named, gateway: true)
        try await ipam.releasePool(named)
        try await ipam.releasePool(chosen)
        let lines = try store.auditLog(last: 100).reversed().filter { $0.subject.hasPrefix("pool ") }
        #expect(
            lines.map { "\($0.subject) \($0.decision): \($0.reason)" } == [
                "pool plugind-local/10.0.0.0/24 given: asked for by number",
                "pool plugind-local/172.17.0.0/24 given: chosen: the first free one in block 172.17.0.0/16",
                "pool plugind-local/10.0.0.0/24 released: the engine released it, with one address",
                "pool plugind-local/172.17.0.0/24 released: the engine released it",
            ])
    }

    @Test func `in the global space a repeated request gets the same pool, in use or not, after a restart too`()
        async throws
    {
        let store = FakeStore()
        let ipam = try IPAM.make(store: store)
        let first = try await ipam.pool("10.0.0.0/24", space: .global, options: ["tenant": "blue"])
        _ = try await ipam.address(in: first)
        let restarted = try IPAM.make(store: store)
        #expect(try await restarted.pool("10.0.0.0/24", space: .global) == first)
        #expect(store.state.pools.map(\.options) == [["tenant": "blue"]])
    }

    @Test func `releasing a pool frees its addresses, and releasing it again is fine`() async throws {
        let store = FakeStore()
        let ipam = try IPAM.make(store: store)
        let pool = try await ipam.pool("10.0.0.0/24")
        _ = try await ipam.address(in: pool, gateway: true)
        _ = try await ipam.address("10.0.0.200", in: pool)
        try await ipam.releasePool(pool)
        #expect(store.state == StoredState())
        try await ipam.releasePool(pool)
        try await ipam.release("10.0.0.200", in: pool)
        #expect(store.commits.count == 4)
        #expect(
            await refusal { try await ipam.address(in: pool) }
                == "pool plugind-local/10.0.0.0/24 is not known to plugind")
        #expect(try await ipam.pool("10.0.0.0/24") == pool)
        #expect(try await ipam.address("10.0.0.200", in: pool) == "10.0.0.200/24")
    }

    @Test func `releasing a pool that plugind never made is fine`() async throws {
        let ipam = try IPAM.make()
        try await ipam.releasePool(try #require(PoolID("somebody/else's")))
    }

    @Test func `a refusal of the store leaves everything as it was`() async throws {
        let store = FakeStore()
        let ipam = try IPAM.make(store: store)
        store.failNext()
        #expect(await refusal { try await ipam.pool("10.0.0.0/24") } == "the disk is full")
        let pool = try await ipam.pool("10.0.0.0/23")
        _ = try await ipam.address("10.0.0.5", in: pool)

        store.failNext()
        #expect(await refusal { try await ipam.releasePool(pool) } == "the disk is full")
        #expect(await refusal { try await ipam.pool("10.0.0.0/24") } != "")
        #expect(await refusal { try await ipam.address("10.0.0.5", in: pool) } != "")
        #expect(try await ipam.address("10.0.0.6", in: pool) == "10.0.0.6/23")
        #expect(store.state.addresses.count == 2)
    }

    @Test func `a stored state that contradicts itself is an error, never an empty one`() throws {
        let prefix = try #require(Prefix("10.0.0.0/8"))
        func pool(_ id: String, space: String) -> PoolRecord {
            PoolRecord(id: id, space: space, prefix: prefix, subPool: nil, options: [:], isChosen: false)
        }
        func address(_ address: UInt32) -> AddressRecord {
            AddressRecord(
                pool: "plugind-local/10.0.0.0/8", address: IPAddress(v4: address), role: .address, name: nil, mac: nil)
        }
        let good = pool("plugind-local/10.0.0.0/8", space: "plugind-local")
        let states = [
            StoredState(pools: [pool("x/10.0.0.0/8", space: "x")]),
            StoredState(pools: [pool("plugind-local/10.0.0.0/9", space: "plugind-local")]),
            StoredState(addresses: [address(10 << 24 | 1)]),
            StoredState(pools: [good], addresses: [address(11 << 24)]),
            StoredState(settings: ["ipam.local-ipv6-block": "10.0.0.0/8"]),
        ]
        for state in states {
            let error = #expect(throws: IPAMError.self) { try IPAM.make(store: FakeStore(state)) }
            #expect(error?.description.hasPrefix("the stored pools cannot be used: ") == true)
        }
        _ = try IPAM.make(store: FakeStore(StoredState(pools: [good], addresses: [address(10 << 24)])))
    }
}
