// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Store
import Synchronization
import TestSupport
import Testing

@testable import NetDriver

@Suite("Drift")
struct DriftTests {
    private static let bridge = "br-09dff9c378bc"
    private static let port = "pdh56e4d91db20d"

    /// A driver with a network and an endpoint in a sandbox that is alive, which has seen its links.
    private func inhabited() async throws -> Bench {
        let bench = Bench()
        try await bench.driver.createNetwork(.make())
        let request = try EndpointRequest.make()
        _ = try await bench.driver.createEndpoint(request)
        bench.kernel.state.withLock { _ = $0.namespaces.insert("/sandbox") }
        _ = try await bench.driver.join(request.id, of: request.network, sandbox: "/sandbox")
        await bench.driver.notice(try bench.kernel.links().map { .init(.link($0)) })
        #expect(await bench.driver.repairCounts.isEmpty)
        return bench
    }

    private func link(_ name: String, of bench: Bench) throws -> Link {
        let name = try #require(InterfaceName(name))
        return try #require(try bench.kernel.link(named: name))
    }

    /// What somebody does to a link, and what the kernel tells of it.
    private func change(
        _ name: String, of bench: Bench, _ change: (inout Link) -> Void
    ) throws -> LinkMonitor.Notice {
        var link = try link(name, of: bench)
        change(&link)
        bench.kernel.state.withLock { state in
            state.links[name] = nil
            state.links[link.name] = link
        }
        return .init(.link(link), sender: 4711)
    }

    enum Change: String, CaseIterable {
        case bridgeDown, bridgeMTU, bridgeMAC, bridgeName, bridgeAlias
        case portOut, portElsewhere, portDown, portMTU, portName, portAlias
    }

    @Test(arguments: Change.allCases)
    func `a link that somebody changes is put back`(kind: Change) async throws {
        let bench = try await inhabited()
        bench.kernel.addForeign("br-other", kind: "bridge")
        let before = try bench.host()
        let other = try link("br-other", of: bench).index
        let name = kind.rawValue.hasPrefix("bridge") ? Self.bridge : Self.port
        let notice = try change(name, of: bench) { link in
            switch kind {
            case .bridgeDown, .portDown: link.isUp = false
            case .bridgeMTU, .portMTU: link.mtu = 1280
            case .bridgeMAC: link.mac = MACAddress("02:00:00:00:00:99")
            case .bridgeName, .portName: link.name = "other"
            case .bridgeAlias, .portAlias: link.alias = ""
            case .portOut: link.master = nil
            case .portElsewhere: link.master = other
            }
        }
        await bench.driver.notice([notice])
        #expect(try bench.host() == before)
        let counts = await bench.driver.repairCounts.filter { $0.key != "settings" }
        #expect(counts.values.reduce(0, +) == 1)
    }

    @Test func `a bridge that somebody deletes is put back with its addresses and ports`() async throws {
        let bench = try await inhabited()
        let before = try bench.host()
        let gone = try link(Self.bridge, of: bench)
        bench.kernel.state.withLock { state in
            state.links[Self.bridge] = nil
            state.links[Self.port]?.master = nil
            state.addresses = []
        }
        await bench.driver.notice([.init(.linkGone(gone))])
        #expect(try bench.host() == before)
        #expect(await bench.driver.repairCounts == ["bridge": 1, "master": 1])
    }

    @Test func `an address that somebody deletes is put back, one that is not ours is not`() async throws {
        let bench = try await inhabited()
        let before = try bench.host()
        let bridge = try link(Self.bridge, of: bench)
        let gateway = LinkAddress(link: bridge.index, address: try #require(InterfaceAddress("10.0.0.1/24")))
        let foreign = LinkAddress(link: bridge.index, address: try #require(InterfaceAddress("10.9.9.9/24")))
        bench.kernel.state.withLock { $0.addresses = [] }
        await bench.driver.notice([.init(.addressGone(foreign))])
        #expect(await bench.driver.repairCounts.isEmpty)
        await bench.driver.notice([.init(.addressGone(gateway))])
        #expect(try bench.host() == before)
    }

    @Test func `a route that somebody deletes is put back`() async throws {
        let bench = try await inhabited()
        let bridge = try link(Self.bridge, of: bench)
        let route = Route(destination: try #require(Prefix("10.0.0.0/24")), link: bridge.index)
        bench.kernel.state.withLock { _ = $0.lostRoutes.insert(route) }
        await bench.driver.notice([.init(.routeGone(route))])
        #expect(try bench.kernel.routes() == [route])
        #expect(await bench.driver.repairCounts == ["route": 1])
    }

    @Test func `a port that somebody deletes is put back if its sandbox is alive`() async throws {
        let bench = try await inhabited()
        let gone = try link(Self.port, of: bench)
        try bench.kernel.deleteLink(try #require(InterfaceName(Self.port)))
        await bench.driver.notice([.init(.linkGone(gone))])
        #expect(try link(Self.port, of: bench).alias == gone.alias)
        #expect(await bench.driver.repairCounts == ["port": 1])

        bench.kernel.state.withLock { $0.namespaces = [] }
        try bench.kernel.deleteLink(try #require(InterfaceName(Self.port)))
        await bench.driver.notice([.init(.linkGone(gone))])
        #expect(!bench.kernel.linkNames.contains(Self.port))
        #expect(await bench.driver.repairCounts == ["port": 1])
    }

    @Test func `lost notices make the driver look at everything`() async throws {
        let bench = try await inhabited()
        let before = try bench.host()
        bench.kernel.state.withLock { state in
            state.addresses = []
            state.links[Self.port]?.master = nil
        }
        await bench.driver.notice([.init(.overrun)])
        #expect(try bench.host() == before)
    }

    @Test func `what plugind itself does is not drift`() async throws {
        let bench = try await inhabited()
        let request = try EndpointRequest.make()
        let (port, bridge) = (try link(Self.port, of: bench), try link(Self.bridge, of: bench))
        try await bench.driver.leave(request.id, of: request.network)
        try await bench.driver.deleteEndpoint(request.id, of: request.network)
        await bench.driver.notice([.init(.linkGone(port))])
        try await bench.driver.deleteNetwork(request.network)
        await bench.driver.notice([.init(.linkGone(bridge))])
        #expect(await bench.driver.repairCounts.isEmpty)
        #expect(try bench.isClean())
    }

    @Test func `a link of somebody else with the name of ours is left alone until it goes`() async throws {
        let bench = try await inhabited()
        let gone = try link(Self.bridge, of: bench)
        bench.kernel.lose(try #require(InterfaceName(Self.bridge)))
        bench.kernel.addForeign(Self.bridge, kind: "bridge")
        let foreign = try link(Self.bridge, of: bench)
        await bench.driver.notice([.init(.linkGone(gone)), .init(.link(foreign))])
        #expect(try link(Self.bridge, of: bench) == foreign)
        await bench.driver.upkeep()
        #expect(try link(Self.bridge, of: bench) == foreign)

        bench.kernel.lose(try #require(InterfaceName(Self.bridge)))
        await bench.driver.notice([.init(.linkGone(foreign))])
        #expect(try link(Self.bridge, of: bench).alias == gone.alias)
    }

    @Test func `a link of somebody else with the name of our port is never touched`() async throws {
        let bench = try await inhabited()
        let notice = try change(Self.port, of: bench) { link in
            link.name = "elsewhere"
            link.master = nil
        }
        bench.kernel.addForeign(Self.port)
        let foreign = try link(Self.port, of: bench)
        await bench.driver.notice([notice, .init(.link(foreign))])
        await bench.driver.upkeep()
        #expect(try link(Self.port, of: bench) == foreign)
        #expect(await bench.driver.repairCounts.isEmpty)

        // What is ours goes by its tag, whatever its name.
        try await bench.delete(.make())
        #expect(bench.kernel.linkNames.contains(Self.port) && !bench.kernel.linkNames.contains("elsewhere"))
    }

    @Test func `a renamed bridge goes with its network`() async throws {
        let bench = Bench()
        try await bench.driver.createNetwork(.make())
        _ = try change(Self.bridge, of: bench) { $0.name = "elsewhere" }
        try await bench.driver.deleteNetwork(NetworkRequest.make().id)
        #expect(try bench.isClean())
    }

    @Test(arguments: [-1, 0]) func `settings that somebody changes are put back`(link: Int32) async throws {
        let bench = try await inhabited()
        let index = try self.link(Self.bridge, of: bench).index
        bench.kernel.state.withLock { _ = $0.lostSettings.insert(Self.bridge) }
        await bench.driver.notice([.init(.settings(link: -2)), .init(.settings(link: index + 1))])
        #expect(await bench.driver.repairCounts.isEmpty)
        await bench.driver.notice([.init(.settings(link: link == 0 ? index : link))])
        #expect(await bench.driver.repairCounts == ["settings": 1])
        #expect(bench.kernel.state.withLock { $0.lostSettings.isEmpty })
    }

    @Test func `with the MTU the settings are put back that went with it`() async throws {
        let bench = try await inhabited()
        await bench.driver.notice([try change(Self.bridge, of: bench) { $0.mtu = 1000 }])
        #expect(bench.kernel.calls.suffix(2) == ["setMTU \(Self.bridge)", "writeSettings \(Self.bridge)"])
    }

    @Test func `what happens while a call is under way is looked at when it has ended`() async throws {
        let bench = Bench()
        bench.store.pause { changes in
            changes.contains { if case .putNetwork(let network) = $0 { network.phase == .ready } else { false } }
        }
        let creation = Task { try await bench.driver.createNetwork(.make()) }
        // The bridge is made, and its completion is being stored.
        await bench.store.untilPaused(1)
        let bridge = try link(Self.bridge, of: bench)
        let gateway = LinkAddress(link: bridge.index, address: try #require(InterfaceAddress("10.0.0.1/24")))
        bench.kernel.state.withLock { $0.addresses = [] }
        await bench.driver.notice([.init(.link(bridge)), .init(.addressGone(gateway))])
        bench.store.resume()
        try await creation.value
        await bench.driver.upkeep()
        #expect(try bench.kernel.addresses() == [gateway])
    }

    @Test func `lost notices do not end the peace of an object that is left alone`() async throws {
        let bench = try await inhabited()
        for _ in 1...6 { await bench.driver.notice([try change(Self.bridge, of: bench) { $0.mtu = 1280 }]) }
        await bench.driver.notice([.init(.overrun)])
        #expect(try link(Self.bridge, of: bench).mtu == 1280)
        #expect(await bench.driver.repairCounts["mtu"] == 5)
    }

    @Test func `a fight ends after five repairs in a minute`() async throws {
        let bench = try await inhabited()
        for _ in 1...10 {
            let notice = try change(Self.bridge, of: bench) { $0.mtu = 1280 }
            await bench.driver.notice([notice])
        }
        #expect(await bench.driver.repairCounts == ["mtu": 5, "settings": 5])
        // Another object is not part of it.
        await bench.driver.notice([try change(Self.port, of: bench) { $0.isUp = false }])
        #expect(await bench.driver.repairCounts == ["mtu": 5, "settings": 5, "up": 1])
    }

    @Test func `a repair that fails is made later`() async throws {
        let bench = try await inhabited()
        let before = try bench.host()
        bench.kernel.refuse("setMTU", code: 16)
        await bench.driver.notice([try change(Self.bridge, of: bench) { $0.mtu = 1280 }])
        bench.kernel.allowEverything()
        await bench.driver.upkeep()
        #expect(try bench.host() == before)
    }
}
