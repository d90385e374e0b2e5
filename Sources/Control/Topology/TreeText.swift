// SPDX-License-Identifier: Apache-2.0

/// Something in a tree, with what is below it.
struct TreeNode {
    /// What stands before its name.
    enum Mark {
        case sound
        case problem
        /// Nothing is said of it.
        case none
    }

    var mark: Mark
    var head: [Piece]
    /// Below the head, each in as many lines as it needs.
    var details: [[Piece]] = []
    /// In words, each in as many lines as it needs.
    var problems: [String] = []
    var children: [TreeNode] = []
}

/// A tree for a terminal, in as many columns as it has.
struct TreeText {
    /// What lines and signs are made of.
    struct Strokes: Sendable {
        var tee, corner, bar, dot, arrow, dots: String

        static let unicode = Strokes(tee: "├─", corner: "└─", bar: "│ ", dot: "●", arrow: "→", dots: "…")
        static let ascii = Strokes(tee: "|-", corner: "`-", bar: "| ", dot: "o", arrow: "->", dots: "...")
    }

    let strokes: Strokes
    /// Columns.
    let width: Int
    let isColoured: Bool
    private(set) var text = ""

    init(strokes: Strokes, width: Int, isColoured: Bool) {
        self.strokes = strokes
        self.width = width
        self.isColoured = isColoured
    }

    /// Appends a tree. `first` is what its first line begins with, `rest` what all that is below does.
    mutating func add(_ node: TreeNode, first: String = "", rest: String = "") {
        let below = rest + (node.children.isEmpty ? "  " : strokes.bar)
        line([mark(node.mark)] + node.head, first: first, rest: below + "  ")
        for detail in node.details { line([Piece("")] + detail, first: below, rest: below + "  ") }
        for problem in node.problems {
            let lines = Packing.sentence(problem, width: max(1, width - below.columns - 2))
            for (number, words) in lines.enumerated() {
                write(below, [Piece(number == 0 ? "! \(words)" : "  \(words)", .red)])
            }
        }
        for (number, child) in node.children.enumerated() {
            let isLast = number == node.children.count - 1
            add(
                child, first: rest + (isLast ? strokes.corner : strokes.tee), rest: rest + (isLast ? "  " : strokes.bar)
            )
        }
    }

    private func mark(_ mark: TreeNode.Mark) -> Piece {
        switch mark {
        case .sound: Piece("\(strokes.dot) ", .green)
        case .problem: Piece("! ", .red)
        case .none: Piece(" ")
        }
    }

    /// The first piece is the mark, and has no gap after it.
    private mutating func line(_ pieces: [Piece], first: String, rest: String) {
        let mark = pieces[0]
        let indent = rest.columns - first.columns - mark.text.columns
        let lines = Packing.lines(
            of: Array(pieces.dropFirst()), width: max(8, width - rest.columns), first: -max(0, indent))
        for (number, line) in lines.enumerated() {
            write(number == 0 ? first : rest, line, after: number == 0 ? mark : Piece(""))
        }
    }

    private mutating func write(_ begin: String, _ pieces: [Piece], after mark: Piece = Piece("")) {
        let gap = String(repeating: " ", count: Packing.gap)
        text += (begin.isEmpty ? "" : inked(Piece(begin, .faint))) + inked(mark)
        text += pieces.map(inked).joined(separator: gap) + "\n"
    }

    private func inked(_ piece: Piece) -> String {
        guard isColoured, let ink = piece.ink, !piece.text.isEmpty else { return piece.text }
        return ink.applied(to: piece.text)
    }
}
