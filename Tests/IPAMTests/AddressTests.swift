// SPDX-License-Identifier: Apache-2.0

import Addressing
import Store
import TestSupport
import Testing

@testable import IPAM

@Suite("Requesting and releasing addresses")
struct AddressTests {
    /// What the smallest and the largest pools give out: first gateway, next address, last one that is usable.
    @Test(arguments: [
        ("10.0.0.0/8", "10.0.0.1/8", "10.0.0.2/8", "10.255.255.254", "10.0.0.0", "10.255.255.255"),
        ("172.16.0.0/16", "172.16.0.1/16", "172.16.0.2/16", "172.16.255.254", "172.16.0.0", "172.16.255.255"),
        ("10.0.0.0/24", "10.0.0.1/24", "10.0.0.2/24", "10.0.0.254", "10.0.0.0", "10.0.0.255"),
        ("10.0.0.8/29", "10.0.0.9/29", "10.0.0.10/29", "10.0.0.14", "10.0.0.8", "10.0.0.15"),
        ("10.0.0.0/30", "10.0.0.1/30", "10.0.0.2/30", "", "10.0.0.0", "10.0.0.3"),
        ("10.0.0.0/31", "10.0.0.0/31", "10.0.0.1/31", "", "", ""),
        ("10.0.0.7/32", "10.0.0.7/32", "", "", "", ""),
        (
            "255.255.255.0/24", "255.255.255.1/24", "255.255.255.2/24", "255.255.255.254", "255.255.255.0",
            "255.255.255.255"
        ),
        ("fd00::/48", "fd00::1/48", "fd00::2/48", "fd00::ffff:ffff:ffff:ffff:ffff", "fd00::", ""),
        ("fd00::/64", "fd00::1/64", "fd00::2/64", "fd00::ffff:ffff:ffff:ffff", "fd00::", ""),
        ("fd00::/112", "fd00::1/112", "fd00::2/112", "fd00::ffff", "fd00::", ""),
        ("fd00::4/126", "fd00::5/126", "fd00::6/126", "fd00::7", "fd00::4", ""),
        ("fd00::4/127", "fd00::4/127", "fd00::5/127", "", "", ""),
        ("fd00::4/128", "fd00::4/128", "", "", "", ""),
    ])
    func `a pool of every shape gives out what is usable and nothing else`(
        pool: String, gateway: String, next: String, last: String, network: String, broadcast: String
    ) async throws {
        let ipam = try IPAM.make()
        let id = try await ipam.pool(pool)
        if !network.isEmpty {
            let error = await #expect(throws: IPAMError.self) { try await ipam.address(network, in: id) }
            let kind = network.contains(":") ? "routers' anycast" : "network"
            #expect(error?.description == "address \(network) is the \(kind) address of pool plugind-local/\(pool)")
            #expect(error?.isBadRequest == true)
        }
        if !broadcast.isEmpty {
            let error = await #expect(throws: IPAMError.self) { try await ipam.address(broadcast, in: id) }
            #expect(error?.description == "address \(broadcast) is the broadcast address of pool plugind-local/\(pool)")
            #expect(error?.isBadRequest == true)
        }
        #expect(try await ipam.address(in: id, gateway: true) == gateway)
        if !next.isEmpty { #expect(try await ipam.address(in: id) == next) }
        if last.isEmpty {
            let error = await #expect(throws: IPAMError.self) { try await ipam.address(in: id) }
            #expect(error?.isBadRequest == false)
        } else {
            let length = try #require(Prefix(pool)).length
            #expect(try await ipam.address(last, in: id) == "\(last)/\(length)")
            // Just outside, on either side.
            let prefix = try #require(Prefix(pool))
            for bits in [prefix.first.bits &- 1, prefix.last.bits &+ 1] {
                guard let outside = IPAddress(family: prefix.family, bits: bits), !prefix.contains(outside) else {
                    continue
                }
                #expect(
                    await refusal { try await ipam.address(outside.description, in: id) }
                        == "address \(outside) is not in pool plugind-local/\(pool)")
            }
        }
    }

    /// No engine gets one, because reserved addresses are in it; the arithmetic must hold all the same.
    @Test func `the widest pools there can be are counted without overflow`() throws {
        for text in ["8000::/1", "::/0", "0.0.0.0/0", "128.0.0.0/1"] {
            let prefix = try #require(Prefix(text))
            let id = PoolID(space: .local, prefix: prefix, subPool: nil)
            var pool = Pool(space: .local, prefix: prefix, subPool: nil, options: PoolOptions(), reservations: [])
            var random = SeededGenerator(seed: 1)
            let last = IPAddress(family: prefix.family, bits: prefix.last.bits - (prefix.family == .v4 ? 1 : 0))
            for wish in [nil, last] {
                guard
                    case .grant(let address, _) = try pool.decide(
                        AddressRequest(pool: id, address: wish), at: 0, using: &random)
                else {
                    Issue.record("\(text): not granted")
                    return
                }
                let record = AddressRecord(pool: id.description, address: address, role: .address, name: nil, mac: nil)
                pool.take(address, by: Pool.Holder(record))
                #expect(address == wish ?? IPAddress(family: prefix.family, bits: prefix.base.bits + 1))
            }
            pool.resume()
            guard case .grant(let next, _) = try pool.decide(AddressRequest(pool: id), at: 0, using: &random) else {
                Issue.record("\(text): not granted")
                return
            }
            #expect(next.bits == prefix.base.bits + 2)
        }
    }

    @Test func `an exhausted pool says how many addresses there are and where`() async throws {
        let ipam = try IPAM.make()
        let pool = try await ipam.pool("10.0.0.0/24", subPool: "10.0.0.128/30")
        for _ in 0..<4 { _ = try await ipam.address(in: pool) }
        #expect(
            await refusal { try await ipam.address(in: pool) }
                == "no address is free in 10.0.0.128/30 of pool plugind-local/10.0.0.0/24/10.0.0.128/30: all 4 are in use"
        )
        let tiny = try await ipam.pool("10.1.0.0/32")
        _ = try await ipam.address(in: tiny)
        #expect(
            await refusal { try await ipam.address(in: tiny) }
                == "no address is free in 10.1.0.0/32 of pool plugind-local/10.1.0.0/32: the only one is in use")
    }

    @Test func `addresses follow one another, and one that was freed rests until the end was reached`() async throws {
        let ipam = try IPAM.make()
        let pool = try await ipam.pool("10.0.0.0/29")
        #expect(try await ipam.address(in: pool) == "10.0.0.1/29")
        #expect(try await ipam.address(in: pool) == "10.0.0.2/29")
        try await ipam.release("10.0.0.1", in: pool)
        try await ipam.release("10.0.0.2", in: pool)
        var given: [String] = []
        for _ in 0..<6 { given.append(try await ipam.address(in: pool)) }
        #expect(given == ["3", "4", "5", "6", "1", "2"].map { "10.0.0.\($0)/29" })
    }

    @Test func `after a restart the choice goes on after the highest address that is held`() async throws {
        let store = FakeStore()
        let ipam = try IPAM.make(store: store)
        let pool = try await ipam.pool("10.0.0.0/24")
        for _ in 0..<5 { _ = try await ipam.address(in: pool) }
        try await ipam.release("10.0.0.2", in: pool)
        let restarted = try IPAM.make(store: store)
        #expect(try await restarted.address(in: pool) == "10.0.0.6/24")
        #expect(await refusal { try await restarted.address("10.0.0.5", in: pool) } != "")
        #expect(try await restarted.address("10.0.0.2", in: pool) == "10.0.0.2/24")
    }

    @Test func `addresses are chosen from the sub-pool, the gateway and named ones from the whole pool`() async throws {
        let ipam = try IPAM.make()
        let pool = try await ipam.pool("10.0.0.0/16", subPool: "10.0.5.0/30")
        #expect(try await ipam.address(in: pool, gateway: true) == "10.0.0.1/16")
        #expect(try await ipam.address("10.0.9.9", in: pool) == "10.0.9.9/16")
        #expect(try await ipam.address("10.0.5.2", in: pool) == "10.0.5.2/16")
        #expect(try await ipam.address(in: pool) == "10.0.5.0/16")
        #expect(try await ipam.address(in: pool) == "10.0.5.1/16")
        #expect(try await ipam.address(in: pool) == "10.0.5.3/16")
    }

    @Test func `a sub-pool at an end of the pool leaves out what is not usable there`() async throws {
        let ipam = try IPAM.make()
        let low = try await ipam.pool("10.0.0.0/24", subPool: "10.0.0.0/31")
        #expect(try await ipam.address(in: low) == "10.0.0.1/24")
        #expect(await refusal { try await ipam.address(in: low) } != "")
        let high = try await ipam.pool("10.0.1.0/24", subPool: "10.0.1.254/31")
        #expect(try await ipam.address(in: high) == "10.0.1.254/24")
        #expect(await refusal { try await ipam.address(in: high) } != "")
    }

    @Test func `asking for the gateway again gets the same answer`() async throws {
        let store = FakeStore()
        let ipam = try IPAM.make(store: store)
        let pool = try await ipam.pool("10.0.0.0/24")
        #expect(try await ipam.address("10.0.0.254", in: pool, gateway: true) == "10.0.0.254/24")
        #expect(try await ipam.address("10.0.0.254", in: pool, gateway: true) == "10.0.0.254/24")
        #expect(try await ipam.address(in: pool, gateway: true) == "10.0.0.254/24")
        #expect(store.state.addresses.map(\.role) == [.gateway])
    }

    @Test func `a gateway that is not named is the first address, or the next if that is taken`() async throws {
        let ipam = try IPAM.make()
        let pool = try await ipam.pool("10.0.0.0/24")
        #expect(try await ipam.address("10.0.0.1", in: pool) == "10.0.0.1/24")
        #expect(try await ipam.address(in: pool, gateway: true) == "10.0.0.2/24")
    }

    @Test func `an address that is taken is refused with who has it`() async throws {
        let ipam = try IPAM.make()
        let pool = try await ipam.pool("10.0.0.0/24")
        _ = try await ipam.address(in: pool, gateway: true)
        _ = try await ipam.address("10.0.0.5", in: pool, name: "web")
        _ = try await ipam.address("10.0.0.6", in: pool)
        let prefix = "of pool plugind-local/10.0.0.0/24 is taken:"
        let since = "since 2027-01-15 08:00:00 UTC"
        #expect(
            await refusal { try await ipam.address("10.0.0.1", in: pool) }
                == "address 10.0.0.1 \(prefix) it is the gateway \(since)")
        #expect(
            await refusal { try await ipam.address("10.0.0.5", in: pool) }
                == "address 10.0.0.5 \(prefix) container web has it \(since)")
        #expect(
            await refusal { try await ipam.address("10.0.0.6", in: pool, gateway: true) }
                == "address 10.0.0.6 \(prefix) an endpoint or auxiliary address has it \(since)")
    }

    @Test func `in the global space an address that is repeated in the same role gets the same answer`() async throws {
        let store = FakeStore()
        let ipam = try IPAM.make(store: store)
        let pool = try await ipam.pool("10.0.0.0/24", space: .global)
        _ = try await ipam.address(in: pool, gateway: true)
        #expect(try await ipam.address("10.0.0.5", in: pool, name: "svc.1") == "10.0.0.5/24")
        let restarted = try IPAM.make(store: store)
        #expect(try await restarted.address("10.0.0.5", in: pool) == "10.0.0.5/24")
        #expect(try await restarted.address("10.0.0.1", in: pool, gateway: true) == "10.0.0.1/24")
        #expect(await refusal { try await restarted.address("10.0.0.1", in: pool) } != "")
        #expect(await refusal { try await restarted.address("10.0.0.5", in: pool, gateway: true) } != "")
        #expect(store.commits.count == 3)
    }

    @Test func `releasing an address twice, or one that was never given, is fine`() async throws {
        let store = FakeStore()
        let ipam = try IPAM.make(store: store)
        let pool = try await ipam.pool("10.0.0.0/24")
        _ = try await ipam.address("10.0.0.5", in: pool)
        for address in ["10.0.0.5", "10.0.0.5", "10.0.0.77", "192.168.0.1", "fd00::1", "0.0.0.0", "255.255.255.255"] {
            try await ipam.release(address, in: pool)
        }
        try await ipam.release("10.0.0.5", in: try #require(PoolID("nobody's")))
        #expect(store.commits.count == 3)
        #expect(store.state.addresses.isEmpty)
    }

    @Test func `name and MAC address are stored with the address`() async throws {
        let store = FakeStore()
        let ipam = try IPAM.make(store: store)
        let pool = try await ipam.pool("10.0.0.0/24")
        let options = [
            "com.docker.network.endpoint.macaddress": "02:11:22:33:44:55", "com.docker.network.endpoint.name": "web",
            "com.docker.network.ipam.serial": "true", "tenant": "blue",
        ]
        _ = try await ipam.requestAddress(AddressRequest(pool: pool, address: nil, options: options))
        let record = AddressRecord(
            pool: pool.description, address: try #require(IPAddress("10.0.0.1")), role: .address, name: "web",
            mac: MACAddress("02:11:22:33:44:55"), since: TestClock().now())
        #expect(store.state.addresses == [record])

        let error = #expect(throws: IPAMError.self) {
            try AddressRequest(
                pool: pool, address: nil, options: ["com.docker.network.endpoint.macaddress": "AhEiM0RV"])
        }
        #expect(
            error?.description
                == "option com.docker.network.endpoint.macaddress: ‘AhEiM0RV’ is not a MAC address")
    }

    @Test func `a refusal of the store leaves everything as it was`() async throws {
        let store = FakeStore()
        let ipam = try IPAM.make(store: store)
        let pool = try await ipam.pool("10.0.0.0/30")
        store.failNext()
        #expect(await refusal { try await ipam.address("10.0.0.1", in: pool) } == "the disk is full")
        #expect(try await ipam.address("10.0.0.1", in: pool) == "10.0.0.1/30")
        store.failNext()
        #expect(await refusal { try await ipam.release("10.0.0.1", in: pool) } == "the disk is full")
        #expect(await refusal { try await ipam.address("10.0.0.1", in: pool) } != "")
        try await ipam.release("10.0.0.1", in: pool)
        #expect(try await ipam.address("10.0.0.1", in: pool) == "10.0.0.1/30")
    }
}
