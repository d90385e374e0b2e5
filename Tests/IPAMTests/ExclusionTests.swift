// SPDX-License-Identifier: Apache-2.0

import Addressing
import Store
import TestSupport
import Testing

@testable import IPAM

@Suite("Exclusions by command")
struct ExclusionTests {
    private let store = FakeStore()
    private let clock = TestClock()

    private func ranges(_ texts: [String]) throws -> [AddressRange] { try texts.map { try AddressRange($0) } }

    private func exclude(_ texts: String..., from id: PoolID, of ipam: IPAM) async throws -> ExclusionReport {
        try await ipam.exclude(try ranges(texts), from: id)
    }

    private func include(_ texts: String..., in id: PoolID, of ipam: IPAM) async throws -> ExclusionReport {
        try await ipam.include(try ranges(texts), in: id)
    }

    @Test(arguments: PoolOptions.Order.allCases)
    func `what is excluded is given to nobody who does not name it, also after a restart, until it is included`(
        order: PoolOptions.Order
    ) async throws {
        var ipam = try IPAM.make(store: store, clock: clock)
        let id = try await ipam.pool("10.0.0.0/28", options: ["plugind.order": order.rawValue])
        let report = try await exclude("10.0.0.3", "10.0.0.8-10.0.0.13", from: id, of: ipam)
        #expect(report.exclusions.map(\.text) == ["10.0.0.3", "10.0.0.8-10.0.0.13"])
        for _ in 0..<2 {
            let given = try await all(of: id, from: ipam)
            #expect(given == ["1", "2", "4", "5", "6", "7", "14"].map { "10.0.0.\($0)/28" })
            for address in given { try await ipam.release(String(address.dropLast(3)), in: id) }
            ipam = try IPAM.make(store: store, clock: clock)
        }
        #expect(try await ipam.address("10.0.0.8", in: id) == "10.0.0.8/28")
        let after = try await include("10.0.0.0/29", "10.0.0.9-10.0.0.10", in: id, of: ipam)
        #expect(after.exclusions.map(\.text) == ["10.0.0.8", "10.0.0.11-10.0.0.13"])
        let given = try await all(of: id, from: ipam)
        #expect(given == ["1", "2", "3", "4", "5", "6", "7", "9", "10", "14"].map { "10.0.0.\($0)/28" })
    }

    /// Takes whatever is left, in ascending order.
    private func all(of id: PoolID, from ipam: IPAM) async throws -> [String] {
        var given: [IPAddress] = []
        while let one = try? await ipam.requestAddress(AddressRequest(pool: id)) { given.append(one.address) }
        return given.sorted().map { "\($0)/28" }
    }

    @Test func `who holds an address keeps it, and does not have it again`() async throws {
        let ipam = try IPAM.make(store: store, clock: clock)
        let id = try await ipam.pool("10.0.0.0/29")
        #expect(try await ipam.address(in: id, name: "web") == "10.0.0.1/29")
        let report = try await exclude("10.0.0.1", from: id, of: ipam)
        #expect(report.held.map(\.address.description) == ["10.0.0.1"])
        #expect(report.held[0].holder.hasPrefix("container web has it since "))
        #expect(await ipam.report()[0].used == 1)
        #expect(await ipam.report()[0].usedOutside == 1)
        try await ipam.release("10.0.0.1", in: id)
        #expect(try await ipam.address(in: id, name: "web") == "10.0.0.2/29")
        // By number, as with the option.
        #expect(try await ipam.address("10.0.0.1", in: id, name: "db") == "10.0.0.1/29")
    }

    @Test func `who had an address has it again once it is included`() async throws {
        let ipam = try IPAM.make(store: store, clock: clock)
        let id = try await ipam.pool("10.0.0.0/29")
        #expect(try await ipam.address(in: id, name: "web") == "10.0.0.1/29")
        try await ipam.release("10.0.0.1", in: id)
        _ = try await exclude("10.0.0.0/29", from: id, of: ipam)
        #expect(
            await refusal { try await ipam.address(in: id, name: "web") }
                == "no address is free in 10.0.0.0/29 of pool \(id): its exclusions leave none to choose from")
        _ = try await include("10.0.0.0/29", in: id, of: ipam)
        #expect(try await ipam.address(in: id, name: "web") == "10.0.0.1/29")
    }

    @Test func `what is reserved is given to whom it is reserved for`() async throws {
        let ipam = try IPAM.make(store: store, clock: clock)
        let id = try await ipam.pool("10.0.0.0/29", options: ["plugind.reserve": "web=10.0.0.3"])
        _ = try await exclude("10.0.0.2-10.0.0.6", from: id, of: ipam)
        #expect(try await ipam.address(in: id, name: "web") == "10.0.0.3/29")
        #expect(try await ipam.address(in: id) == "10.0.0.1/29")
        #expect(await refusal { try await ipam.address(in: id) } != "")
    }

    @Test func `numbers add up, and what the option excludes is not counted twice`() async throws {
        let ipam = try IPAM.make(store: store, clock: clock)
        let id = try await ipam.pool(
            "10.0.0.0/24", subPool: "10.0.0.0/25", options: ["plugind.exclude": "10.0.0.10-10.0.0.19"])
        let answer = try await exclude("10.0.0.15-10.0.0.24", "10.0.0.200", from: id, of: ipam)
        #expect(answer.byOption.map(\.text) == ["10.0.0.15-10.0.0.19"])
        let report = await ipam.report()[0]
        #expect(report.excluded == 15)
        #expect(report.allocatable == 127 - 15)
        #expect(report.free == report.allocatable)
        #expect(report.exclusions.map(\.text) == ["10.0.0.15-10.0.0.24", "10.0.0.200"])
        #expect(report.optionExclusions.map(\.text) == ["10.0.0.10-10.0.0.19"])
        _ = try await include("10.0.0.0/24", in: id, of: ipam)
        #expect(await ipam.report()[0].excluded == 10)
        #expect(await ipam.report()[0].exclusions == [])
    }

    @Test func `the same again changes nothing, and what touches becomes one`() async throws {
        let ipam = try IPAM.make(store: store, clock: clock)
        let id = try await ipam.pool("fd00::/64")
        _ = try await exclude("fd00::10-fd00::1f", from: id, of: ipam)
        let commits = store.commits.count
        _ = try await exclude("fd00::10/125", from: id, of: ipam)
        #expect(store.commits.count == commits)
        #expect(try await exclude("fd00::20", from: id, of: ipam).exclusions.map(\.text) == ["fd00::10-fd00::20"])
        #expect(store.state.exclusions.count == 1)
        #expect(try await include("fd00::18", in: id, of: ipam).exclusions.count == 2)
        #expect(store.state.exclusions.count == 2)
        #expect(store.violations == [])
    }

    @Test func `what makes no sense is refused, and nothing is changed`() async throws {
        let ipam = try IPAM.make(store: store, clock: clock)
        let id = try await ipam.pool("10.0.0.0/24", options: ["plugind.exclude": "10.0.0.10"])
        let commits = store.commits.count
        let refusals = [
            await refusal { try await exclude("10.0.0.5", "10.0.1.0", from: id, of: ipam) },
            await refusal { try await exclude("10.0.0.0/16", from: id, of: ipam) },
            await refusal { try await exclude("fd00::1", from: id, of: ipam) },
            await refusal { try await include("10.0.0.5", in: id, of: ipam) },
            await refusal { try await include("10.0.0.10", in: id, of: ipam) },
        ]
        #expect(
            refusals == [
                "10.0.1.0 is not in pool \(id), or not all of it",
                "10.0.0.0/16 is not in pool \(id), or not all of it", "fd00::1 is not in pool \(id), or not all of it",
                "nothing of 10.0.0.5 is excluded from pool \(id)",
                "10.0.0.10 is excluded by the option plugind.exclude of pool \(id), which goes with its network",
            ])
        #expect(store.commits.count == commits)
        let other = try #require(PoolID("plugind-local/10.1.0.0/24"))
        await #expect(throws: IPAMError.unknownPool(other)) { try await exclude("10.1.0.1", from: other, of: ipam) }
    }

    @Test func `there may be so many and no more`() async throws {
        let ipam = try IPAM.make(store: store, clock: clock)
        let id = try await ipam.pool("10.0.0.0/16")
        let all = try (0..<IPAM.mostExclusions).map { index in
            try AddressRange("10.0.\(index / 100).\(2 * (index % 100) + 1)")
        }
        _ = try await ipam.exclude(all, from: id)
        #expect(
            await refusal { try await exclude("10.0.200.1", from: id, of: ipam) }
                == "pool \(id) would have more than 1000 exclusions; exclude a range that has several in it")
        #expect(try await exclude("10.0.0.0/24", from: id, of: ipam).exclusions.count == 901)
    }

    @Test func `to include may not make more of them either`() async throws {
        let ipam = try IPAM.make(store: store, clock: clock)
        let id = try await ipam.pool("10.0.0.0/16")
        _ = try await exclude("10.0.0.0/16", from: id, of: ipam)
        let holes = try (0..<IPAM.mostExclusions).map { index in
            try AddressRange("10.0.\(index / 100).\(2 * (index % 100) + 1)")
        }
        await #expect(throws: ExclusionError.tooMany(id)) { try await ipam.include(holes, in: id) }
        #expect(try await ipam.include(Array(holes.dropLast()), in: id).exclusions.count == IPAM.mostExclusions)
    }

    @Test func `what the store refuses is as if it had not been tried`() async throws {
        let ipam = try IPAM.make(store: store, clock: clock)
        let id = try await ipam.pool("10.0.0.0/29")
        store.failNext()
        await #expect(throws: StoreError.self) { try await exclude("10.0.0.1", from: id, of: ipam) }
        #expect(await ipam.report()[0].excluded == 0)
        #expect(try await ipam.address(in: id) == "10.0.0.1/29")
        _ = try await exclude("10.0.0.2", from: id, of: ipam)
        store.failNext()
        await #expect(throws: StoreError.self) { try await include("10.0.0.2", in: id, of: ipam) }
        #expect(await ipam.report()[0].excluded == 1)
        #expect(try await ipam.address(in: id) == "10.0.0.3/29")
        #expect(store.state.exclusions.map(\.first.description) == ["10.0.0.2"])
    }

    @Test func `they go with the pool, also where it is given with other options`() async throws {
        let ipam = try IPAM.make(store: store, clock: clock)
        let id = try await ipam.pool("10.0.0.0/29")
        _ = try await exclude("10.0.0.1", from: id, of: ipam)
        _ = try await ipam.pool("10.0.0.0/29")
        #expect(await ipam.report()[0].excluded == 1)
        _ = try await ipam.pool("10.0.0.0/29", options: ["plugind.order": "sequential"])
        #expect(await ipam.report()[0].excluded == 0)
        #expect(store.state.exclusions == [])
        _ = try await exclude("10.0.0.1", from: id, of: ipam)
        try await ipam.releasePool(id)
        #expect(store.state.exclusions == [])
        _ = try await ipam.pool("10.0.0.0/29")
        #expect(try await ipam.address(in: id) == "10.0.0.1/29")
    }

    @Test func `nobody is given an address while it is being excluded`() async throws {
        let ipam = try IPAM.make(store: store, clock: clock)
        let id = try await ipam.pool("10.0.0.0/29")
        store.pause { $0.contains { if case .putExclusion = $0 { true } else { false } } }
        let excluding = Task { try await exclude("10.0.0.1-10.0.0.3", from: id, of: ipam) }
        await store.untilPaused(1)
        let asking = Task { try await ipam.address(in: id) }
        let releasing = Task { try await ipam.releasePool(id) }
        store.resume()
        _ = try await excluding.value
        // Whichever comes first.
        let given = try? await asking.value
        #expect(given == nil || given == "10.0.0.4/29")
        try await releasing.value
        #expect(store.violations == [])
    }

    @Test func `each change is in the audit log`() async throws {
        let ipam = try IPAM.make(store: store, clock: clock)
        let id = try await ipam.pool("10.0.0.0/29")
        _ = try await exclude("10.0.0.1", "10.0.0.4/30", from: id, of: ipam)
        _ = try await include("10.0.0.4", in: id, of: ipam)
        let lines = try store.auditLog(last: 2)
        #expect(lines.map(\.decision) == ["included again", "excluded"])
        #expect(
            lines.map(\.subject) == [
                "addresses 10.0.0.4 of pool \(id)", "addresses 10.0.0.1, 10.0.0.4/30 of pool \(id)",
            ])
        #expect(lines.allSatisfy { $0.reason == "by command" })
    }

    @Test func `a stored exclusion of a pool that does not have it is not believed`() throws {
        var state = StoredState()
        let prefix = try #require(Prefix("10.0.0.0/24"))
        state.pools = [
            PoolRecord(
                id: "plugind-local/10.0.0.0/24", space: "plugind-local", prefix: prefix, subPool: nil, options: [:],
                isChosen: false)
        ]
        let outside = try #require(IPAddress("10.0.1.0"))
        state.exclusions = [ExclusionRecord(pool: state.pools[0].id, first: outside, last: outside)]
        #expect(throws: IPAMError.self) { try IPAM.make(store: FakeStore(state)) }
    }
}
