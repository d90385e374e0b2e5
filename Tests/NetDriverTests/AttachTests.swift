// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import PluginKit
import Store
import Synchronization
import TestSupport
import Testing

@testable import NetDriver

/// An endpoint has its link from Join to Leave.
@Suite("Links that are made in their sandboxes")
struct AttachTests: DirectTests {
    let host: DirectHost

    init() async throws { host = try await DirectHost() }

    // MARK: An endpoint's life

    @Test func `before Join an endpoint is a row and no link, and nothing is missing`() async throws {
        let mac = try await bench.driver.createEndpoint(endpoint)
        #expect(try await bench.driver.createEndpoint(endpoint) == mac)
        #expect(bench.kernel.linkNames == [Self.bridge])
        #expect(stored?.phase == .ready && stored?.attach == .direct && stored?.mac == mac)
        #expect(try await bench.driver.differences().isEmpty)
        #expect(try await bench.driver.reconcile().mended == 0)
        #expect(try await bench.restarted().repairCounts.isEmpty)
        #expect(bench.kernel.linkNames == [Self.bridge])
    }

    @Test func `join makes the link in the sandbox, and leaves nothing to be moved`() async throws {
        let mac = try await bench.driver.createEndpoint(endpoint)
        let attachment = try await join(endpoint)
        #expect(attachment.link == nil)
        #expect([attachment.gatewayIPv4, attachment.gatewayIPv6] == [IPAddress("10.0.0.1"), IPAddress("fd00::1")])
        #expect(bench.kernel.linkNames == [Self.bridge, Self.port])
        let inside = try #require(bench.kernel.inside(Self.sandbox)["eth0"])
        #expect(inside.spec.addresses == [endpoint.ipv4, endpoint.ipv6])
        #expect(inside.spec.gateways.isEmpty, "the engine sets the routes")
        #expect(inside.spec.settings.isEmpty)
        #expect(inside.pair.sandboxMAC == mac && inside.pair.mtu == 1400)
        #expect(inside.pair.bridge.description == Self.bridge)
        #expect(stored?.sandboxKey == Self.sandbox)
        #expect(try await bench.driver.differences().isEmpty)
    }

    @Test func `each call of an endpoint's life takes one commit`() async throws {
        func puts() -> Int {
            bench.store.commits.count { changes in
                changes.contains { change in
                    if case .putEndpoint = change { true } else { false }
                }
            }
        }
        _ = try await bench.driver.createEndpoint(endpoint)
        #expect(puts() == 1)
        _ = try await join(endpoint)
        #expect(puts() == 2)
        try await leave(endpoint)
        #expect(puts() == 3)
        let before = bench.store.commits.count
        try await bench.delete(endpoint)
        #expect(puts() == 4)
        #expect(bench.store.commits.count == before + 2, "the row goes with the links of others")
        #expect(bench.kernel.linkNames == [Self.bridge])
    }

    @Test func `the name and the settings that were asked for are given`() async throws {
        let settings = ["net.ipv4.conf.IFNAME.log_martians=1", "net.ipv6.neigh.IFNAME.anycast_delay=0"]
        try await start(.make(linkName: "lan0", settings: settings))
        #expect(names() == ["lan0"])
        #expect(bench.kernel.inside(Self.sandbox)["lan0"]?.spec.settings.map(\.description) == settings)
    }

    @Test func `links of a sandbox are numbered in the order of their joins`() async throws {
        try await start(endpoint)
        try await start(.make("aaaaaaaaaaaa", ipv4: "10.0.0.3/24"))
        #expect(
            bench.kernel.inside(Self.sandbox).mapValues(\.pair.host.description) == [
                "eth0": Self.port, "eth1": "pdhaaaaaaaaaaaa",
            ])
    }

    @Test func `a name that another link of the sandbox has is refused, and can be had later`() async throws {
        try await start(.make(linkName: "lan0"))
        let second = try EndpointRequest.make("aaaaaaaaaaaa", ipv4: "10.0.0.3/24", linkName: "lan0")
        let error = await #expect(throws: KernelError.self) { try await start(second) }
        #expect(error?.code == 17)
        #expect(bench.kernel.linkNames == [Self.bridge, Self.port])
        try await leave(endpoint)
        _ = try await join(second)
        #expect(bench.kernel.inside(Self.sandbox).mapValues(\.pair.host.description) == ["lan0": "pdhaaaaaaaaaaaa"])
    }

    @Test func `joining again makes nothing again`() async throws {
        let first = try await start(endpoint)
        let commits = bench.store.commits
        #expect(try await join(endpoint) == first)
        #expect(bench.store.commits == commits)
        #expect(bench.kernel.count(of: "addVethPairInto") == 1)
    }

    @Test func `joining another sandbox takes the link there`() async throws {
        try await start(endpoint)
        #expect(try await join(endpoint, Self.other).link == nil)
        #expect(names() == [] && names(in: Self.other) == ["eth0"])
        #expect(stored?.sandboxKey == Self.other)
        #expect(bench.kernel.linkNames == [Self.bridge, Self.port])
        #expect(try await bench.driver.differences().isEmpty)
    }

    @Test func `leaving takes the link away, and the endpoint can be joined again`() async throws {
        try await start(endpoint)
        try await leave(endpoint)
        await bench.driver.settle()
        #expect(bench.kernel.linkNames == [Self.bridge])
        #expect(stored?.sandboxKey == nil && stored?.phase == .ready)
        #expect(try await bench.driver.differences().isEmpty)
        _ = try await join(endpoint, Self.other)
        #expect(names(in: Self.other) == ["eth0"])
    }

    @Test func `who joins a sandbox that another has just left waits for its link's name`() async throws {
        try await start(endpoint)
        bench.kernel.hold("deleteLinks")
        try await leave(endpoint)
        let second = try EndpointRequest.make("aaaaaaaaaaaa", ipv4: "10.0.0.3/24")
        async let attachment = start(second)
        await bench.kernel.untilCalled("deleteLinks")
        #expect(names() == ["eth0"])
        bench.kernel.letGo()
        #expect(try await attachment.link == nil)
        #expect(bench.kernel.inside(Self.sandbox).mapValues(\.pair.host.description) == ["eth0": "pdhaaaaaaaaaaaa"])
    }

    @Test func `a container that disconnects and connects again has its link's name again`() async throws {
        for _ in 0..<20 {
            try await start(endpoint)
            #expect(names() == ["eth0"])
            try await leave(endpoint)
            try await bench.driver.deleteEndpoint(endpoint.id, of: endpoint.network)
        }
        try await bench.driver.deleteNetwork(endpoint.network)
        #expect(try bench.isClean())
    }

    @Test func `a network with an endpoint that waits for its Join is in use`() async throws {
        _ = try await bench.driver.createEndpoint(endpoint)
        let error = await #expect(throws: DriverError.self) {
            try await bench.driver.deleteNetwork(endpoint.network)
        }
        #expect(error == .networkInUse(endpoint.network, endpoints: 1))
    }

    // MARK: Where links cannot be made in sandboxes

    @Test func `a sandbox that is not there yet is left to the engine`() async throws {
        bench.kernel.state.withLock { $0.namespaces = [] }
        let attachment = try await start(endpoint)
        #expect(attachment.link?.description == "pds56e4d91db20d")
        #expect(stored?.attach == .move && stored?.sandboxKey == Self.sandbox)
        #expect(bench.kernel.linkNames == [Self.bridge, Self.port, "pds56e4d91db20d"])
        // It stays so, also once the sandbox is there.
        bench.kernel.state.withLock { $0.namespaces = [Self.sandbox] }
        #expect(try await join(endpoint) == attachment)
        let driver = try await bench.restarted()
        #expect(try await join(endpoint, by: driver) == attachment)
        try await bench.delete(endpoint, by: driver)
        #expect(bench.kernel.linkNames == [Self.bridge])
    }

    @Test(arguments: [1, 13] as [Int32])
    func `a sandbox that may not be entered is left to the engine`(code: Int32) async throws {
        bench.kernel.refuse("addVethPairInto", code: code)
        #expect(try await start(endpoint).link?.description == "pds56e4d91db20d")
        #expect(stored?.attach == .move && stored?.sandboxKey == Self.sandbox)
        try await leave(endpoint)
        #expect(bench.kernel.count(of: "retire") == 0, "the engine moves it back")
    }

    @Test func `another refusal is an error, and Join can be repeated`() async throws {
        bench.kernel.refuse("addVethPairInto", code: 12)
        let error = await #expect(throws: KernelError.self) { try await start(endpoint) }
        #expect(error?.code == 12)
        #expect(stored?.attach == .direct)
        bench.kernel.allowEverything()
        #expect(try await join(endpoint).link == nil)
        #expect(names() == ["eth0"])
    }

    @Test(arguments: 0..<2) func `a Join that the store refuses can be repeated`(commit: Int) async throws {
        // The second commit is that of falling back.
        if commit == 1 { bench.kernel.refuse("addVethPairInto", code: 1) }
        _ = try await bench.driver.createEndpoint(endpoint)
        bench.store.fail(after: commit)
        await #expect(throws: StoreError.self) { try await join(endpoint) }
        bench.kernel.allowEverything()
        _ = try await join(endpoint)
        #expect(bench.kernel.linkNames.contains(Self.port))
        #expect(try bench.store.load().endpoints == [#require(await bench.driver.endpoints[endpoint.id])])
        try await bench.delete(endpoint)
        #expect(bench.kernel.linkNames == [Self.bridge])
    }

    @Test func `one that the engine would move is made in a sandbox of which the engine knows no links`() async throws {
        try await start(endpoint)
        try await bench.driver.createNetwork(
            .make("cccccccccccccccc", subnet: "10.0.1.0/24", gateway: "10.0.1.1/24"))
        let moved = try EndpointRequest.make("aaaaaaaaaaaa", network: "cccccccccccccccc", ipv4: "10.0.1.2/24")
        _ = try await bench.driver.createEndpoint(moved)
        #expect(bench.kernel.linkNames.contains("pdsaaaaaaaaaaaa"))
        #expect(try await join(moved).link == nil)
        #expect(names() == ["eth0", "eth1"])
        #expect(!bench.kernel.linkNames.contains("pdsaaaaaaaaaaaa"))
        #expect(bench.store.state.endpoints.allSatisfy { $0.attach == .direct })
        // Elsewhere it is as its network has it.
        let elsewhere = try EndpointRequest.make("bbbbbbbbbbbb", network: "cccccccccccccccc", ipv4: "10.0.1.3/24")
        #expect(try await start(elsewhere, Self.other).link?.description == "pdsbbbbbbbbbbbb")
    }

    // MARK: Options

    @Test func `the daemon's default is that of networks that say nothing, from the next endpoint on`() async throws {
        let bench = Bench()
        bench.kernel.state.withLock { $0.namespaces = [Self.sandbox] }
        try await bench.start(.make(), .make())
        await bench.driver.setAttachMode(.direct)
        _ = try await bench.driver.createEndpoint(.make("aaaaaaaaaaaa", ipv4: "10.0.0.3/24"))
        try await bench.start(
            .make("cccccccccccccccc", subnet: "10.0.1.0/24", gateway: nil, options: ["plugind.attach": "move"]),
            .make("bbbbbbbbbbbb", network: "cccccccccccccccc", ipv4: "10.0.1.3/24"))
        let modes = bench.store.state.endpoints.map { "\($0.id) \($0.attach?.rawValue ?? "")" }
        #expect(modes == ["56e4d91db20dac74f4b1218b move", "aaaaaaaaaaaa direct", "bbbbbbbbbbbb move"])
        #expect(try await bench.restarted().repairCounts.isEmpty)
    }

    @Test func `an endpoint of a version that knew one way only is moved`() async throws {
        let bench = Bench()
        try await bench.start(.make(), .make())
        var record = try #require(bench.store.state.endpoints.first)
        record.attach = nil
        try await bench.store.commit([.putEndpoint(record)])
        let driver = try await bench.restarted()
        await driver.setAttachMode(.direct)
        #expect(try await join(.make(), by: driver).link?.description == "pds56e4d91db20d")
    }

    @Test func `a way that there is not is refused`() async throws {
        let error = await #expect(throws: DriverError.self) {
            try await bench.driver.createNetwork(
                .make("cccccccccccccccc", subnet: "10.0.1.0/24", options: ["plugind.attach": "sideways"]))
        }
        #expect(error?.description.contains("plugind.attach") == true, "\(String(describing: error))")
        #expect(error?.description.contains("move, direct") == true, "\(String(describing: error))")
    }

    @Test(arguments: [
        (EndpointWishes.Key.linkName, ""), (EndpointWishes.Key.linkName, "a/b"),
        (EndpointWishes.Key.linkName, "sixteen-letters-"), (EndpointWishes.Key.linkName, "two words"),
        (EndpointWishes.Key.settings, ""), (EndpointWishes.Key.settings, "net.ipv4.conf.IFNAME.log_martians"),
        (EndpointWishes.Key.settings, "net.ipv4.conf.eth0.log_martians=1"),
        (EndpointWishes.Key.settings, "net.ipv4.conf.IFNAME.log_martians="),
        (EndpointWishes.Key.settings, "net.ipv4.route.IFNAME.flush=1"),
        (EndpointWishes.Key.settings, "net.ipv4.conf.IFNAME.../../ip_forward=1"),
        (EndpointWishes.Key.settings, "net.ipv4.conf.IFNAME.a=1,,net.ipv4.conf.IFNAME.b=1"),
        (EndpointWishes.Key.settings, "kernel.hostname=x"),
    ])
    func `an option of a container that cannot be meant is refused by its name`(key: String, value: String) throws {
        var options = EndpointOptions()
        options.others = [key: .string(value)]
        let error = #expect(throws: DriverError.self) { try options.wishes() }
        #expect(error?.description.contains(key) == true, "\(String(describing: error))")
        #expect(error?.isBadRequest == true)
    }

    @Test(arguments: [EndpointWishes.Key.linkName, EndpointWishes.Key.settings])
    func `an option of a container that is no text is refused`(key: String) throws {
        var options = EndpointOptions()
        options.others = [key: .integer(1)]
        let error = #expect(throws: DriverError.self) { try options.wishes() }
        #expect(error?.description.contains("not a text") == true)
    }

    @Test func `several settings are taken in their order, and values may have dots and signs`() throws {
        var options = EndpointOptions()
        let texts = ["net.ipv4.conf.IFNAME.log_martians=1", "net.ipv6.conf.IFNAME.stable_secret=2001:db8::1=2"]
        options.others = [EndpointWishes.Key.settings: .string(texts.joined(separator: ","))]
        #expect(try options.wishes().settings.map(\.description) == texts)
    }
}
