// SPDX-License-Identifier: Apache-2.0

/// A table for a terminal of 80 columns.
///
/// A cell that is wider than its column's limit stays whole: the rest of its row goes on in the next line.
struct TextTable {
    struct Column {
        let title: String
        /// The most characters that the other columns leave to this one.
        var limit = 80
        var isNumber = false
    }

    struct Cell: ExpressibleByStringInterpolation {
        let text: String
        var ink: Ink?

        init(_ text: String, ink: Ink? = nil) {
            self.text = text.printable
            self.ink = ink
        }

        init(stringLiteral text: String) {
            self.init(text)
        }
    }

    static let width = 80
    private static let gap = 2

    let columns: [Column]
    let rows: [[Cell]]

    /// The lines, each with its end.
    func text(isColoured: Bool) -> String {
        let titles = columns.map { Cell($0.title, ink: .bold) }
        let widths = self.widths
        return ([titles] + rows).map { line($0, widths, isColoured: isColoured) }.joined()
    }

    private var widths: [Int] {
        columns.indices.map { index in
            let column = columns[index]
            let widest = rows.map { $0[index].text.count }.max() ?? 0
            return max(column.title.count, min(widest, column.limit))
        }
    }

    private func line(_ cells: [Cell], _ widths: [Int], isColoured: Bool) -> String {
        var text = ""
        /// Where the next column begins, and where the line is.
        var (start, position) = (0, 0)
        for (index, (cell, width)) in zip(cells, widths).enumerated() where !cell.text.isEmpty || index == 0 {
            start = widths[..<index].reduce(0) { $0 + $1 + Self.gap }
            let isLast = index == columns.count - 1
            var indent = start + (columns[index].isNumber ? max(0, width - cell.text.count) : 0)
            if isLast, indent + cell.text.count > Self.width { indent = max(Self.gap, Self.width - cell.text.count) }
            if position > max(0, indent - Self.gap), index > 0 {
                text += "\n"
                position = 0
            }
            text += String(repeating: " ", count: indent - position)
            text += isColoured ? cell.ink?.applied(to: cell.text) ?? cell.text : cell.text
            position = indent + cell.text.count
        }
        return text + "\n"
    }
}
