// SPDX-License-Identifier: Apache-2.0

import Addressing
import Testing

@testable import Garbage

@Suite("Deciding about a suspect")
struct VerdictTests {
    /// One row of the table: what is known, and what follows. Ages are in seconds; the grace period is ten.
    struct Row: Sendable, CustomTestStringConvertible {
        var mode = GarbageMode.on
        var engine: Suspect.Testimony
        var needsEngine = true
        var age: Int
        var unknownFor: Int
        var verdict: Verdict

        var testDescription: String { "\(mode) \(engine) \(needsEngine) \(age) \(unknownFor) → \(verdict)" }
    }

    static let unavailable = Suspect.Testimony.unavailable(EngineError("the engine cannot be asked: it is off"))

    static let rows = [
        // Nothing is said before the grace period is over, whatever the engine says.
        Row(engine: .doesNotKnow, age: 0, unknownFor: 0, verdict: .undecided),
        Row(engine: .doesNotKnow, age: 9, unknownFor: 9, verdict: .undecided),
        Row(engine: .knows, age: 9, unknownFor: 0, verdict: .undecided),
        Row(engine: unavailable, age: 9, unknownFor: 0, verdict: .undecided),
        Row(engine: .notAsked, age: 9, unknownFor: 9, verdict: .undecided),
        Row(engine: .notAsked, needsEngine: false, age: 9, unknownFor: 9, verdict: .undecided),
        // Afterwards the engine's word counts.
        Row(engine: .doesNotKnow, age: 10, unknownFor: 10, verdict: .free),
        Row(mode: .report, engine: .doesNotKnow, age: 10, unknownFor: 10, verdict: .wouldFree),
        Row(mode: .off, engine: .doesNotKnow, age: 99, unknownFor: 99, verdict: .undecided),
        Row(engine: .knows, age: 10, unknownFor: 0, verdict: .kept(.engineKnows)),
        Row(mode: .report, engine: .knows, age: 10, unknownFor: 0, verdict: .kept(.engineKnows)),
        Row(engine: .knows, needsEngine: false, age: 10, unknownFor: 0, verdict: .kept(.engineKnows)),
        Row(engine: unavailable, age: 10, unknownFor: 0, verdict: .kept(.engineUnavailable)),
        Row(engine: unavailable, needsEngine: false, age: 10, unknownFor: 0, verdict: .kept(.engineUnavailable)),
        // It must have been unknown for the whole of a grace period, not just now.
        Row(engine: .doesNotKnow, age: 99, unknownFor: 9, verdict: .undecided),
        Row(engine: .doesNotKnow, age: 99, unknownFor: 10, verdict: .free),
        // Without an engine only what has two proofs on the host goes.
        Row(engine: .notAsked, age: 99, unknownFor: 99, verdict: .kept(.engineNotAsked)),
        Row(mode: .report, engine: .notAsked, age: 99, unknownFor: 99, verdict: .kept(.engineNotAsked)),
        Row(engine: .notAsked, needsEngine: false, age: 10, unknownFor: 10, verdict: .free),
        Row(mode: .report, engine: .notAsked, needsEngine: false, age: 10, unknownFor: 10, verdict: .wouldFree),
    ]

    @Test(arguments: rows) func `what is known decides`(row: Row) throws {
        let suspect = Suspect(
            object: .endpoint(try #require(EndpointID("1f2e"))), reason: "its link is gone", engine: row.engine,
            needsEngine: row.needsEngine)
        let verdict = Verdict(
            on: suspect, age: .seconds(row.age), unknownFor: .seconds(row.unknownFor),
            GarbagePolicy(mode: row.mode, grace: .seconds(10)))
        #expect(verdict == row.verdict)
    }

    @Test(arguments: [
        (Suspect.Testimony.doesNotKnow, Verdict.free, "r, for at least 1.5 s, and the engine does not know it"),
        (.doesNotKnow, .wouldFree, "r, for at least 1.5 s, and the engine does not know it"),
        (.notAsked, .free, "r, for at least 1.5 s; the engine was not asked"),
        (.knows, .kept(.engineKnows), "r, for at least 1.5 s, but the engine knows it"),
        (
            .notAsked, .kept(.engineNotAsked),
            "r, for at least 1.5 s; whether the engine knows it is not asked: engine-socket is not set"
        ),
        (
            unavailable, .kept(.engineUnavailable),
            "r, for at least 1.5 s, but the engine cannot be asked: it is off"
        ),
    ])
    func `a decision has its reason in words`(engine: Suspect.Testimony, verdict: Verdict, words: String) throws {
        let suspect = Suspect(
            object: .endpoint(try #require(EndpointID("1f2e"))), reason: "r", engine: engine, needsEngine: true)
        #expect(suspect.sentence(for: verdict, grace: .milliseconds(1500)) == words)
    }

    @Test(arguments: [(600, 60.0), (3600, 60.0), (60, 6.0), (2, 0.2), (1, 0.1)])
    func `it is looked often enough to see an interruption`(grace: Int, interval: Double) {
        #expect(GarbagePolicy(mode: .on, grace: .seconds(grace)).interval == .seconds(interval))
    }
}
