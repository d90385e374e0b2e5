// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A table of a document, for tests that compare it with the code.
public struct DocumentTable {
    /// The cells of each row but the first two, which are the titles and the line below them. Quotes of code are gone.
    public let rows: [[String]]

    /// The first table below the heading `section` of `docs/NAME`; with `column` the first whose titles begin with it.
    public init(_ name: String, section: String, column: String = "Key") throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/\(name)")
        let text = try String(contentsOf: file, encoding: .utf8)
        guard let heading = text.range(of: "\n## \(section)\n") else { throw Missing(section) }
        let rest = text[heading.upperBound...]
        let body = rest[..<(rest.range(of: "\n## ")?.lowerBound ?? rest.endIndex)]
        guard let start = body.range(of: "\n| \(column) |") else { throw Missing(section) }
        rows = body[start.lowerBound...].dropFirst().split(separator: "\n", omittingEmptySubsequences: false)
            .prefix { $0.hasPrefix("|") }.dropFirst(2)
            .map { $0.split(separator: " | ").map { cell in cell.trimmingCharacters(in: Self.frame) } }
    }

    private static let frame = CharacterSet(charactersIn: "| `")

    private struct Missing: Error, CustomStringConvertible {
        let description: String
        init(_ section: String) { description = "no table in section ‘\(section)’" }
    }
}
