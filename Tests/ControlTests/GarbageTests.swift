// SPDX-License-Identifier: Apache-2.0

import Garbage
import PluginServer
import Testing

@testable import Control

@Suite("Looking for garbage over the control API")
struct GarbageTests {
    private static let entries = [
        GarbageReport.Entry(
            subject: "endpoint \(String(repeating: "ab", count: 32))", outcome: .waiting,
            reason: "its link and its sandbox are gone", age: .milliseconds(90_250), rest: .milliseconds(509_750)),
        GarbageReport.Entry(
            subject: "pool plugind-local/10.0.0.0/24", outcome: .wouldFree, reason: "no network has it",
            age: .seconds(700)),
    ]

    static func report(_ mode: GarbageMode = .report, _ entries: [GarbageReport.Entry] = entries) -> GarbageReport {
        GarbageReport(policy: GarbagePolicy(mode: mode, grace: .seconds(600)), isDryRun: true, entries: entries)
    }

    private static func ask(
        _ query: String, _ look: @escaping @Sendable (Bool) async throws -> GarbageReport
    ) async -> String {
        var router = ControlRouter(logger: .silent, explain: { _ in nil })
        router.onGarbage(look)
        let reply = await router.answer(SocketRequest(method: "POST", path: "/v1/gc", query: query, body: []))
        return "\(reply.status) \(String(decoding: reply.body, as: UTF8.self))"
    }

    @Test func `suspects are told with why, since when and until when`() async {
        let first =
            #"{"decidedInSeconds":509.8,"outcome":"waiting","reason":"its link and its sandbox are gone","#
            + #""subject":"endpoint \#(String(repeating: "ab", count: 32))","suspectForSeconds":90.3}"#
        let second =
            #"{"outcome":"wouldFree","reason":"no network has it","subject":"pool plugind-local/10.0.0.0/24","#
            + #""suspectForSeconds":700}"#
        #expect(
            await Self.ask("dryRun=true") { _ in Self.report() }
                == #"200 {"dryRun":true,"graceSeconds":600,"mode":"report","suspects":[\#(first),\#(second)]}"#)
    }

    @Test(arguments: [("dryRun=true", true), ("dryRun=false", false), ("", false)])
    func `only what is asked for as a dry run is one`(query: String, isDryRun: Bool) async {
        let answer = await Self.ask(query) { asked in
            var report = Self.report(.on, [])
            report.isDryRun = asked
            return report
        }
        #expect(answer == #"200 {"dryRun":\#(isDryRun),"graceSeconds":600,"mode":"on","suspects":[]}"#)
    }

    @Test func `for people it is told in 80 columns, with short ids`() {
        #expect(
            GarbageAnswer(Self.report()).text(isColoured: false) == """
                Garbage is only reported (gc: report); the grace period is 600 s. This is a dry
                run.
                waiting  endpoint abababababab
                    its link and its sandbox are gone; suspect for 90.3 s, decided in 509.8 s
                would free  pool plugind-local/10.0.0.0/24
                    no network has it

                """)
        #expect(
            GarbageAnswer(Self.report(.off, [])).text(isColoured: false) == """
                Garbage collection is off; the grace period is 600 s. This is a dry run.
                Nothing is suspect.

                """)
        #expect(GarbageAnswer(Self.report()).text(isColoured: true).contains("\u{1B}[33mwaiting\u{1B}[0m  endpoint"))
    }
}
