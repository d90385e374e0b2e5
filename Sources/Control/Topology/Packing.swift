// SPDX-License-Identifier: Apache-2.0

/// A part of a line, which stays in one line if it is no longer than that.
struct Piece: Hashable, Sendable {
    var text: String
    var ink: Ink?

    init(_ text: String, _ ink: Ink? = nil) {
        self.text = text
        self.ink = ink
    }
}

enum Packing {
    /// The columns between two parts.
    static let gap = 2

    /// The parts in as few lines of `width` columns as they fit, `gap` columns apart. `first` is how much narrower the
    /// first line is. What is longer than a line is broken.
    static func lines(of pieces: [Piece], width: Int, first: Int = 0, gap: Int = gap) -> [[Piece]] {
        var lines: [[Piece]] = [[]]
        var used = first
        for piece in pieces where !piece.text.isEmpty {
            for part in broken(piece, width: width, room: width - used - (lines[lines.count - 1].isEmpty ? 0 : gap)) {
                let last = lines.count - 1
                let start = lines[last].isEmpty ? used : used + gap
                if start + part.text.columns <= width || (lines[last].isEmpty && used == 0) {
                    lines[last].append(part)
                    used = start + part.text.columns
                } else {
                    lines.append([part])
                    used = part.text.columns
                }
            }
        }
        return lines
    }

    /// The same of texts of one kind.
    static func texts(of parts: [String], width: Int, separator: String) -> [String] {
        lines(of: parts.map { Piece($0) }, width: width, gap: separator.columns).map { line in
            line.map(\.text).joined(separator: separator)
        }
    }

    /// The words of a sentence in lines.
    static func sentence(_ text: String, width: Int) -> [String] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            for part in broken(Piece(String(word)), width: width, room: width).map(\.text) {
                if let last = lines.last, last.columns + 1 + part.columns <= width {
                    lines[lines.count - 1] = "\(last) \(part)"
                } else {
                    lines.append(part)
                }
            }
        }
        return lines
    }

    /// In parts of at most `width` columns, the first of which is of at most `room`, if the whole is longer than a line.
    private static func broken(_ piece: Piece, width: Int, room: Int) -> [Piece] {
        guard piece.text.columns > width else { return [piece] }
        var parts = [""]
        var used = 0
        var limit = room > width / 2 ? room : width
        for character in piece.text {
            if used + character.columns > limit {
                parts.append("")
                (used, limit) = (0, width)
            }
            parts[parts.count - 1].append(character)
            used += character.columns
        }
        return parts.map { Piece($0, piece.ink) }
    }
}
