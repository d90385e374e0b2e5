// SPDX-License-Identifier: Apache-2.0

import Addressing
import Logging
import ServiceLifecycle
import Store
import TestSupport
import Testing

@testable import Garbage

@Suite("Another policy while it runs")
struct PolicyTests {
    private static func policy(_ mode: GarbageMode, _ seconds: Int64 = 10) -> GarbagePolicy {
        GarbagePolicy(mode: mode, grace: .seconds(seconds))
    }

    private func start(_ mode: GarbageMode) async throws -> Bench {
        let bench = try Bench(mode)
        _ = try await bench.createEndpoint(in: try await bench.createNetwork())
        return bench
    }

    @Test func `what would have been freed is freed once that is wanted`() async throws {
        let bench = try await start(.report)
        await bench.pass(at: 0...11)
        #expect(bench.endpoints == [Bench.endpoint])
        await bench.collector.update(policy: Self.policy(.on), engine: bench.engine, isSameEngine: true)
        await bench.pass(at: 12...12)
        #expect(bench.endpoints == [])
    }

    @Test func `what nobody looked at is looked at for the whole of the grace period`() async throws {
        let bench = try await start(.on)
        await bench.pass(at: 0...5)
        await bench.collector.update(policy: Self.policy(.off), engine: bench.engine, isSameEngine: true)
        await bench.pass(at: 6...20)
        await bench.collector.update(policy: Self.policy(.on), engine: bench.engine, isSameEngine: true)
        await bench.pass(at: 21...30)
        #expect(bench.endpoints == [Bench.endpoint])
        await bench.pass(at: 31...31)
        #expect(bench.endpoints == [])
    }

    @Test(arguments: [(20, true, 20), (5, true, 11), (10, false, 16)] as [(Int64, Bool, Int)])
    func `a longer grace goes on, a shorter one and another engine begin anew`(
        grace: Int64, isSameEngine: Bool, freed: Int
    ) async throws {
        let bench = try await start(.on)
        await bench.pass(at: 0...5)
        await bench.collector.update(
            policy: Self.policy(.on, grace), engine: bench.engine, isSameEngine: isSameEngine)
        await bench.pass(at: 6...freed - 1)
        #expect(bench.endpoints == [Bench.endpoint])
        await bench.pass(at: freed...freed + 1)
        #expect(bench.endpoints == [])
    }
}
