// SPDX-License-Identifier: Apache-2.0

import Diagnosis
import Foundation
import Testing

/// `docs/doctor.md` against what the doctor says.
@Suite("Document of the doctor")
struct DocumentTests {
    private let document: String

    init() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../docs/doctor.md")
        document = try String(contentsOf: file, encoding: .utf8)
    }

    /// Each finding's section, its words with one space between.
    private var sections: [String] {
        document.components(separatedBy: "\n### ").dropFirst().map { section in
            let end = section.range(of: "\n## ")?.lowerBound ?? section.endIndex
            return section[..<end].split(whereSeparator: { $0.isWhitespace }).joined(separator: " ")
        }
    }

    @Test func `it has each finding with its reason and remedy, and no other`() {
        let expected = FindingKind.allCases.map { kind in
            "`\(kind.rawValue)`: \(kind.severity.rawValue) Why: \(kind.why) To do: \(kind.remedy)"
        }
        #expect(sections == expected)
    }

    @Test func `it names each check`() {
        for check in Report.checks { #expect(document.contains("| `\(check.name)` |"), "\(check.name)") }
    }
}
