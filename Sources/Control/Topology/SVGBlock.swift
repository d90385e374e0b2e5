// SPDX-License-Identifier: Apache-2.0

/// Lines of text below each other, as large as they are.
struct SVGBlock {
    enum Sign {
        case sound
        case problem
    }

    private struct Row {
        var text: String
        var style: SVGCanvas.Style
        var sign: Sign?
        /// What stands before the text: room for a sign.
        var indent: Double
        /// What follows in the same line, in a style of its own.
        var tail: (text: String, style: SVGCanvas.Style)?

        /// Where the tail begins, from where the text does.
        var tailOffset: Double { style.width(of: text.columns) + Row.gap }

        var width: Double {
            indent
                + (tail.map { tailOffset + $0.style.width(of: $0.text.columns) } ?? style.width(of: text.columns))
        }

        private static let gap = 12.0
    }

    private static let signRoom = 18.0
    private static let separator = " · "

    /// The columns of a line of `text`; other styles have as many as are as wide.
    let columns: Int
    private var rows: [Row] = []

    init(columns: Int) {
        self.columns = columns
    }

    var isEmpty: Bool { rows.isEmpty }
    var height: Double { rows.reduce(0) { $0 + $1.style.leading } }
    var width: Double { rows.map(\.width).max() ?? 0 }

    /// One text, in as many lines as it needs, with a sign before the first.
    mutating func add(_ text: String, _ style: SVGCanvas.Style, sign: Sign? = nil) {
        let indent = sign == nil ? 0 : Self.signRoom
        for (number, line) in Packing.sentence(text, width: columns(of: style, after: indent)).enumerated() {
            rows.append(Row(text: line, style: style, sign: number == 0 ? sign : nil, indent: indent))
        }
    }

    /// The same, followed by other parts: in its line if they fit there, else below.
    mutating func add(
        _ text: String, _ style: SVGCanvas.Style, sign: Sign, then parts: [String], _ tailStyle: SVGCanvas.Style
    ) {
        add(text, style, sign: sign)
        guard let last = rows.popLast() else { return }
        var row = last
        row.tail = (parts.joined(separator: Self.separator), tailStyle)
        let fits = row.width <= SVGCanvas.Style.text.width(of: columns)
        rows.append(fits ? row : last)
        if !fits { add(parts, tailStyle) }
    }

    /// Parts of a kind, in as few lines as they fit.
    mutating func add(_ parts: [String], _ style: SVGCanvas.Style) {
        for line in Packing.texts(of: parts, width: columns(of: style, after: 0), separator: Self.separator)
        where !line.isEmpty {
            rows.append(Row(text: line, style: style, sign: nil, indent: 0))
        }
    }

    mutating func add(problems: [String]) {
        for problem in problems { add(problem, .problem, sign: .problem) }
    }

    private func columns(of style: SVGCanvas.Style, after indent: Double) -> Int {
        Int((SVGCanvas.Style.text.width(of: columns) - indent) / style.width(of: 1))
    }

    /// With its upper left corner at `x`, `y`.
    func draw(on canvas: inout SVGCanvas, x: Double, y: Double) {
        var top = y
        for row in rows {
            let middle = top + row.style.leading / 2
            switch row.sign {
            case .sound: canvas.dot(x: x + 5, y: middle)
            case .problem: canvas.warning(x: x + 7, y: middle)
            case nil: break
            }
            let base = middle + row.style.size * 0.35
            canvas.text(row.text, row.style, x: x + row.indent, y: base)
            if let tail = row.tail { canvas.text(tail.text, tail.style, x: x + row.indent + row.tailOffset, y: base) }
            top += row.style.leading
        }
    }
}
