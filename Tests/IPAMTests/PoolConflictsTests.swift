// SPDX-License-Identifier: Apache-2.0

import Addressing
import Logging
import Store
import TestSupport
import Testing

@testable import IPAM

@Suite("Pools in conflict with the host")
struct PoolConflictsTests {
    private let store = FakeStore()
    private let recorder = LogRecorder(from: .notice)

    /// What was logged, as `warning: POOL, what overlaps it`.
    private var lines: [String] {
        recorder.lines.map { line in
            let values = ["pool.id", "with"].compactMap { line.metadata[$0]?.description }
            return "\(line.level): \(values.joined(separator: ", "))"
        }
    }

    /// What an engine and a driver make of `pool`: a bridge with the gateway, and the route that comes with it.
    private func bridge(_ name: String, _ gateway: String) throws -> [OccupiedPrefix] {
        let gateway = try #require(InterfaceAddress(gateway))
        return [
            try address(gateway.description, name), try route(gateway.prefix.description, link: name),
        ]
    }

    private func make() throws -> IPAM {
        try IPAM(
            state: store.state, store: store, defaultPools: .standard, occupied: { [] },
            random: SeededGenerator(seed: 1), now: { 42 }, logger: recorder.logger)
    }

    /// A network of `pool` with its gateway, as plugind's driver, or the built-in one, has it.
    private func network(_ pool: String, in ipam: IPAM) async throws {
        _ = try await ipam.address(in: try await ipam.pool(pool), gateway: true)
    }

    private var decisions: [String] {
        get throws {
            try store.auditLog(last: 100).reversed().filter { $0.decision.contains("conflict") }
                .map { "\($0.subject) \($0.decision): \($0.reason)" }
        }
    }

    @Test func `a VPN over a pool is told once when it comes up and once when it goes`() async throws {
        let ipam = try make()
        try await network("10.8.1.0/24", in: ipam)
        let own = try bridge("br-1", "10.8.1.1/24")
        await ipam.noteOccupied(own)
        #expect(await ipam.conflicts.isEmpty && lines.isEmpty)

        let vpn = own + [try address("10.8.0.2/32", "tun0"), try route("10.8.0.0/16", link: "tun0")]
        await ipam.noteOccupied(vpn)
        await ipam.noteOccupied(vpn)
        #expect(await ipam.conflicts.map(\.what) == ["route 10.8.0.0/16 via tun0"])
        #expect(await ipam.conflicts.map(\.pool.description) == ["plugind-local/10.8.1.0/24"])
        #expect(lines == ["warning: plugind-local/10.8.1.0/24, route 10.8.0.0/16 via tun0"])

        await ipam.noteOccupied(own)
        await ipam.noteOccupied(own)
        #expect(await ipam.conflicts.isEmpty)
        #expect(
            lines == [
                "warning: plugind-local/10.8.1.0/24, route 10.8.0.0/16 via tun0",
                "notice: plugind-local/10.8.1.0/24, route 10.8.0.0/16 via tun0",
            ])
        #expect(
            try decisions == [
                "pool plugind-local/10.8.1.0/24 in conflict: route 10.8.0.0/16 via tun0 overlaps it",
                "pool plugind-local/10.8.1.0/24 out of conflict: route 10.8.0.0/16 via tun0 overlaps it no longer",
            ])
    }

    @Test func `an address and the route that comes with it are one conflict`() async throws {
        let ipam = try make()
        try await network("10.8.0.0/16", in: ipam)
        await ipam.noteOccupied(try bridge("br-1", "10.8.0.1/16") + bridge("eth1", "10.8.5.1/24"))
        #expect(await ipam.conflicts.map(\.what) == ["address 10.8.5.1/24 of eth1"])
    }

    @Test func `whatever is on the network's own bridge belongs to the network`() async throws {
        let ipam = try make()
        try await network("10.8.0.0/16", in: ipam)
        try await network("fd08::/64", in: ipam)
        let own = try bridge("br-1", "10.8.0.1/16") + bridge("br-1", "fd08::1/64")
        await ipam.noteOccupied(own + [try route("10.0.0.0/8", gateway: "10.8.0.5", link: "br-1")])
        #expect(await ipam.conflicts.isEmpty)
        // The same subnet somewhere else does not.
        await ipam.noteOccupied(own + [try route("fd08::/64", link: "wg0"), try route("10.8.0.0/16", link: "wg0")])
        #expect(
            await ipam.conflicts.map(\.what) == ["route 10.8.0.0/16 via wg0", "route fd08::/64 via wg0"])
    }

    @Test func `a network whose gateway is another machine has the links in its very subnet`() async throws {
        let ipam = try make()
        try await network("192.168.1.0/24", in: ipam)
        let parent = try bridge("eth0", "192.168.1.77/24")
        await ipam.noteOccupied(parent + [try route("192.168.1.64/26", link: "eth0")])
        #expect(await ipam.conflicts.isEmpty)
        await ipam.noteOccupied(parent + [try route("192.168.0.0/16", link: "tun0")])
        #expect(await ipam.conflicts.map(\.what) == ["route 192.168.0.0/16 via tun0"])
    }

    @Test func `a pool that is not in use, or is a swarm manager's, is in no conflict`() async throws {
        let ipam = try make()
        try await ipam.pool("10.8.1.0/24")
        let global = try await ipam.pool("10.8.2.0/24", space: .global)
        _ = try await ipam.address(in: global, gateway: true)
        await ipam.noteOccupied([try route("10.8.0.0/16", link: "tun0")])
        #expect(await ipam.conflicts.isEmpty)
    }

    @Test func `a conflict ends with the pool`() async throws {
        let ipam = try make()
        try await network("10.8.1.0/24", in: ipam)
        let vpn = [try route("10.8.0.0/16", link: "tun0")]
        await ipam.noteOccupied(vpn)
        try await ipam.releasePool(try #require(PoolID("plugind-local/10.8.1.0/24")))
        await ipam.noteOccupied(vpn)
        #expect(await ipam.conflicts.isEmpty)
        #expect(try decisions.count == 2)
    }

    @Test func `each of many pools that a route covers is in conflict with it, and no other`() async throws {
        let ipam = try make()
        for index in 0..<50 { try await network("10.8.\(index).0/24", in: ipam) }
        let bridges = try (0..<50).flatMap { try bridge("br-\($0)", "10.8.\($0).1/24") }
        await ipam.noteOccupied(bridges + [try route("10.8.16.0/20", link: "tun0"), try route("10.7.0.0/16")])
        #expect(
            Set(await ipam.conflicts.map(\.pool.description)) == Set((16..<32).map { "plugind-local/10.8.\($0).0/24" }))
    }

    @Test func `thousands of routes into one pool are some conflicts, the largest`() async throws {
        let ipam = try make()
        try await network("10.0.0.0/8", in: ipam)
        let routes = try (0..<5000).map { index in
            try route("10.\(index / 250).\(index % 250).0/24", gateway: "1.2.3.4", link: "eth0")
        }
        await ipam.noteOccupied(try bridge("br-1", "10.0.0.1/8") + routes + [try route("10.99.0.0/16", link: "tun0")])
        let conflicts = await ipam.conflicts
        #expect(conflicts.count == 8)
        #expect(conflicts.contains { $0.what == "route 10.99.0.0/16 via tun0" })
    }

    @Test func `a conflict counts though the audit log cannot take it`() async throws {
        let ipam = try make()
        try await network("10.8.1.0/24", in: ipam)
        store.failNext()
        await ipam.noteOccupied([try route("10.8.0.0/16", link: "tun0")])
        #expect(await ipam.conflicts.count == 1)
        #expect(lines.count == 2 && lines.last?.hasPrefix("error: ") == true)
    }
}
