// SPDX-License-Identifier: Apache-2.0

extension String {
    /// The one of `candidates` that was probably meant, for sentences about names that are not known. Nil if none is
    /// near.
    ///
    /// Near is at most one edit for each three letters or less, where an edit adds, drops or replaces a letter or swaps
    /// two neighbours. Upper and lower case are the same. Of several the nearest is taken, and the first of those.
    public func nearest(among candidates: some Sequence<String>) -> String? {
        let own = Array(lowercased().utf8)
        let limit = (own.count + 2) / 3
        var best: (candidate: String, distance: Int)?
        for candidate in candidates {
            let other = Array(candidate.lowercased().utf8)
            // The lengths tell at once that a very long text is near to nothing.
            guard abs(own.count - other.count) <= limit else { continue }
            let distance = Self.edits(from: own, to: other)
            guard distance <= limit, distance < other.count, distance < best?.distance ?? .max else { continue }
            best = (candidate, distance)
        }
        return best?.candidate
    }

    /// How many edits lead from one text to another, where no letter is edited twice: the optimal string alignment
    /// distance.
    private static func edits(from one: [UInt8], to other: [UInt8]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...other.count)
        for (row, letter) in one.enumerated() {
            var current = [row + 1]
            for (column, otherLetter) in other.enumerated() {
                var edits = Swift.min(
                    last[column] + (letter == otherLetter ? 0 : 1), last[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, letter == other[column - 1], one[row - 1] == otherLetter {
                    edits = Swift.min(edits, beforeLast[column - 1] + 1)
                }
                current.append(edits)
            }
            (beforeLast, last) = (last, current)
        }
        return last[other.count]
    }
}
