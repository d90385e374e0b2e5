// SPDX-License-Identifier: Apache-2.0

import Addressing
import Foundation
import IPAM
import NIOCore
import NIOPosix
import NetDriver
import PluginServer
import Store
import TestSupport
import Testing

@testable import Control

@Suite("Health, and where it is served")
struct HealthTests {
    private func router(_ metrics: Metrics) -> ControlRouter {
        var router = ControlRouter(logger: .silent, explain: ControlRouter.explain)
        router.onMetrics(metrics)
        return router
    }

    @Test func `a daemon that can work is live and ready`() async throws {
        let answer = await router(.make(try .make())).ask("GET", "/health")
        #expect(answer == #"200 {"live":true,"ready":true,"reasons":[]}"#)
    }

    @Test func `after a commit that failed it is not ready, until one succeeds`() async throws {
        let fake = FakeStore()
        let store = MeasuredStore(fake)
        let router = router(.make(try .make(), store: store))
        fake.failNext()
        await #expect(throws: StoreError.self) { try await store.commit([.deleteNetwork(try id)]) }
        let answer = await router.ask("GET", "/health")
        #expect(answer.hasPrefix(#"503 {"live":true,"ready":false,"reasons":[""#), "\(answer)")
        #expect(answer.contains("the disk is full"), "\(answer)")
        #expect(await router.ask("GET", "/metrics").contains("\nplugind_ready 0\n"))
        try await store.commit([.deleteNetwork(try id)])
        #expect(await router.ask("GET", "/health").hasPrefix("200 "))
        #expect(await router.ask("GET", "/metrics").contains("\nplugind_ready 1\n"))
    }

    @Test func `a commit that failed long ago says nothing of now`() async throws {
        let fake = FakeStore()
        let store = MeasuredStore(fake)
        fake.failNext()
        await #expect(throws: StoreError.self) { try await store.commit([.deleteNetwork(try id)]) }
        #expect(store.failure(at: .now) != nil)
        #expect(store.failure(at: .now + .seconds(61)) == nil)
    }

    @Test func `without its rules it is not ready`() async throws {
        let firewall = FakeFirewall()
        let driver = Driver.make(try .make(endpoints: 1), firewall)
        firewall.refuse(true)
        _ = try? await driver.reconcile()
        let answer = await router(.make(try .make(), driver: driver)).ask("GET", "/health")
        #expect(answer.hasPrefix(#"503 {"live":true,"ready":false,"reasons":["the packet filter's rules"#), "\(answer)")
    }

    @Test func `who does not answer in time is not waited for`() async {
        let never: Int? = await within(.milliseconds(1)) {
            // Until it is cancelled.
            try? await Task.sleep(for: .seconds(3600))
            return 1
        }
        #expect(never == nil)
        #expect(await within(.seconds(3600)) { 2 } == 2)
    }

    @Test func `an owner that does not answer is not live, and the rest is told all the same`() throws {
        let health = Health(isIPAMAlive: true, nil, failure: nil)
        #expect(!health.live && !health.ready)
        #expect(health.reasons == ["the owner of networks and endpoints does not answer"])
        let other = Health(isIPAMAlive: false, DriverFigures(), failure: nil)
        #expect(!other.live && !other.ready)
        #expect(other.reasons == ["the owner of pools and addresses does not answer"])
    }

    @Test(arguments: ["127.0.0.1", "::1"])
    func `over TCP there are metrics and health, and nothing else`(host: String) async throws {
        let ipam = try IPAM.make()
        let address = ListenAddress(address: try #require(IPAddress(host)), port: 0)
        let server = try MetricsServer(
            address: address, metrics: .make(ipam), logger: .silent, explain: ControlRouter.explain)
        #expect(server.address.port != 0)
        try await running(server) {
            let metrics = try await get(server, "/metrics")
            #expect(metrics.status == 200)
            #expect(metrics.type == "text/plain; version=0.0.4; charset=utf-8")
            #expect(try Exposition(metrics.body).value("plugind_pools") == 0)
            let health = try await get(server, "/health")
            #expect(health.status == 200)
            #expect(health.type == "application/json")
            #expect(try await get(server, "/v1/pools").status == 404)
            #expect(try await get(server, "/v1/reservations").status == 404)
        }
    }

    private var id: NetworkID {
        get throws { try #require(NetworkID("09dff9c378bc2a0e5bfce0e5")) }
    }

    private func get(
        _ server: MetricsServer, _ path: String
    ) async throws -> (status: Int, type: String, body: String) {
        let reply = try await Self.ask(
            server.address, "GET \(path) HTTP/1.1\r\nHost: plugind\r\nConnection: close\r\n\r\n")
        let end = try #require(reply.firstRange(of: "\r\n\r\n"))
        let head = reply[..<end.lowerBound].components(separatedBy: "\r\n")
        let type = head.first { $0.lowercased().hasPrefix("content-type: ") }?.dropFirst("content-type: ".count)
        let status = try #require(Int(head[0].split(separator: " ")[1]))
        return (status, String(type ?? ""), String(reply[end.upperBound...]))
    }

    /// All that comes on a connection of its own, after `request` was sent.
    private static func ask(_ address: ListenAddress, _ request: String) async throws -> String {
        let group = MultiThreadedEventLoopGroup.singleton
        let channel = try await ClientBootstrap(group: group).connect(
            host: address.address.description, port: Int(address.port)
        ) { channel in
            channel.eventLoop.makeCompletedFuture {
                try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
            }
        }
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: request))
            var reply = ByteBuffer()
            for try await part in inbound { reply.writeImmutableBuffer(part) }
            return String(buffer: reply)
        }
    }
}
