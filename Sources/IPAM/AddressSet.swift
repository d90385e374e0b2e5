// SPDX-License-Identifier: Apache-2.0

/// A set of numbers, kept as sorted ranges with gaps between: its size is that of its shape, not of its span.
///
/// Nothing here adds to a number that may be the largest or subtracts from one that may be zero, so the whole
/// of `UInt128` may be in the set.
struct AddressSet: Hashable, Sendable {
    /// Ascending; between two neighbours at least one number is missing.
    private(set) var ranges: [ClosedRange<UInt128>] = []

    func contains(_ number: UInt128) -> Bool {
        firstRange(reaching: number).map { $0.lowerBound <= number } ?? false
    }

    /// The first range that ends at `number` or later.
    func firstRange(reaching number: UInt128) -> ClosedRange<UInt128>? {
        let index = index(reaching: number)
        return index < ranges.endIndex ? ranges[index] : nil
    }

    mutating func insert(_ number: UInt128) {
        insert(number...number)
    }

    /// Adds every number of `range`, be it in the set or not.
    mutating func insert(_ range: ClosedRange<UInt128>) {
        // Every range that overlaps or touches the new one becomes part of it.
        let start = index(reaching: range.lowerBound == .min ? .min : range.lowerBound - 1)
        let reach = range.upperBound == .max ? .max : range.upperBound + 1
        let end = ranges[start...].firstIndex { $0.lowerBound > reach } ?? ranges.endIndex
        var merged = range
        if start < end {
            let lower = min(range.lowerBound, ranges[start].lowerBound)
            merged = lower...max(range.upperBound, ranges[end - 1].upperBound)
        }
        ranges.replaceSubrange(start..<end, with: CollectionOfOne(merged))
    }

    mutating func remove(_ number: UInt128) {
        let index = index(reaching: number)
        guard index < ranges.endIndex, ranges[index].lowerBound <= number else { return }
        let range = ranges[index]
        var rest: [ClosedRange<UInt128>] = []
        if range.lowerBound < number { rest.append(range.lowerBound...number - 1) }
        if number < range.upperBound { rest.append(number + 1...range.upperBound) }
        ranges.replaceSubrange(index...index, with: rest)
    }

    /// The first number in `window` after `cursor` that is missing, going round to the start of the window; the
    /// cursor itself comes last.
    func nextMissing(after cursor: UInt128?, in window: ClosedRange<UInt128>) -> UInt128? {
        guard let cursor, window.contains(cursor), cursor < window.upperBound else {
            return firstMissing(in: window)
        }
        return firstMissing(in: cursor + 1...window.upperBound) ?? firstMissing(in: window.lowerBound...cursor)
    }

    private func firstMissing(in window: ClosedRange<UInt128>) -> UInt128? {
        guard let range = firstRange(reaching: window.lowerBound), range.lowerBound <= window.lowerBound else {
            return window.lowerBound
        }
        // Ranges do not touch, so what follows one is missing.
        return range.upperBound < window.upperBound ? range.upperBound + 1 : nil
    }

    /// The index of the first range that ends at `number` or later, by binary search.
    private func index(reaching number: UInt128) -> Int {
        var (low, high) = (ranges.startIndex, ranges.endIndex)
        while low < high {
            let middle = low + (high - low) / 2
            if ranges[middle].upperBound < number {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }
}
