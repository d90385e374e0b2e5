// SPDX-License-Identifier: Apache-2.0

/// A set of numbers, kept as ranges with gaps between: its size is that of its shape, not of its span.
///
/// The ranges are in a B-tree of arrays, in which each node counts the numbers below it. So finding, changing,
/// counting and choosing the k-th take a time that grows with the logarithm of the number of ranges (a change that
/// swallows ranges takes its time for each of them), and a range takes at most 64 bytes, usually 35 to 50.
/// A copy shares its nodes with the original until either is changed, and then all but those on the way to the change.
///
/// Nothing here adds to a number that may be the largest or subtracts from one that may be zero, so the whole
/// of `UInt128` may be in the set. How many numbers those are does not fit `UInt128`: counts are kept modulo 2¹²⁸,
/// and the one that is too large is told from zero by whether the set is empty.
struct AddressSet: Sendable {
    private var root = Node()

    /// Ascending; between two neighbours at least one number is missing. Takes time for each range.
    var ranges: [ClosedRange<UInt128>] {
        var ranges: [ClosedRange<UInt128>] = []
        root.append(to: &ranges)
        return ranges
    }

    /// How many numbers are in the set. Saturates where the number does not fit.
    var count: UInt128 {
        root.count == 0 && root.size > 0 ? .max : root.count
    }

    func contains(_ number: UInt128) -> Bool {
        root.firstRange(reaching: number).map { $0.lowerBound <= number } ?? false
    }

    /// The first range that ends at `number` or later.
    func firstRange(reaching number: UInt128) -> ClosedRange<UInt128>? {
        root.firstRange(reaching: number)
    }
}

// MARK: - Changing

extension AddressSet {
    mutating func insert(_ number: UInt128) {
        insert(number...number)
    }

    /// Adds every number of `range`, be it in the set or not.
    mutating func insert(_ range: ClosedRange<UInt128>) {
        // Every range that overlaps or touches the new one becomes part of it.
        let start = range.lowerBound == .min ? .min : range.lowerBound - 1
        let reach = range.upperBound == .max ? .max : range.upperBound + 1
        guard let first = root.firstRange(reaching: start), first.lowerBound <= reach else { return put(range) }
        var merged = min(first.lowerBound, range.lowerBound)...max(first.upperBound, range.upperBound)
        while first.upperBound < .max, let next = root.firstRange(reaching: first.upperBound + 1),
            next.lowerBound <= reach
        {
            merged = merged.lowerBound...max(merged.upperBound, next.upperBound)
            take(next)
        }
        if merged != first { root.replace(first, with: merged) }
    }

    mutating func remove(_ number: UInt128) {
        remove(number...number)
    }

    /// Takes out every number of `range`, be it in the set or not.
    mutating func remove(_ range: ClosedRange<UInt128>) {
        while let found = root.firstRange(reaching: range.lowerBound), found.lowerBound <= range.upperBound {
            let above = found.upperBound > range.upperBound ? range.upperBound + 1...found.upperBound : nil
            if found.lowerBound < range.lowerBound {
                root.replace(found, with: found.lowerBound...range.lowerBound - 1)
                if let above { put(above) }
            } else if let above {
                root.replace(found, with: above)
            } else {
                take(found)
            }
        }
    }

    /// Adds a range that touches no other.
    private mutating func put(_ range: ClosedRange<UInt128>) {
        guard let half = root.put(range) else { return }
        root = Node(ranges: [], children: [root, half])
    }

    /// Takes out one of the ranges.
    private mutating func take(_ range: ClosedRange<UInt128>) {
        root.take(range)
        if root.children.count == 1 { root = root.children[0] }
    }
}

// MARK: - What is missing

extension AddressSet {
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

    /// How many numbers of `window` are missing. Saturates where the number does not fit.
    func missingCount(in window: ClosedRange<UInt128>) -> UInt128 {
        let isAll = root.size == 0 && window == UInt128.min...UInt128.max
        return isAll ? .max : window.length &- count(in: window)
    }

    /// The missing number in `window` that has `index` missing ones of the window below it, if there is one.
    func missing(at index: UInt128, in window: ClosedRange<UInt128>) -> UInt128? {
        // Of an empty set nothing needs to be counted, and then the count of what is missing may be too large.
        guard root.size > 0 else {
            return index <= window.upperBound - window.lowerBound ? window.lowerBound + index : nil
        }
        guard index < missingCount(in: window) else { return nil }
        let below = window.lowerBound - root.count(below: window.lowerBound)
        return root.missing(at: below + index)
    }

    /// How many numbers of `window` are in the set, modulo 2¹²⁸.
    private func count(in window: ClosedRange<UInt128>) -> UInt128 {
        let below = root.count(below: window.upperBound) &- root.count(below: window.lowerBound)
        return contains(window.upperBound) ? below &+ 1 : below
    }
}

// MARK: - Comparing

extension AddressSet: Hashable {
    // Not member by member: how the tree has grown is nobody's business.
    static func == (one: AddressSet, other: AddressSet) -> Bool {
        one.root.count == other.root.count && one.ranges == other.ranges
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(ranges)
    }
}

// MARK: - The tree

/// A node of the tree: a leaf, which has ranges, or one with children, all leaves being equally deep.
///
/// A node other than the root is at least half full. An empty set is a leaf without ranges.
private struct Node: Sendable {
    /// How many ranges or children there may be.
    static let room = 64
    /// By how many ranges the memory of a leaf grows, once it has so many.
    static let growth = 16

    var ranges: [ClosedRange<UInt128>]
    var children: [Node]
    /// The highest number in it; 0 if it is empty.
    var upperBound: UInt128
    /// How many numbers are in it, modulo 2¹²⁸.
    var count: UInt128

    init(ranges: [ClosedRange<UInt128>] = [], children: [Node] = []) {
        self.ranges = ranges
        self.children = children
        self.upperBound = ranges.last?.upperBound ?? children.last?.upperBound ?? 0
        self.count = ranges.reduce(0) { $0 &+ $1.length } &+ children.reduce(0) { $0 &+ $1.count }
    }

    var isLeaf: Bool { children.isEmpty }
    var size: Int { isLeaf ? ranges.count : children.count }

    func append(to all: inout [ClosedRange<UInt128>]) {
        all += ranges
        for child in children { child.append(to: &all) }
    }

    /// The index of the first range, or child, that ends at `number` or later.
    private func index(reaching number: UInt128) -> Int {
        isLeaf
            ? ranges.startOfSuffix(where: { $0.upperBound >= number })
            : children.startOfSuffix(where: { $0.upperBound >= number })
    }
}

// MARK: Reading

extension Node {
    func firstRange(reaching number: UInt128) -> ClosedRange<UInt128>? {
        guard number <= upperBound, size > 0 else { return nil }
        let index = index(reaching: number)
        return isLeaf ? ranges[index] : children[index].firstRange(reaching: number)
    }

    /// How many numbers in it are less than `number`.
    func count(below number: UInt128) -> UInt128 {
        guard number <= upperBound else { return count }
        let index = index(reaching: number)
        if isLeaf {
            guard index < ranges.endIndex else { return count }
            let full = ranges[..<index].reduce(0) { $0 &+ $1.length }
            return ranges[index].lowerBound < number ? full &+ (number - ranges[index].lowerBound) : full
        }
        return children[..<index].reduce(0) { $0 &+ $1.count } &+ children[index].count(below: number)
    }

    /// The number that is not in it and has `index` of those below it. There has to be one.
    func missing(at index: UInt128) -> UInt128 {
        // As many as are in it below the number that is looked for: the two together make the number.
        index + countBelowMissing(at: index, before: 0)
    }

    /// `before`: how many numbers are in the nodes before this one.
    private func countBelowMissing(at index: UInt128, before: UInt128) -> UInt128 {
        var before = before
        for child in children {
            let after = before &+ child.count
            // So many are missing up to the child's end, which is in the set.
            if child.upperBound &+ 1 &- after > index {
                return child.countBelowMissing(at: index, before: before)
            }
            before = after
        }
        for range in ranges {
            if range.lowerBound - before > index { break }
            before = before &+ range.length
        }
        return before
    }
}

// MARK: Changing

extension Node {
    /// Adds a range that touches no other. What it gives is the upper half of a node that has become too full.
    mutating func put(_ range: ClosedRange<UInt128>) -> Node? {
        let index = index(reaching: range.lowerBound)
        if isLeaf {
            if ranges.count == ranges.capacity {
                ranges.reserveCapacity(ranges.count + max(1, min(ranges.count, Self.growth)))
            }
            ranges.insert(range, at: index)
        } else {
            let index = min(index, children.endIndex - 1)
            if let half = children[index].put(range) { children.insert(half, at: index + 1) }
        }
        count &+= range.length
        upperBound = max(upperBound, range.upperBound)
        return size > Self.room ? splitOff() : nil
    }

    /// Lets one of the ranges become `new`, which touches no other.
    mutating func replace(_ range: ClosedRange<UInt128>, with new: ClosedRange<UInt128>) {
        let index = index(reaching: range.lowerBound)
        if isLeaf {
            ranges[index] = new
        } else {
            children[index].replace(range, with: new)
        }
        noteLoss(of: range)
        count &+= new.length
    }

    /// Takes out one of the ranges.
    mutating func take(_ range: ClosedRange<UInt128>) {
        let index = index(reaching: range.lowerBound)
        if isLeaf {
            ranges.remove(at: index)
            if ranges.capacity - ranges.count > Self.growth * 3 / 2 { giveBackMemory() }
        } else {
            children[index].take(range)
            if children[index].size < Self.room / 2 { fillUp(max(1, index)) }
        }
        noteLoss(of: range)
    }

    private mutating func noteLoss(of range: ClosedRange<UInt128>) {
        count &-= range.length
        upperBound = ranges.last?.upperBound ?? children.last?.upperBound ?? 0
    }

    /// Makes one of the child at `index` and the one before it, or two of equal size if that is too much for one.
    private mutating func fillUp(_ index: Int) {
        let (one, other) = (children[index - 1], children[index])
        children[index - 1] = Node(ranges: one.ranges + other.ranges, children: one.children + other.children)
        if children[index - 1].size > Self.room {
            children[index] = children[index - 1].splitOff()
        } else {
            children.remove(at: index)
        }
    }

    /// Keeps the lower half and gives the upper one.
    private mutating func splitOff() -> Node {
        let half = size / 2
        let upper = Node(ranges: Array(ranges.dropFirst(half)), children: Array(children.dropFirst(half)))
        self = Node(ranges: Array(ranges.prefix(half)), children: Array(children.prefix(half)))
        return upper
    }

    private mutating func giveBackMemory() {
        var smaller: [ClosedRange<UInt128>] = []
        smaller.reserveCapacity(ranges.count + Self.growth / 2)
        smaller += ranges
        ranges = smaller
    }
}

extension Array {
    /// The first index at which `isReached` holds, given that it holds at all that follow; by binary search.
    fileprivate func startOfSuffix(where isReached: (Element) -> Bool) -> Int {
        var (low, high) = (startIndex, endIndex)
        while low < high {
            let middle = low + (high - low) / 2
            if isReached(self[middle]) {
                high = middle
            } else {
                low = middle + 1
            }
        }
        return low
    }
}

extension ClosedRange<UInt128> {
    /// How many numbers are in it, modulo 2¹²⁸.
    fileprivate var length: UInt128 { upperBound - lowerBound &+ 1 }
}
