// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import PluginKit
import Store
import Synchronization
import TestSupport
import Testing

@testable import NetDriver

/// What fails, and what others do.
@Suite("Links in sandboxes that fail, or that others change")
struct AttachFailureTests: DirectTests {
    let host: DirectHost

    init() async throws { host = try await DirectHost() }

    // MARK: Refusals

    @Test func `a creation whose commit fails leaves nothing`() async throws {
        bench.store.failNext()
        await #expect(throws: StoreError.self) { try await bench.driver.createEndpoint(endpoint) }
        await bench.driver.settle()
        #expect(bench.store.state.endpoints.isEmpty)
        #expect(await bench.driver.endpoints.isEmpty)
        #expect(bench.kernel.linkNames == [Self.bridge])
        try await start(endpoint)
        #expect(names() == ["eth0"])
    }

    @Test(arguments: ["retire", "deleteLinks"])
    func `a link that is left over after Leave is deleted later`(call: String) async throws {
        try await start(endpoint)
        bench.kernel.refuse(call, code: 16)
        try await leave(endpoint)
        await bench.driver.settle()
        #expect(bench.kernel.linkNames.contains(Self.port))
        #expect(stored?.sandboxKey == nil)
        bench.kernel.allowEverything()
        await bench.driver.upkeep()
        await bench.driver.settle()
        #expect(bench.kernel.linkNames == [Self.bridge])
        #expect(await bench.driver.unmended.isEmpty)
    }

    @Test(arguments: ["retire", "deleteLinks"])
    func `a start finds a link whose sandbox was left`(call: String) async throws {
        try await start(endpoint)
        bench.kernel.refuse(call, code: 16)
        try await leave(endpoint)
        await bench.driver.settle()
        bench.kernel.allowEverything()
        let driver = try await bench.restarted()
        await driver.settle()
        #expect(bench.kernel.linkNames == [Self.bridge])
        #expect(await driver.repairCounts == ["port": 1])
        #expect(try await driver.reconcile().mended == 0)
        _ = try await join(endpoint, by: driver)
        #expect(names() == ["eth0"])
    }

    @Test func `a link whose sandbox was left is told as a difference`() async throws {
        try await start(endpoint)
        bench.kernel.refuse("retire", code: 16)
        try await leave(endpoint)
        #expect(
            try await bench.driver.differences().flatMap(\.problems) == [
                "the port of a sandbox that was left is still there"
            ])
    }

    @Test func `no more endpoints are made than the bridge has ports`() async throws {
        try await bench.driver.createNetwork(
            .make(
                "cccccccccccccccc", subnet: "10.1.0.0/16", gateway: "10.1.255.1/16",
                options: ["plugind.attach": "direct"]))
        func request(_ number: Int) throws -> EndpointRequest {
            let id = String(repeating: "0", count: 12 - "\(number)".count) + "\(number)"
            return try .make(id, network: "cccccccccccccccc", ipv4: "10.1.\(number / 250).\(number % 250 + 1)/16")
        }
        for number in 0..<1023 { _ = try await bench.driver.createEndpoint(request(number)) }
        let error = await #expect(throws: DriverError.self) { try await bench.driver.createEndpoint(request(1023)) }
        #expect(error?.description == "bridge br-cccccccccccc has no free port: the kernel allows 1023")
        try await bench.driver.deleteEndpoint(request(5).id, of: request(5).network)
        _ = try await bench.driver.createEndpoint(request(1023))
    }

    // MARK: What others do

    @Test func `a port that somebody deletes is made again in its sandbox, with its routes`() async throws {
        try await start(.make(linkName: "lan0"))
        let gone = try #require(try bench.kernel.link(named: .make(Self.port)))
        bench.kernel.lose(try .make(Self.port))
        await bench.driver.notice([.init(.linkGone(gone))])
        #expect(bench.kernel.inside(Self.sandbox)["lan0"]?.spec.gateways == [try .make("10.0.0.1")])
        #expect(await bench.driver.repairCounts == ["port": 1])
    }

    @Test func `a move to another sandbox that failed half way is undone, and the link is known again`() async throws {
        try await start(endpoint)
        bench.kernel.refuse("deleteLinks", code: 16)
        await #expect(throws: KernelError.self) { try await join(endpoint, Self.other) }
        bench.kernel.allowEverything()
        await bench.driver.upkeep()
        await bench.driver.settle()
        // Its row says that it is where it was, so the link is put back there.
        #expect(try await bench.driver.reconcile().left == 0)
        #expect(names() == ["eth0"] && names(in: Self.other) == [])
        try await leave(endpoint)
        await bench.driver.settle()
        #expect(bench.kernel.linkNames == [Self.bridge])
        _ = try await join(endpoint, Self.other)
        #expect(names(in: Self.other) == ["eth0"])
    }

    @Test func `a link that was half made when the daemon ended is made anew`() async throws {
        _ = try await bench.driver.createEndpoint(endpoint)
        let record = try #require(stored)
        let network = try #require(bench.store.state.networks.first)
        let (pair, spec) = await (
            bench.driver.vethPair(of: record, in: network), bench.driver.sandbox(Self.sandbox, of: record, in: network)
        )
        var joined = record
        joined.sandboxKey = Self.sandbox
        try await bench.store.commit([.putEndpoint(joined)])
        try bench.kernel.addUnfinishedVethPair(pair, into: spec)
        let driver = try await bench.restarted()
        let link = try #require(try bench.kernel.link(named: .make(Self.port)))
        #expect(!link.isUnfinished && link.alias == pair.alias)
        #expect(try await join(endpoint, by: driver).link == nil)
        #expect(names() == ["eth0"])
    }

    @Test func `a container that dies without a word leaves an endpoint that can be deleted`() async throws {
        try await start(endpoint)
        bench.kernel.lose(try .make(Self.port))
        bench.kernel.state.withLock { $0.namespaces = [] }
        #expect(try await bench.driver.reconcile().mended == 0)
        try await bench.delete(endpoint)
        try await bench.driver.deleteNetwork(endpoint.network)
        #expect(try bench.isClean())
    }
}
