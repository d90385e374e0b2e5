// SPDX-License-Identifier: Apache-2.0

import Addressing
import Benchmark
import CHeap
import ForgetfulIPAM
import FoundationEssentials
import IPAM
import Store

/// The names are read by scripts/bench-ipam.sh.
let benchmarks: @Sendable () -> Void = {
    allocation()
    memory()
    start()
}

/// What went wrong with what the benchmarks themselves say.
private struct Unfit: Error {
    let what: String
}

private func poolID(_ text: String) throws -> PoolID {
    guard let id = PoolID(text) else { throw Unfit(what: text) }
    return id
}

private func prefix(_ text: String) throws -> Prefix {
    guard let prefix = Prefix(text) else { throw Unfit(what: text) }
    return prefix
}

// MARK: - One address there and back

/// `Allocate:/16:99.0`: an address is requested and released, in a pool of which 99.0 % are used up. With `:named`, each
/// request is another container's.
private func allocation() {
    for pool in ["10.0.0.0/24", "10.0.0.0/16", "10.0.0.0/8", "fd00:1:2:3::/64"] {
        for (part, words) in [(0, "0"), (500, "50"), (990, "99"), (999, "99.9")] {
            for isNamed in [false, true] {
                let length = pool.drop { $0 != "/" }
                let configuration = Benchmark.Configuration(
                    metrics: [.wallClock, .throughput], timeUnits: .microseconds, warmupIterations: 500,
                    maxDuration: .seconds(3),
                    maxIterations: 50_000)
                Benchmark("Allocate:\(length):\(words)\(isNamed ? ":named" : "")", configuration: configuration) {
                    (benchmark: Benchmark, filled: (ipam: IPAM, id: PoolID)) async throws in
                    let request = AddressRequest(
                        pool: filled.id, name: isNamed ? "project-web-\(benchmark.currentIteration)" : nil)
                    benchmark.startMeasurement()
                    let address = try await filled.ipam.requestAddress(request)
                    try await filled.ipam.releaseAddress(address.address, in: filled.id)
                    benchmark.stopMeasurement()
                } setup: {
                    let part = PartOfPool(prefix: try prefix(pool), part: part)
                    return (try IPAM.make(part.state), try poolID(part.id))
                }
            }
        }
    }
}

// MARK: - Memory

extension BenchmarkMetric {
    fileprivate static let bytesPerAddress = BenchmarkMetric.custom("Bytes per given address", useScalingFactor: false)
}

/// `Memory:/8:65536`: what the addresses that were given take, each.
private func memory() {
    for (pool, count) in [("10.0.0.0/8", 65_536), ("fd00:1:2:3::/64", 1_000)] {
        for isNamed in [false, true] {
            let length = pool.drop { $0 != "/" }
            let configuration = Benchmark.Configuration(metrics: [.bytesPerAddress, .throughput], maxIterations: 3)
            Benchmark("Memory:\(length):\(count)\(isNamed ? ":named" : "")", configuration: configuration) {
                (benchmark: Benchmark) async throws in
                let part = PartOfPool(prefix: try prefix(pool), part: 0)
                let ipam = try IPAM.make(part.state)
                let id = try poolID(part.id)
                // The first address makes what there is only once.
                _ = try await ipam.requestAddress(AddressRequest(pool: id))
                let before = heap_bytes_in_use()
                for number in 0..<count {
                    let name = isNamed ? "project-web-\(number)" : nil
                    _ = try await ipam.requestAddress(AddressRequest(pool: id, name: name))
                }
                let bytes = Double(heap_bytes_in_use()) - Double(before)
                benchmark.measurement(.bytesPerAddress, Int((bytes / Double(count)).rounded()))
                withExtendedLifetime(ipam) {}
            }
        }
    }
}

// MARK: - Start

/// `Start:100000`: the store is opened and read, and IPAM made of it, with so many addresses in ten pools.
private func start() {
    let directory = FileManager.default.temporaryDirectory
        .appending(path: "plugind-benchmark-\(UInt64.random(in: 0...UInt64.max))")
    let configuration = Benchmark.Configuration(
        metrics: [.wallClock, .throughput], timeUnits: .milliseconds, warmupIterations: 1, maxDuration: .seconds(20),
        maxIterations: 15)
    Benchmark("Start:100000", configuration: configuration) { benchmark in
        benchmark.startMeasurement()
        let store = try SQLiteStore(directory: directory.path)
        let ipam = try IPAM.make(try store.load(), store: store)
        benchmark.stopMeasurement()
        blackHole(ipam)
        store.close()
    } setup: {
        let store = try SQLiteStore(directory: directory.path)
        for second in 0..<10 {
            let base = try prefix("10.\(second).0.0/16")
            let id = "\(AddressSpace.local)/\(base)"
            let record = PoolRecord(
                id: id, space: AddressSpace.local.rawValue, prefix: base, subPool: nil, options: [:], isChosen: false)
            let addresses = (1...10_000).compactMap { number in
                IPAddress(family: .v4, bits: base.first.bits + UInt128(2 * number)).map {
                    AddressRecord(pool: id, address: $0, role: .address, name: "project-web-\(number)", mac: nil)
                }
            }
            try await store.commit([.putPool(record)] + addresses.map { .putAddress($0) })
        }
        store.close()
    } teardown: {
        try FileManager.default.removeItem(at: directory)
    }
}
