// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Store
import TestSupport
import Testing

@testable import NetDriver

@Suite("Rules that others change")
struct RuleTests {
    private let bench = Bench()
    private static let second = "dddddddddddddddddddddddd"

    private static func changed(
        _ family: FirewallMonitor.Family, _ table: String, _ chain: String? = nil, by process: String? = nil
    ) -> FirewallMonitor.Notice {
        .init(.rules(family: family, table: table, chain: chain), sender: 77, process: process)
    }

    private static let ours = changed(.inet, "plugind", "forward", by: "nft (process 77)")

    private func start() async throws {
        try await bench.start(
            .make(options: ["com.docker.network.bridge.enable_icc": "false"]), .make(), sandbox: "/1")
        try await bench.publish("8080:80")
    }

    private func createSecond(by driver: Driver? = nil) async throws {
        try await (driver ?? bench.driver).createNetwork(
            .make(Self.second, subnet: "10.0.1.0/24", gateway: "10.0.1.1/24"))
    }

    // MARK: Tables of ours

    @Test(arguments: [FirewallMonitor.Family.inet, .bridge])
    func `what somebody changes in tables of ours is put back`(family: FirewallMonitor.Family) async throws {
        try await start()
        let elements = bench.firewall.elements
        bench.firewall.flush()
        await bench.driver.noticeRules([Self.changed(family, "plugind")])
        #expect(bench.firewall.elements == elements && bench.firewall.restored == 1)
        #expect(await bench.driver.repairCounts == ["rules": 1])
    }

    @Test func `many changes are one repair`() async throws {
        try await start()
        bench.firewall.flush()
        await bench.driver.noticeRules([Self.ours, Self.changed(.bridge, "plugind"), .init(.overrun), Self.ours])
        #expect(bench.firewall.restored == 1 && bench.firewall.isAtEngine)
    }

    @Test func `lost notices are a reason to put everything back`() async throws {
        try await start()
        let elements = bench.firewall.elements
        bench.firewall.flush()
        await bench.driver.noticeRules([.init(.overrun)])
        #expect(bench.firewall.elements == elements && bench.firewall.isAtEngine)
    }

    @Test(
        arguments: [
            (FirewallMonitor.Family.ip, "plugind", nil), (.other, "plugind", nil), (.inet, "plugind2", nil),
            (.inet, "filter", "FORWARD"), (.ip, "nat", "DOCKER"), (.ip, "filter", "INPUT"), (.ip6, "filter", "DOCKER"),
        ] as [(FirewallMonitor.Family, String, String?)])
    func `what others do in their own tables is nobody's business`(
        family: FirewallMonitor.Family, table: String, chain: String?
    ) async throws {
        try await start()
        bench.firewall.flush()
        await bench.driver.noticeRules([Self.changed(family, table, chain)])
        #expect(bench.firewall.restored == 0 && !bench.firewall.isAtEngine)
    }

    @Test func `without networks there is nothing to put back`() async throws {
        await bench.driver.noticeRules([Self.ours, .init(.overrun), Self.changed(.ip, "filter")])
        #expect(bench.firewall.restored == 0 && !bench.firewall.isAtEngine)
    }

    @Test func `what cannot be put back is put back later`() async throws {
        try await start()
        let elements = bench.firewall.elements
        bench.firewall.flush()
        bench.firewall.refuse(true)
        await bench.driver.noticeRules([Self.ours])
        await bench.driver.upkeep()
        #expect(bench.firewall.elements.isEmpty)
        bench.firewall.refuse(false)
        await bench.driver.upkeep()
        #expect(bench.firewall.elements == elements && bench.firewall.isAtEngine)
    }

    @Test(.timeLimit(.minutes(10)))
    func `whoever fights over the rules is met once a second`() async throws {
        try await start()
        let elements = bench.firewall.elements
        let begin = ContinuousClock.now
        for round in 1...7 {
            bench.firewall.flush()
            await bench.driver.noticeRules([Self.ours])
            #expect(bench.firewall.restored == min(round, 5))
        }
        #expect(bench.firewall.elements.isEmpty)
        for await _ in bench.driver.upkeepSignals { break }
        // However busy the machine is, that is not sooner.
        #expect(.now - begin > .milliseconds(800))
        await bench.driver.upkeep()
        #expect(bench.firewall.elements == elements && bench.firewall.isAtEngine)
        // And again, as long as it goes on.
        bench.firewall.flush()
        await bench.driver.noticeRules([Self.ours])
        #expect(bench.firewall.elements.isEmpty)
        await bench.driver.upkeep()
        #expect(bench.firewall.elements == elements)
        #expect(await bench.driver.repairCounts == ["rules": 5])
    }

    // MARK: Starts

    @Test func `what changed while plugind was away is as it should be after the start`() async throws {
        try await start()
        let elements = bench.firewall.elements
        bench.firewall.flush()
        _ = try await bench.restarted()
        #expect(bench.firewall.elements == elements && bench.firewall.isAtEngine)
    }

    @Test func `a look at everything makes the tables anew`() async throws {
        try await start()
        let driver = try await bench.restarted()
        let elements = bench.firewall.elements
        bench.firewall.flush()
        try await driver.reconcile()
        #expect(bench.firewall.elements == elements)
    }

    @Test func `the first rules of a call after a start that failed are not the only ones`() async throws {
        try await start()
        let elements = bench.firewall.elements
        bench.firewall.refuse(true)
        let driver = try await bench.restarted()
        bench.firewall.refuse(false)
        try await createSecond(by: driver)
        #expect(bench.firewall.elements.isSuperset(of: elements))
    }

    @Test(.timeLimit(.minutes(10)))
    func `what is finished at start does not leave others without rules meanwhile`() async throws {
        try await start()
        try await createSecond()
        let kept = bench.firewall.words().filter { $0.contains("dddddddddddd") }
        // The endpoint's deletion was not finished.
        var endpoint = try #require(try bench.store.load().endpoints.first)
        endpoint.phase = .deleting
        try await bench.store.commit([.putEndpoint(endpoint)])
        let driver = try bench.new()
        bench.store.pause { [id = endpoint.id] in $0.contains(.deleteEndpoint(id)) }
        let reconciliation = Task { try await driver.reconcile() }
        await bench.store.untilPaused(1)
        // Its rules are gone, and the last commit of its deletion is under way.
        #expect(bench.firewall.words(in: "ports4") == [])
        #expect(Set(bench.firewall.words()).isSuperset(of: kept) && !kept.isEmpty)
        bench.store.resume()
        _ = try await reconciliation.value
        #expect(Set(bench.firewall.words()).isSuperset(of: kept))
    }

    @Test(.timeLimit(.minutes(10)))
    func `a look at everything while a network goes does not leave its rules behind`() async throws {
        try await bench.driver.createNetwork(.make())
        let id = try #require(try bench.store.load().networks.first?.id)
        bench.store.pause { $0.contains(.deleteNetwork(id)) }
        let deletion = Task { try await bench.driver.deleteNetwork(.make()) }
        await bench.store.untilPaused(1)
        #expect(bench.firewall.words(in: "bridges").isEmpty)
        try await bench.driver.reconcile()
        #expect(!bench.firewall.words(in: "bridges").isEmpty)
        bench.store.resume()
        try await deletion.value
        await bench.driver.upkeep()
        #expect(try bench.isClean())
    }

    // MARK: The engine's rules

    @Test func `the engine's rule comes with the first network and goes with the last`() async throws {
        #expect(!bench.firewall.isAtEngine)
        try await bench.driver.createNetwork(.make())
        try await createSecond()
        #expect(bench.firewall.isAtEngine)
        try await bench.driver.deleteNetwork(.make())
        #expect(bench.firewall.isAtEngine)
        try await bench.driver.deleteNetwork(.make(Self.second))
        #expect(!bench.firewall.isAtEngine)
        #expect(try bench.isClean())
    }

    @Test(
        arguments: [
            (FirewallMonitor.Family.ip, "DOCKER-USER"), (.ip6, "DOCKER-USER"), (.ip, "FORWARD"), (.ip, "DOCKER-BRIDGE"),
            (.ip, nil),
        ] as [(FirewallMonitor.Family, String?)])
    func `when the engine's chains change they are looked at`(
        family: FirewallMonitor.Family, chain: String?
    ) async throws {
        try await bench.driver.createNetwork(.make())
        bench.firewall.flush()
        bench.firewall.setEngineBridges(["docker0"])
        await bench.driver.noticeRules([Self.changed(family, "filter", chain)])
        #expect(bench.firewall.isAtEngine && bench.firewall.restored == 0)
        #expect(bench.firewall.words(in: "engine") == ["engine \"docker0\""])
    }

    @Test func `the engine's bridges are known for as long as there are networks, ours are none of them`() async throws
    {
        bench.firewall.setEngineBridges(["docker0", "br-09dff9c378bc"])
        try await bench.driver.createNetwork(.make())
        #expect(bench.firewall.words(in: "engine") == ["engine \"docker0\""])
        bench.firewall.setEngineBridges(["br-1"])
        await bench.driver.noticeRules([Self.changed(.ip, "filter", "FORWARD")])
        #expect(bench.firewall.words(in: "engine") == ["engine \"br-1\""])
        try await bench.driver.deleteNetwork(.make())
        #expect(bench.firewall.words(in: "engine") == [])
    }

    @Test func `what cannot be done at the engine's rules is done later`() async throws {
        try await bench.driver.createNetwork(.make())
        bench.firewall.flush()
        bench.firewall.refuse(true)
        await bench.driver.noticeRules([Self.changed(.ip, "filter", "DOCKER-USER")])
        #expect(!bench.firewall.isAtEngine)
        bench.firewall.refuse(false)
        await bench.driver.upkeep()
        #expect(bench.firewall.isAtEngine)
    }
}
