// SPDX-License-Identifier: Apache-2.0

import Benchmark
import CAllocations
import ForgetfulIPAM
import IPAM
import PluginKit

let benchmarks: @Sendable () -> Void = {
    tables()
    addresses()
    servers()
}

extension BenchmarkMetric {
    private static let allocations = BenchmarkMetric.custom("Allocations per request")
    static let requestMetrics: [BenchmarkMetric] = [allocations, .wallClock]
}

extension Benchmark {
    /// So many requests are one iteration, and what is shown is one request's.
    fileprivate static var perRequest: Configuration {
        Configuration(
            metrics: BenchmarkMetric.requestMetrics, timeUnits: .nanoseconds, warmupIterations: 1, scalingFactor: .kilo,
            maxDuration: .seconds(2), maxIterations: 30)
    }

    /// Measures what `body` does, which is the requests of one iteration.
    fileprivate func measureRequests(_ body: () async throws -> Void) async rethrows {
        startMeasurement()
        let before = allocations()
        try await body()
        let after = allocations()
        stopMeasurement()
        measurement(BenchmarkMetric.requestMetrics[0], Int(after - before))
    }
}

/// Throws unless a request succeeded: what is refused takes another way.
private func check(_ reply: PluginReply, of call: Call) throws {
    guard reply.status == 200 else { throw Unfit(what: "\(call.path): \(String(decoding: reply.body, as: UTF8.self))") }
}

// MARK: - From JSON to JSON

/// `Table:Join`: a request is decoded, dispatched and answered, and the answer is encoded.
private func tables() {
    for call in Call.ofDriver {
        Benchmark("Table:\(call.name)", configuration: Benchmark.perRequest) {
            (benchmark: Benchmark, table: MethodTable) async throws in
            try check(await table.answer(path: call.path, body: call.body), of: call)
            await benchmark.measureRequests {
                for _ in benchmark.scaledIterations {
                    blackHole(await table.answer(path: call.path, body: call.body))
                }
            }
        } setup: {
            try MethodTable.ofLife()
        }
    }
}

/// `Table:RequestAddress+ReleaseAddress`: the same with IPAM behind, which decides and remembers but stores nothing. Each
/// request is one of the two.
private func addresses() {
    Benchmark("Table:RequestAddress+ReleaseAddress", configuration: Benchmark.perRequest) {
        (benchmark: Benchmark, table: MethodTable) async throws in
        for call in Call.ofIPAM { try check(await table.answer(path: call.path, body: call.body), of: call) }
        await benchmark.measureRequests {
            for number in benchmark.scaledIterations {
                let call = Call.ofIPAM[number % 2]
                blackHole(await table.answer(path: call.path, body: call.body))
            }
        }
    } setup: {
        var table = try MethodTable.ofLife()
        try IPAM.make().register(in: &table)
        try check(await table.answer(path: Call.pool.path, body: Call.pool.body), of: Call.pool)
        return table
    }
}

// MARK: - From socket to socket

/// `Server:Join`: the same over a unix socket, one request after the other on one connection, as the engine does it.
private func servers() {
    for call in Call.ofDriver where !call.name.hasSuffix(":ports") {
        Benchmark("Server:\(call.name)", configuration: Benchmark.perRequest) { benchmark in
            try await RunningServer.run(try MethodTable.ofLife()) { path in
                let caller = try SocketCaller(path: path, call)
                try await caller.call(times: 1)
                try await benchmark.measureRequests {
                    try await caller.call(times: benchmark.scaledIterations.count)
                }
            }
        }
    }
}
