// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Store
import TestSupport
import Testing

@testable import NetDriver

/// Ports that more than one wants: endpoints, programs of the host, and plugind itself after a restart.
@Suite("Published ports that others want")
struct PublishTogetherTests {
    private let bench = Bench()
    private static let other = "cccccccccccccccccccccccc"
    private static let otherNetwork = "dddddddddddddddddddddddd"
    private static let held = ["tcp 0.0.0.0 8080", "tcp :: 8080 to 10.0.0.2 80"]
    private static let heldByOther = ["tcp 0.0.0.0 8080", "tcp :: 8080 to 10.0.1.2 80"]

    /// Two endpoints in two networks.
    private func start(sandbox: String = "/1", other: String = "/2") async throws {
        try await bench.start(.make(), .make(), sandbox: sandbox)
        try await bench.start(
            .make(Self.otherNetwork, subnet: "10.0.1.0/24", gateway: "10.0.1.1/24"),
            .make(Self.other, network: Self.otherNetwork, ipv4: "10.0.1.2/24"), sandbox: other)
    }

    private func publishOther(_ port: String, by driver: Driver? = nil) async throws {
        try await bench.publish(port, of: Self.other, in: Self.otherNetwork, by: driver)
    }

    // MARK: Endpoints

    @Test func `a port that is published for another endpoint is refused in words that name it`() async throws {
        try await start()
        try await bench.publish("8080:80")
        let error = await #expect(throws: DriverError.self) { try await publishOther("192.0.2.1:8080:80") }
        #expect(
            error?.description
                == "cannot publish tcp port 8080: it is published for endpoint 56e4d91db20d of network 09dff9c378bc")
        #expect(error?.isBadRequest == false)
        #expect(bench.hostPorts.held == Self.held)
        #expect(bench.firewall.collisions == [])
    }

    @Test func `the same number is free for another transport, another address, and after it was taken back`()
        async throws
    {
        try await start()
        try await bench.publish("192.0.2.1:8080:80")
        try await bench.publish("8080:80/udp", "192.0.2.2:8080:80", of: Self.other, in: Self.otherNetwork)
        #expect(
            bench.hostPorts.held == [
                "tcp 192.0.2.1 8080", "tcp 192.0.2.2 8080", "udp 0.0.0.0 8080", "udp :: 8080 to 10.0.1.2 80",
            ])
        for (id, network) in try [(EndpointID.make(), NetworkID.make()), (.make(Self.other), .make(Self.otherNetwork))]
        {
            try await bench.driver.unpublish(id, of: network)
        }
        try await publishOther("8080:80")
        #expect(bench.hostPorts.held == Self.heldByOther)
    }

    @Test func `of a range another endpoint gets the next`() async throws {
        try await start()
        try await bench.publish("8080-8081:80")
        try await publishOther("8080-8081:80")
        #expect(try bench.published(Self.other).map(\.hostPort) == [8081])
    }

    @Test func `two that publish at once are not given the same port`() async throws {
        try await start()
        try await withThrowingTaskGroup { group in
            group.addTask { try await bench.publish("80") }
            group.addTask { try await publishOther("80") }
            try await group.waitForAll()
        }
        #expect(Set(try (bench.published() + bench.published(Self.other)).map(\.hostPort)) == [32768, 32769])
        #expect(bench.firewall.collisions == [])
    }

    // MARK: One container's endpoints

    @Test func `the container's other network takes its ports over`() async throws {
        try await start(sandbox: "/1", other: "/1")
        try await bench.publish("8080:80")
        try await publishOther("8080:80")
        #expect(bench.hostPorts.held == Self.heldByOther)
        #expect(bench.firewall.words(in: "ports4") == ["ports4 tcp . 8080 : 10.0.1.2 . 80"])
        #expect(try bench.published() == [])
        // The engine's Revoke for the one that has nothing any more.
        try await bench.driver.unpublish(.make(), of: .make())
        #expect(bench.hostPorts.held == Self.heldByOther)
    }

    @Test(.timeLimit(.minutes(10)))
    func `endpoints that take each other's ports over at once do not wait for ever`() async throws {
        try await start(sandbox: "/1", other: "/1")
        for _ in 1...20 {
            try await bench.publish("8080:80")
            try await publishOther("8081:80")
            await withTaskGroup { group in
                group.addTask { try? await bench.publish("8080:80", "8081:81") }
                group.addTask { try? await publishOther("8080:80") }
            }
            #expect(bench.firewall.collisions == [])
            try await bench.driver.unpublish(.make(), of: .make())
            try await bench.driver.unpublish(.make(Self.other), of: .make(Self.otherNetwork))
            #expect(bench.hostPorts.held == [])
        }
    }

    // MARK: Before it is published

    @Test func `a port that somebody else has is refused when the endpoint is made`() async throws {
        try await bench.driver.createNetwork(.make())
        bench.hostPorts.takeByOther(8080)
        let error = await #expect(throws: HostPortError.self) {
            _ = try await bench.driver.createEndpoint(.make(ports: [.make("8080:80")]))
        }
        #expect(error?.description == "cannot publish tcp port 0.0.0.0:8080: the port is in use on this host")
        #expect(bench.store.state.endpoints == [])
        #expect(bench.kernel.linkNames == ["br-09dff9c378bc"])
    }

    @Test func `a port of another container of the network is refused when the endpoint is made`() async throws {
        try await bench.start(.make(), .make(), sandbox: "/1")
        try await bench.publish("8080:80")
        let error = await #expect(throws: DriverError.self) {
            _ = try await bench.driver.createEndpoint(
                .make(Self.other, ipv4: "10.0.0.3/24", ports: [.make("8080:80")]))
        }
        #expect(
            error?.description
                == "cannot publish tcp port 8080: it is published for endpoint 56e4d91db20d of network 09dff9c378bc")
        #expect(bench.store.state.endpoints.map(\.id) == [try .make()])
    }

    @Test func `a port of an endpoint in another network may be the same container's`() async throws {
        try await bench.start(.make(), .make(), sandbox: "/1")
        try await bench.publish("8080:80")
        try await bench.start(
            .make(Self.otherNetwork, subnet: "10.0.1.0/24", gateway: "10.0.1.1/24"),
            .make(Self.other, network: Self.otherNetwork, ipv4: "10.0.1.2/24", ports: [.make("8080:80")]))
        #expect(bench.hostPorts.held == Self.held)
    }

    @Test(arguments: ["80", "8080-8090:80"])
    func `what leaves a choice is not refused when the endpoint is made`(port: String) async throws {
        bench.hostPorts.takeByOther(8080)
        try await bench.start(.make(), .make(ports: [.make(port)]))
        #expect(bench.hostPorts.held == [])
    }

    @Test func `a free port is not held before it is published`() async throws {
        try await bench.start(.make(), .make(ports: [.make("8080:80"), .make("127.0.0.1:53:53/udp")]))
        #expect(bench.hostPorts.held == [])
    }

    @Test func `a host without IPv6 is no reason to refuse an endpoint, an address that it has not is`() async throws {
        for address in ["::", "192.0.2.1"] { bench.hostPorts.remove(try .make(address)) }
        try await bench.start(.make(), .make(ports: [.make("8080:80")]))
        await #expect(throws: HostPortError.self) {
            _ = try await bench.driver.createEndpoint(
                .make(Self.other, ipv4: "10.0.0.3/24", ports: [.make("192.0.2.1:8081:80")]))
        }
    }

    @Test func `an internal network's endpoint is made whatever its ports`() async throws {
        bench.hostPorts.takeByOther(8080)
        try await bench.start(.make(isInternal: true), .make(ports: [.make("8080:80"), .make("[::1]:8081:80")]))
    }

    // MARK: After a restart

    @Test func `after a restart ports are held again, and forwarded as before`() async throws {
        try await bench.start(.make(), .make(), sandbox: "/1")
        try await bench.publish("8080:80", "80")
        let (held, elements) = (bench.hostPorts.held, bench.firewall.elements)
        let driver = try await bench.restarted()
        #expect(bench.hostPorts.held == held && bench.firewall.elements == elements)
        try await bench.publish("8080:80", "80", by: driver)
        #expect(bench.hostPorts.held == held)
        try await driver.leave(.make(), of: .make())
        #expect(bench.hostPorts.held == [])
    }

    @Test func `a port that somebody took meanwhile is held once it is free`() async throws {
        try await bench.start(.make(), .make(), sandbox: "/1")
        try await bench.publish("8080:80", "8081:81")
        let elements = bench.firewall.elements
        bench.hostPorts.takeByOther(8080)
        let driver = try await bench.restarted()
        let rest = ["tcp 0.0.0.0 8081", "tcp :: 8081 to 10.0.0.2 81"]
        #expect(bench.hostPorts.held == rest && bench.firewall.elements == elements)
        await driver.upkeep()
        #expect(bench.hostPorts.held == rest)
        bench.hostPorts.giveBackByOther(8080)
        await driver.upkeep()
        #expect(bench.hostPorts.held == (Self.held + rest).sorted())
        #expect(await driver.unheld.isEmpty)
    }

    @Test func `a port that waits to be held is not given to another endpoint`() async throws {
        try await start()
        try await bench.publish("8080:80")
        bench.hostPorts.takeByOther(8080)
        let driver = try await bench.restarted()
        bench.hostPorts.giveBackByOther(8080)
        // Free, and not held yet.
        await #expect(throws: DriverError.self) { try await publishOther("8080:80", by: driver) }
        try await publishOther("8080-8081:80", by: driver)
        #expect(try bench.published(Self.other).map(\.hostPort) == [8081])
        await driver.upkeep()
        #expect(bench.hostPorts.held == (Self.held + ["tcp 0.0.0.0 8081", "tcp :: 8081 to 10.0.1.2 80"]).sorted())
    }

    @Test func `a port that waits to be held and is taken back is not held any more`() async throws {
        try await start()
        try await bench.publish("8080:80")
        bench.hostPorts.takeByOther(8080)
        let driver = try await bench.restarted()
        try await driver.unpublish(.make(), of: .make())
        bench.hostPorts.giveBackByOther(8080)
        try await publishOther("8080:80", by: driver)
        await driver.upkeep()
        #expect(bench.hostPorts.held == Self.heldByOther)
    }

    @Test func `what was stored and is changed by the next call keeps waiting for its port`() async throws {
        try await bench.start(.make(), .make(), sandbox: "/1")
        try await bench.publish("8080:80")
        bench.hostPorts.takeByOther(8080)
        let driver = try await bench.restarted()
        try await bench.publish("8080:80", "8081:81", by: driver)
        bench.hostPorts.giveBackByOther(8080)
        await driver.upkeep()
        #expect(bench.hostPorts.held.contains("tcp 0.0.0.0 8080"))
        try await driver.unpublish(.make(), of: .make())
        #expect(bench.hostPorts.held == [])
    }
}
