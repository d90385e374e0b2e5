// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Store
import Synchronization
import TestSupport
import Testing

@testable import NetDriver

/// Links are deleted together, after the answers.
@Suite("Deletions that share a grace period")
struct RetirementTests {
    private static let bridge = "br-09dff9c378bc"
    private static let port = "pdh56e4d91db20d"

    private let bench = Bench()
    private let network: NetworkID
    private let endpoint: EndpointRequest

    init() async throws {
        endpoint = try .make()
        network = endpoint.network
        try await bench.start(.make(), endpoint)
    }

    private func link(_ name: String) throws -> Link? {
        try bench.kernel.link(named: try #require(InterfaceName(name)))
    }

    /// How many rows of endpoints went with each commit.
    private var deletions: [Int] {
        bench.store.commits.map { changes in
            changes.count { change in
                if case .deleteEndpoint = change { true } else { false }
            }
        }.filter { $0 > 0 }
    }

    /// An endpoint of which the links are out of use, and stay there until `letGo`.
    private func deleteHeld() async throws {
        bench.kernel.hold("deleteLinks")
        try await bench.driver.deleteEndpoint(endpoint.id, of: network)
    }

    private func letGo() async {
        bench.kernel.letGo()
        await bench.driver.settle()
    }

    // MARK: The answer

    @Test func `the answer comes when the port is out of use, before the links are gone`() async throws {
        try await deleteHeld()
        let link = try #require(try link(Self.port))
        #expect(!link.isUp && link.master == nil && link.group != 0)
        #expect(bench.store.state.endpoints.map(\.phase) == [.deleting])
        #expect(await bench.driver.endpoints.isEmpty)
        await letGo()
        #expect(bench.kernel.linkNames == [Self.bridge])
        #expect(bench.store.state.endpoints.isEmpty)
    }

    @Test func `the address and the MAC address are another's at once`() async throws {
        let mac = await bench.driver.endpoints[endpoint.id]?.mac
        try await deleteHeld()
        #expect(try await bench.driver.createEndpoint(.make("aaaaaaaaaaaa")) == mac)
        #expect(try link("pdhaaaaaaaaaaaa")?.isUp == true)
        await letGo()
        #expect(bench.kernel.linkNames == [Self.bridge, "pdhaaaaaaaaaaaa", "pdsaaaaaaaaaaaa"])
    }

    @Test func `what is about to be deleted is neither put back nor looked at by anybody`() async throws {
        try await deleteHeld()
        let link = try #require(try link(Self.port))
        await bench.driver.notice([.init(.link(link), sender: 4711)])
        #expect(try await bench.driver.differences().isEmpty)
        #expect(try await bench.driver.inventory().strays.isEmpty)
        #expect(try await bench.driver.survey().links.allSatisfy { $0.name != Self.port })
        try await bench.driver.reconcile()
        #expect(await bench.driver.repairCounts.isEmpty)
        #expect(try self.link(Self.port) == link)
        await letGo()
    }

    @Test func `a pair that somebody deleted before is no failure`() async throws {
        for name in [Self.port, "pds56e4d91db20d"] { bench.kernel.lose(try .make(name)) }
        try await bench.delete(endpoint)
        #expect(bench.kernel.count(of: "retire") == 0)
        #expect(bench.store.state.endpoints.isEmpty)
    }

    // MARK: Together

    @Test func `those that come while others are deleted go together, with one request and one commit`() async throws {
        let others = try (0..<20).map { try EndpointRequest.make("\($0)aaaaaaaaaaaaaaaa", ipv4: "10.0.0.\($0 + 3)/24") }
        for other in others { _ = try await bench.driver.createEndpoint(other) }
        try await deleteHeld()
        await bench.kernel.untilCalled("deleteLinks")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for other in others {
                group.addTask { try await bench.driver.deleteEndpoint(other.id, of: other.network) }
            }
            try await group.waitForAll()
        }
        await letGo()
        #expect(bench.kernel.count(of: "deleteLinks") == 2)
        #expect(deletions == [1, 20])
        #expect(bench.kernel.linkNames == [Self.bridge])
        #expect(bench.store.state.endpoints.isEmpty)
    }

    @Test func `the bridge of a network that is deleted right after its endpoint goes along`() async throws {
        try await bench.driver.deleteEndpoint(endpoint.id, of: network)
        try await bench.driver.deleteNetwork(network)
        #expect(bench.kernel.count(of: "deleteLink") == 0)
        #expect(bench.kernel.count(of: "deleteLinks") <= 2)
        #expect(try bench.isClean())
    }

    @Test func `a network is not gone before the rows of its endpoints are`() async throws {
        try await deleteHeld()
        async let deletion: Void = bench.driver.deleteNetwork(network)
        await bench.kernel.untilCalled("deleteLinks")
        #expect(bench.store.state.networks.count == 1)
        bench.kernel.letGo()
        try await deletion
        #expect(try bench.isClean())
    }

    @Test func `the same endpoint is made again at once`() async throws {
        for _ in 0..<20 {
            try await bench.driver.deleteEndpoint(endpoint.id, of: network)
            _ = try await bench.driver.createEndpoint(endpoint)
            let link = try #require(try link(Self.port))
            #expect(link.isUp && link.master != nil && link.group == 0)
        }
        await bench.driver.settle()
        #expect(try link(Self.port) != nil)
        #expect(bench.store.state.endpoints.map(\.phase) == [.ready])
        #expect(await bench.driver.endpoints.count == 1)
    }

    // MARK: Refusals

    @Test func `a port that stays in use is an error, and owed`() async throws {
        bench.kernel.refuse("retire", code: 16)
        let error = await #expect(throws: KernelError.self) {
            try await bench.driver.deleteEndpoint(endpoint.id, of: network)
        }
        #expect(error?.code == 16)
        #expect(await bench.driver.endpoints[endpoint.id]?.phase == .deleting)
        #expect(bench.kernel.count(of: "deleteLinks") == 0)
        bench.kernel.allowEverything()
        await finish()
    }

    @Test func `links that cannot be deleted yet are owed, and so is their network`() async throws {
        bench.kernel.refuse("deleteLinks", code: 16)
        try await bench.delete(endpoint)
        #expect(bench.store.state.endpoints.map(\.phase) == [.deleting])
        #expect(await bench.driver.owed == [.endpoint(endpoint.id)])
        await #expect(throws: KernelError.self) { try await bench.driver.deleteNetwork(network) }
        #expect(bench.store.state.networks.map(\.phase) == [.deleting])
        bench.kernel.allowEverything()
        await bench.driver.upkeep()
        await bench.driver.settle()
        #expect(try bench.isClean())
        #expect(await bench.driver.owed.isEmpty)
    }

    @Test func `a row that the store keeps is owed`() async throws {
        bench.store.fail(after: 1)
        try await bench.delete(endpoint)
        #expect(bench.kernel.linkNames == [Self.bridge])
        #expect(bench.store.state.endpoints.map(\.phase) == [.deleting])
        #expect(await bench.driver.owed == [.endpoint(endpoint.id)])
        await finish()
    }

    @Test func `an endpoint that could not be made is in nobody's way`() async throws {
        let other = try EndpointRequest.make("aaaaaaaaaaaa", ipv4: "10.0.0.9/24")
        bench.kernel.refuse("addVethPair", code: 105)
        bench.kernel.refuse("deleteLinks", code: 105)
        await #expect(throws: KernelError.self) { _ = try await bench.driver.createEndpoint(other) }
        await bench.driver.settle()
        #expect(await bench.driver.endpoints[other.id]?.phase == .deleting)
        bench.kernel.allowEverything()
        try await bench.delete(endpoint)
        try await bench.driver.deleteNetwork(network)
        #expect(try bench.isClean())
    }

    @Test func `an endpoint is made again as soon as the last one can be deleted`() async throws {
        bench.kernel.refuse("deleteLinks", code: 16)
        try await bench.delete(endpoint)
        await #expect(throws: KernelError.self) { _ = try await bench.driver.createEndpoint(endpoint) }
        bench.kernel.allowEverything()
        _ = try await bench.driver.createEndpoint(endpoint)
        #expect(try link(Self.port)?.isUp == true)
        #expect(await bench.driver.owed.isEmpty)
    }

    /// What could not be done can be now, and is.
    private func finish() async {
        await bench.driver.upkeep()
        await bench.driver.settle()
        #expect(bench.kernel.linkNames == [Self.bridge])
        #expect(bench.store.state.endpoints.isEmpty)
        #expect(await bench.driver.owed.isEmpty)
    }

    // MARK: Restarts

    @Test(arguments: ["retire", "deleteLinks", "store"])
    func `a start finishes what the last one had begun`(culprit: String) async throws {
        if culprit == "store" { bench.store.fail(after: 1) } else { bench.kernel.refuse(culprit, code: 16) }
        try? await bench.delete(endpoint)
        #expect(bench.store.state.endpoints.map(\.phase) == [.deleting])
        bench.kernel.allowEverything()
        let driver = try await bench.restarted()
        await driver.settle()
        #expect(bench.kernel.linkNames == [Self.bridge])
        #expect(bench.store.state.endpoints.isEmpty)
        try await driver.deleteNetwork(network)
        #expect(try bench.isClean())
    }
}
