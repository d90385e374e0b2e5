// SPDX-License-Identifier: Apache-2.0

import Diagnosis
import Foundation
import Testing

@Suite("What the doctor says")
struct ReportTests {
    private static let troubled = Facts.sound.with {
        $0.daemon = .down("cannot reach plugind at /run/plugind/control.sock: nobody listens there")
        $0.process = nil
        $0.plugin.state = .dead
        $0.bridgeNetfilter = ["bridge-nf-call-iptables"]
    }

    @Test func `a sound host is a line for each check`() {
        let lines = Report(.sound).text(isColoured: false).split(separator: "\n")
        #expect(lines.count == Report.checks.count + 1)
        #expect(lines.dropLast().allSatisfy { $0.hasPrefix("ok       ") })
        #expect(lines.first == "ok       daemon        answers at /run/plugind/control.sock, process 7")
        #expect(lines.last == "no problems")
    }

    @Test func `a finding says what, why and what to do, and all is counted`() {
        let text = Report(Self.troubled).text(isColoured: false)
        #expect(
            text.contains(
                """
                PROBLEM  plugin        nobody listens at /run/docker/plugins/plugind.sock
                                       Why: The engine connects there, is refused, and tries for
                                       15 seconds before it gives up, at each call.
                                       To do: Start plugind, which replaces the file; or remove
                                       it, if plugind is not used any more.

                """), "\(text)")
        #expect(text.contains("note     br_netfilter  on: bridge-nf-call-iptables\n"))
        #expect(text.hasSuffix("\n\n2 problems, 2 notes\n"))
    }

    @Test func `lines fit 80 columns`() {
        for example in FindingTests.examples {
            for line in Report(example.facts).text(isColoured: false).split(separator: "\n") {
                #expect(line.count <= 80 || !line.dropFirst(23).contains(" "), "\(line)")
            }
        }
    }

    @Test func `colours change nothing but colours`() throws {
        let coloured = Report(Self.troubled).text(isColoured: true)
        #expect(coloured.contains("\u{1B}[31mPROBLEM  \u{1B}[0m"))
        #expect(coloured.replacing(/\u{1B}\[\d+m/, with: "") == Report(Self.troubled).text(isColoured: false))
    }

    @Test func `the JSON has all of it`() throws {
        let report = Report(Self.troubled)
        let object = try JSONSerialization.jsonObject(with: JSONEncoder().encode(report)) as? [String: Any]
        #expect(object?["problems"] as? Int == 2)
        #expect(object?["notes"] as? Int == 2)
        let results = try #require(object?["results"] as? [[String: Any]])
        #expect(results.compactMap { $0["check"] as? String } == Report.checks.map { $0.name })
        let plugin = try #require(results.first { $0["check"] as? String == "plugin" })
        #expect(plugin["severity"] as? String == "problem")
        let finding = try #require((plugin["findings"] as? [[String: String]])?.first)
        let kind = FindingKind.pluginSocketDead
        #expect(
            finding == [
                "id": "plugin-socket-dead", "severity": "problem", "why": kind.why, "remedy": kind.remedy,
                "what": "nobody listens at /run/docker/plugins/plugind.sock",
            ])
        let kernel = try #require(results.first { $0["check"] as? String == "kernel" })
        #expect(kernel["severity"] as? String == "ok" && kernel["summary"] is String)
        #expect((kernel["findings"] as? [Any])?.isEmpty == true)
    }

    @Test func `the worst finding of a check comes first`() throws {
        let facts = Facts.sound.with {
            $0.mayLook = false
            $0.process?.missingCapabilities = ["CAP_NET_ADMIN"]
        }
        let rights = try #require(Report(facts).results.first { $0.check == "rights" })
        #expect(rights.severity == .problem)
        #expect(rights.findings.map(\.kind) == [.daemonCapabilities, .doctorRights])
    }
}
