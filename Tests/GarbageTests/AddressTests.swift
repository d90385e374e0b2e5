// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import IPAM
import NetDriver
import Store
import Synchronization
import TestSupport
import Testing

@testable import Garbage

@Suite("Addresses, pools, networks and links that nobody has")
struct AddressTests {
    @Test func `an address that was granted and never used is freed`() async throws {
        let bench = try Bench()
        let pool = try await bench.createNetwork()
        _ = try await bench.requestAddress("10.0.0.9", in: pool)
        await bench.pass(at: 0...10)
        #expect(bench.addresses == ["10.0.0.1"])
        #expect(
            try bench.decisions == [
                "freeing address 10.0.0.9 of pool \(pool)", "freed address 10.0.0.9 of pool \(pool)",
            ])
    }

    @Test func `an auxiliary address and one of the built-in driver are the engine's, and nothing is said`()
        async throws
    {
        let bench = try Bench()
        let pool = try await bench.createNetwork()
        let auxiliary = try await bench.requestAddress("10.0.0.9", in: pool)
        let other = try await bench.requestPool("10.1.0.0/24")
        let container = try await bench.requestAddress("10.1.0.2", in: other)
        bench.engine.view { view in
            view.subnets.insert(container.prefix)
            view.addresses.formUnion([auxiliary.address, container.address])
        }
        await bench.pass(at: 0...50)
        #expect(bench.addresses == ["10.0.0.1", "10.0.0.9", "10.1.0.2"])
        #expect(try bench.decisions == [])
    }

    @Test func `an address that was given to somebody else in between is kept`() async throws {
        let bench = try Bench()
        let pool = try await bench.createNetwork()
        let address = try await bench.requestAddress("10.0.0.9", in: pool)
        await bench.pass(at: 0...9)
        // Released and granted again while the engine answers with what it knew before.
        bench.engine.whenAsked {
            try? await bench.ipam.releaseAddress(address.address, in: pool)
            _ = try? await bench.requestAddress("10.0.0.9", in: pool)
        }
        await bench.pass(at: 10...10)
        bench.engine.whenAsked(nil)
        await bench.pass(at: 11...19)
        #expect(bench.addresses == ["10.0.0.1", "10.0.0.9"])
        #expect(try bench.decisions == [])
    }

    @Test func `an address that is granted anew just before it would be freed is kept`() async throws {
        let bench = try Bench()
        let pool = try await bench.createNetwork()
        _ = try await bench.requestAddress("10.0.0.9", in: pool)
        await bench.pass(at: 0...9)
        // A store that takes a rest when the intent is written: long enough for a release and a new grant.
        bench.store.pause()
        async let pass: Void = bench.collector.pass(at: .seconds(10))
        await bench.store.untilPaused(1)
        async let release: Void = bench.ipam.releaseAddress(try #require(IPAddress("10.0.0.9")), in: pool)
        await bench.store.untilPaused(2)
        async let grant = bench.requestAddress("10.0.0.9", in: pool)
        bench.store.resume()
        await pass
        try await release
        _ = try await grant
        #expect(bench.addresses == ["10.0.0.1", "10.0.0.9"])
        #expect(bench.store.violations == [])
    }

    @Test func `an address that the store does not let go stays, and is freed only by a decision that is in the log`()
        async throws
    {
        let bench = try Bench()
        let pool = try await bench.createNetwork()
        _ = try await bench.requestAddress("10.0.0.9", in: pool)
        await bench.pass(at: 0...9)
        // After the intent.
        bench.store.fail(after: 1)
        await bench.pass(at: 10...10)
        await bench.ipam.upkeep()
        #expect(bench.addresses == ["10.0.0.1", "10.0.0.9"])
        #expect(
            try bench.decisions == [
                "freeing address 10.0.0.9 of pool \(pool)", "not freed address 10.0.0.9 of pool \(pool)",
            ])
        await bench.pass(at: 11...21)
        #expect(bench.addresses == ["10.0.0.1"])
        #expect(try bench.decisions.last == "freed address 10.0.0.9 of pool \(pool)")
    }

    @Test func `a pool that the store does not let go stays, and is freed only by a decision that is in the log`()
        async throws
    {
        let bench = try Bench()
        let pool = try await bench.requestPool("10.9.0.0/24")
        await bench.pass(at: 0...9)
        bench.store.fail(after: 1)
        await bench.pass(at: 10...10)
        await bench.ipam.upkeep()
        #expect(bench.store.state.pools.count == 1)
        #expect(try bench.decisions == ["freeing pool \(pool)", "not freed pool \(pool)"])
        await bench.pass(at: 11...21)
        #expect(bench.store.state.pools.isEmpty)
        #expect(try bench.decisions.last == "freed pool \(pool)")
    }

    @Test func `only the grant that was seen is released`() async throws {
        let bench = try Bench()
        let pool = try await bench.createNetwork()
        let address = try await bench.requestAddress("10.0.0.9", in: pool).address
        let seen = try #require(await bench.ipam.heldPools().first?.addresses.last)
        #expect(seen.address == address)
        try await bench.ipam.releaseAddress(address, in: pool)
        _ = try await bench.requestAddress("10.0.0.9", in: pool)
        #expect(try await bench.ipam.releaseAddress(address, in: pool, ifStill: seen.serial) == false)
        #expect(bench.addresses == ["10.0.0.1", "10.0.0.9"])
        let now = try #require(await bench.ipam.heldPools().first?.addresses.last)
        #expect(try await bench.ipam.releaseAddress(address, in: pool, ifStill: now.serial))
        #expect(bench.addresses == ["10.0.0.1"])
    }

    @Test func `a pool without a network goes with all that is in it`() async throws {
        let bench = try Bench()
        let pool = try await bench.requestPool("10.9.0.0/24")
        _ = try await bench.ipam.requestAddress(AddressRequest(pool: pool, role: .gateway))
        _ = try await bench.requestAddress(in: pool)
        await bench.pass(at: 0...10)
        #expect(bench.store.state.pools.isEmpty)
        #expect(bench.addresses == [])
        #expect(try bench.decisions == ["freeing pool \(pool)", "freed pool \(pool)"])
    }

    @Test func `a pool that the engine knows, or whose address a link of the host has, stays`() async throws {
        let bench = try Bench()
        let known = try await bench.requestPool("10.8.0.0/24")
        bench.engine.view { view in view.subnets.formUnion([Prefix("10.8.0.0/16")].compactMap(\.self)) }
        let used = try await bench.requestPool("10.9.0.0/24")
        let gateway = try await bench.ipam.requestAddress(AddressRequest(pool: used, role: .gateway))
        bench.kernel.addForeign("br-other", kind: "bridge", address: gateway)
        await bench.pass(at: 0...50)
        #expect(Set(bench.store.state.pools.map(\.id)) == [known.description, used.description])
        #expect(try bench.decisions == [])
    }

    @Test func `a pool that is asked for again just before it would be freed is kept`() async throws {
        let bench = try Bench()
        let pool = try await bench.requestPool("10.9.0.0/24")
        await bench.pass(at: 0...9)
        bench.store.pause()
        async let pass: Void = bench.collector.pass(at: .seconds(10))
        await bench.store.untilPaused(1)
        // It holds no address, so the second network that names it gets the same answer, without a commit.
        #expect(try await bench.requestPool("10.9.0.0/24") == pool)
        bench.store.resume()
        await pass
        #expect(bench.store.state.pools.map(\.id) == [pool.description])
        #expect(try bench.decisions == ["freeing pool \(pool)", "kept pool \(pool)"])
    }

    @Test func `a network that the engine does not know goes, and takes its idle endpoints before it`() async throws {
        let bench = try Bench()
        let pool = try await bench.createNetwork()
        let id = try await bench.createEndpoint(in: pool)
        bench.engine.view { $0 = EngineView() }
        await bench.pass(at: 0...10)
        #expect(bench.store.state.networks.isEmpty)
        #expect(bench.kernel.linkNames == [])
        #expect(
            try bench.decisions == [
                "freeing endpoint \(id)", "freed endpoint \(id)", "freeing network \(Bench.network)",
                "freed network \(Bench.network)",
            ])
        await bench.pass(at: 11...21)
        #expect(bench.store.state.pools.isEmpty, "the pool follows its network")
        #expect(bench.store.violations == [])
    }

    @Test func `a network into whose bridge somebody put a port of their own stays`() async throws {
        let bench = try Bench()
        _ = try await bench.createNetwork()
        bench.engine.view { $0 = EngineView() }
        bench.kernel.addForeign("tap0", kind: "tun")
        bench.kernel.state.withLock { state in
            let bridge = state.links["br-09dff9c378bc"]?.index
            state.links["tap0"]?.master = bridge
        }
        await bench.pass(at: 0...50)
        #expect(bench.store.state.networks.count == 1)
        #expect(try bench.decisions == [])
    }

    @Test func `a network that the engine knows stays, empty as it is, and one in the making too`() async throws {
        let bench = try Bench()
        _ = try await bench.createNetwork()
        await bench.pass(at: 0...50)
        #expect(bench.store.state.networks.count == 1)
        #expect(try bench.decisions == [])
    }

    @Test func `a link with a tag that nobody knows goes, one without or in use stays`() async throws {
        let bench = try Bench()
        _ = try await bench.createNetwork()
        for (name, kind, alias) in [
            ("br-gone", "bridge", "plugind:network:gone"), ("br-full", "bridge", "plugind:network:full"),
            ("pdhlost", "veth", "plugind:endpoint:lost"), ("pdhbusy", "veth", "plugind:endpoint:busy"),
            ("pdhknown", "veth", "plugind:endpoint:known"), ("br-plain", "bridge", ""),
            ("pdhodd", "veth", "plugind:endpoint:named"), ("eth7", "veth", "plugind:endpoint:eth7"),
            ("dummy0", "dummy", "plugind:network:dummy"), ("br-odd", "bridge", "plugind:network:"),
        ] {
            bench.kernel.addForeign(name, kind: kind)
            bench.kernel.state.withLock { $0.links[name]?.alias = alias }
        }
        bench.kernel.addForeign("tap0", kind: "tun")
        bench.kernel.state.withLock { state in
            state.links["pdhbusy"]?.peerNamespace = 0
            let bridge = state.links["br-full"]?.index
            state.links["tap0"]?.master = bridge
        }
        bench.engine.view { view in view.endpoints.formUnion([EndpointID("known")].compactMap(\.self)) }
        let before = bench.kernel.linkNames
        await bench.pass(at: 0...10)
        #expect(before.subtracting(bench.kernel.linkNames) == ["br-gone", "pdhlost"])
        #expect(
            Set(try bench.decisions) == [
                "freeing link br-gone", "freed link br-gone", "freeing link pdhlost", "freed link pdhlost",
                "kept link pdhknown",
            ])
    }

    @Test func `what is in the global space is the managers' business`() async throws {
        let bench = try Bench()
        _ = try await bench.ipam.requestPool(
            PoolRequest(
                space: AddressSpace.global.rawValue, pool: InterfaceAddress("10.9.0.0/24"), subPool: nil, isIPv6: false,
                options: [:]))
        await bench.pass(at: 0...50)
        #expect(bench.store.state.pools.count == 1)
        #expect(try bench.decisions == [])
    }
}
