// SPDX-License-Identifier: Apache-2.0

import Foundation
import Store
import Synchronization
import TestSupport
import Testing

/// Random calls of several callers, with refusals, crashes and restarts, against a plain reference model.
///
/// `PLUGIND_MODEL_OPERATIONS` sets how many calls are made, `PLUGIND_MODEL_SEED` repeats the callers' choices. Which call
/// meets which is up to the scheduler, so that a seed that found something may need a few runs to find it again.
@Suite("Model check", .serialized, .timeLimit(.minutes(10 + ModelSettings.operations / 50_000)))
struct ModelTests {
    private let seed = ModelSettings.seed

    @Test func `nothing is given twice, nothing is lost, and in the end all is free`() async throws {
        let store = MemoryStore()
        try await run("memory", operations: ModelSettings.operations, period: 1_000...3_000) { store }
    }

    @Test func `the same over the real store, which is closed and opened at each restart`() async throws {
        let directory = NSTemporaryDirectory() + "plugind-model-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try await run("SQLite", operations: 5_000, period: 200...600) { try SQLiteStore(directory: directory) }
    }

    /// A check that finds nothing is worth something only if it would have found something.
    @Test(arguments: Sabotage.Kind.allCases)
    func `a daemon that makes a mistake now and then is found out`(mistake: Sabotage.Kind) async throws {
        let store = MemoryStore()
        let world = World(seed: seed, surroundings: try #require(Surroundings()), sabotage: mistake) { store }
        try await withSeed("“\(mistake)”") { try await world.run(operations: 50_000, period: 1_000...3_000) }
        print("model check: found “\(mistake)” after \(world.gate.count) operations")
        #expect(!world.isSound, "seed \(seed)")
    }

    private func run(
        _ name: String, operations: Int, period: ClosedRange<Int>, openStore: @escaping World.OpenStore
    ) async throws {
        let surroundings = try #require(Surroundings())
        let world = World(seed: seed, surroundings: surroundings, openStore: openStore)
        let begin = ContinuousClock.now
        try await withSeed(name) { try await world.run(operations: operations, period: period) }
        await world.bury()
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        let tally = world.tally.withLock(\.self)
        print(
            """
            model check, \(name): seed \(seed), \(tally.operations) operations, \(tally.cleanRestarts) clean restarts, \
            \(tally.crashes) crashes, \(tally.reboots) reboots, \(tally.crashesAtStart) starts cut off, \
            \(tally.injected) refusals injected, \(tally.lost) answers lost, \(tally.tamperings) changes by strangers, \
            \(tally.direct) links made in their sandboxes and \(tally.moved) to be moved, \(tally.published) publications, \
            \(tally.collisions) refused for want of a port, \(tally.checks) comparisons, \
            \(Int(Double(tally.operations) / seconds)) operations per second
            """)
        #expect(world.isSound, "seed \(seed): \(world.model.report)")
    }
    /// Tells the seed before anything can go wrong, past all buffers: who hangs or crashes says nothing more.
    private func withSeed(_ name: String, _ body: () async throws -> Void) async throws {
        FileHandle.standardError.write(Data("model check, \(name): seed \(seed) begins\n".utf8))
        do {
            try await body()
        } catch {
            throw Interruption(seed: seed, error: error)
        }
    }

    /// An error that no call was refused with.
    private struct Interruption: Error, CustomStringConvertible {
        let seed: UInt64
        let error: any Error

        var description: String { "seed \(seed): \(error)" }
    }
}

/// What the environment says.
private enum ModelSettings {
    private static let environment = ProcessInfo.processInfo.environment
    static let operations = environment["PLUGIND_MODEL_OPERATIONS"].flatMap(Int.init) ?? 200_000
    static var seed: UInt64 { environment["PLUGIND_MODEL_SEED"].flatMap(UInt64.init) ?? .random(in: 1 ... .max) }
}
