// SPDX-License-Identifier: Apache-2.0

/// Parts that belong together, in as few lines of 80 columns as they fit.
enum Lines {
    /// Each line begins with `indent` spaces; parts are two spaces apart and stay whole.
    static func of(_ parts: [String], indent: Int = 2) -> [String] {
        let begin = String(repeating: " ", count: indent)
        return parts.filter { !$0.isEmpty }.reduce(into: [String]()) { lines, part in
            if let last = lines.last, last.count + 2 + part.count <= TextTable.width {
                lines[lines.count - 1] = last + "  " + part
            } else {
                lines.append(begin + part)
            }
        }
    }

    /// The same as rows of a table.
    static func cells(_ parts: [String], columns: Int) -> [[TextTable.Cell]] {
        of(parts).map { [TextTable.Cell($0)] + Array(repeating: "", count: columns - 1) }
    }

    /// A name in front of each value, values in one column.
    static func of(_ facts: [(String, String)]) -> String {
        let width = (facts.map(\.0.count).max() ?? 0) + 2
        return facts.map { name, value in
            "  \(name)\(String(repeating: " ", count: width - name.count))\(value.printable)\n"
        }.joined()
    }
}
