// SPDX-License-Identifier: Apache-2.0

import IPAM
import NetDriver
import TestSupport
import Testing

@testable import Garbage

@Suite("A look for garbage that somebody asks for")
struct LookTests {
    /// An endpoint whose sandbox died.
    private static func bench(_ mode: GarbageMode) async throws -> (Bench, String) {
        let bench = try Bench(mode)
        let id = try await bench.createEndpoint(in: try await bench.createNetwork())
        try await bench.join(id)
        bench.killSandbox(of: id)
        return (bench, "endpoint \(id)")
    }

    @Test func `a dry run tells what is suspect, frees nothing, writes nothing and remembers nothing`() async throws {
        let (bench, subject) = try await Self.bench(.on)
        let commits = bench.store.commits.count
        for second in [0, 20] {
            let report = try await bench.collector.look(at: .seconds(second), isDryRun: true)
            #expect(report.isDryRun)
            #expect(
                report.entries.first
                    == GarbageReport.Entry(
                        subject: subject, outcome: .waiting,
                        reason: "its link and its sandbox are gone, and the engine does not know it", age: .zero,
                        rest: .seconds(10)))
        }
        #expect(bench.store.commits.count == commits)
        #expect(bench.endpoints == [Bench.endpoint])
    }

    @Test func `a dry run tells how long is left, and what would be freed`() async throws {
        let (bench, subject) = try await Self.bench(.on)
        await bench.pass(at: 0...7)
        let early = try await bench.collector.look(at: .seconds(8), isDryRun: true).entries.first
        #expect(early?.age == .seconds(8) && early?.rest == .seconds(2) && early?.outcome == .waiting)
        let late = try await bench.collector.look(at: .seconds(10), isDryRun: true).entries.first
        #expect(late?.subject == subject && late?.outcome == .wouldFree && late?.rest == nil)
        #expect(bench.endpoints == [Bench.endpoint])
        #expect(try bench.decisions == [])
        await bench.pass(at: 10...10)
        #expect(bench.endpoints == [])
    }

    @Test func `a look frees what a pass would, and counts as one`() async throws {
        let (bench, subject) = try await Self.bench(.on)
        #expect(try await bench.collector.look(at: .zero, isDryRun: false).entries.first?.outcome == .waiting)
        let report = try await bench.collector.look(at: .seconds(10), isDryRun: false)
        await bench.driver.settle()
        #expect(report.entries.first?.outcome == .freed)
        #expect(try bench.decisions == ["freeing \(subject)", "freed \(subject)"])
        #expect(bench.endpoints == [])
    }

    @Test func `under the mode report nothing is freed, and what was said is said again`() async throws {
        let (bench, subject) = try await Self.bench(.report)
        await bench.pass(at: 0...10)
        let report = try await bench.collector.look(at: .seconds(11), isDryRun: false)
        #expect(report.entries.first?.outcome == .wouldFree)
        #expect(try bench.decisions == ["would free \(subject)"], "the log has it once")
        #expect(bench.endpoints == [Bench.endpoint])
    }

    @Test func `what the engine knows, or cannot be asked about, is kept`() async throws {
        let bench = try Bench()
        let id = try await bench.createEndpoint(in: try await bench.createNetwork())
        bench.engine.view { view in view.endpoints.insert(id) }
        await bench.pass(at: 0...10)
        var entry = try await bench.collector.look(at: .seconds(11), isDryRun: true).entries.first
        #expect(entry?.outcome == .kept && entry?.reason.hasSuffix("but the engine knows it") == true)
        bench.engine.fail("the engine sleeps")
        entry = try await bench.collector.look(at: .seconds(12), isDryRun: true).entries.first
        #expect(entry?.outcome == .kept && entry?.reason.hasSuffix("but the engine sleeps") == true)
    }

    @Test func `what cannot be freed is told`() async throws {
        let (bench, _) = try await Self.bench(.on)
        await bench.pass(at: 0...9)
        bench.store.failNext()
        let entry = try await bench.collector.look(at: .seconds(10), isDryRun: false).entries.first
        #expect(entry?.outcome == .failed && entry?.reason.contains("the disk is full") == true)
        #expect(bench.endpoints == [Bench.endpoint])
    }

    @Test func `where collection is off only a dry run is made`() async throws {
        let (bench, _) = try await Self.bench(.off)
        await #expect(throws: GarbageCollectionOff.self) {
            try await bench.collector.look(at: .zero, isDryRun: false)
        }
        let entry = try await bench.collector.look(at: .seconds(99), isDryRun: true).entries.first
        #expect(entry?.outcome == .waiting && entry?.rest == nil)
    }

    @Test func `a look waits for the pass that is under way`() async throws {
        let (bench, subject) = try await Self.bench(.on)
        await bench.pass(at: 0...9)
        bench.store.pause()
        async let pass: Void = bench.collector.pass(at: .seconds(10))
        await bench.store.untilPaused(1)
        async let look = bench.collector.look(at: .seconds(10), isDryRun: false)
        async let dryRun = bench.collector.look(at: .seconds(10), isDryRun: true)
        bench.store.resume()
        await pass
        #expect(try await look.entries.contains { $0.subject == subject } == false)
        #expect(try await dryRun.entries.contains { $0.subject == subject } == false)
        #expect(try bench.decisions == ["freeing \(subject)", "freed \(subject)"])
    }
}
