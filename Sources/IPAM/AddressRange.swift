// SPDX-License-Identifier: Apache-2.0

public import Addressing

/// Addresses of one family in a row.
public typealias AddressRange = ClosedRange<IPAddress>

extension AddressRange {
    /// As in options: an address, a prefix, or the first and the last address with a dash between.
    public var text: String {
        if lowerBound == upperBound { return lowerBound.description }
        let size = upperBound.bits - lowerBound.bits
        // A power of two less one, unless the sum wraps: then it is all of IPv6.
        if size & (size &+ 1) == 0,
            let prefix = Prefix(base: lowerBound, length: lowerBound.family.width - size.nonzeroBitCount)
        {
            return prefix.description
        }
        return "\(lowerBound)-\(upperBound)"
    }

    /// Takes one entry of an option's list.
    init(_ text: String, of key: PoolOptions.Key) throws(OptionProblem) {
        do throws(AddressRangeProblem) {
            try self.init(text)
        } catch {
            throw OptionProblem(key, text, error.reason)
        }
    }

    /// Takes any of the three forms that `text` gives.
    public init(_ text: String) throws(AddressRangeProblem) {
        if let address = IPAddress(text) {
            self = address...address
            return
        }
        if let given = InterfaceAddress(text) {
            guard given.address == given.prefix.base else {
                throw AddressRangeProblem(reason: "has host bits set; did you mean \(given.prefix)?")
            }
            self = given.prefix.first...given.prefix.last
            return
        }
        let ends = text.split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = IPAddress(String(ends[0])), let last = IPAddress(String(ends[1])) else {
            throw AddressRangeProblem(
                reason: "is not a range such as 10.0.0.10-10.0.0.99, nor a prefix, nor an address")
        }
        guard first.family == last.family else {
            throw AddressRangeProblem(reason: "begins in \(first.family) and ends in \(last.family)")
        }
        guard first <= last else { throw AddressRangeProblem(reason: "ends before it begins") }
        self = first...last
    }

    /// The part that is in `prefix`, less the bits of its base. Nil if there is none.
    func offsets(in prefix: Prefix) -> ClosedRange<UInt128>? {
        guard lowerBound.family == prefix.family, lowerBound <= prefix.last, upperBound >= prefix.first else {
            return nil
        }
        let first = Swift.max(lowerBound, prefix.first)
        let last = Swift.min(upperBound, prefix.last)
        return first.bits - prefix.base.bits...last.bits - prefix.base.bits
    }
}

/// Why a text is no range of addresses. The reason follows the text, as in ‘10.0.0.9-10.0.0.1’ ends before it begins.
public struct AddressRangeProblem: Error, Hashable, Sendable {
    public let reason: String
}

// MARK: - Sets of numbers, as lists of ranges

extension [ClosedRange<UInt128>] {
    /// The same numbers in ascending ranges with gaps between.
    func merged() -> [ClosedRange<UInt128>] {
        var result: [ClosedRange<UInt128>] = []
        for range in sorted(by: { $0.lowerBound < $1.lowerBound }) {
            // No range begins before the last one, so only a range from 1 on can lie apart from it.
            if let last = result.last, range.lowerBound == 0 || range.lowerBound - 1 <= last.upperBound {
                result[result.count - 1] = last.lowerBound...Swift.max(last.upperBound, range.upperBound)
            } else {
                result.append(range)
            }
        }
        return result
    }

    /// The numbers of `whole` that are not in these ranges, which are merged and in `whole`.
    func complement(in whole: ClosedRange<UInt128>) -> [ClosedRange<UInt128>] {
        var result: [ClosedRange<UInt128>] = []
        /// The lowest number of which nothing is known yet; nil after the last one.
        var next: UInt128? = whole.lowerBound
        for range in self {
            guard let start = next else { break }
            if range.lowerBound > start { result.append(start...range.lowerBound - 1) }
            next = range.upperBound < whole.upperBound ? range.upperBound + 1 : nil
        }
        if let next { result.append(next...whole.upperBound) }
        return result
    }

    /// The numbers that both have, of which both are merged.
    func intersection(_ other: [ClosedRange<UInt128>]) -> [ClosedRange<UInt128>] {
        var result: [ClosedRange<UInt128>] = []
        var (index, otherIndex) = (startIndex, other.startIndex)
        while index < endIndex, otherIndex < other.endIndex {
            let (one, two) = (self[index], other[otherIndex])
            if one.overlaps(two) { result.append(one.clamped(to: two)) }
            if one.upperBound <= two.upperBound { index += 1 } else { otherIndex += 1 }
        }
        return result
    }
}
