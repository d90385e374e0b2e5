// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import IPAM

@Suite("Address set")
struct AddressSetTests {
    @Test func `neighbours become one range, in whatever order they come`() {
        var set = AddressSet()
        for number: UInt128 in [5, 3, 4, 9, 1, 2, 4] { set.insert(number) }
        #expect(set.ranges == [1...5, 9...9])
    }

    @Test func `a range swallows what it overlaps and what it touches`() {
        var set = AddressSet()
        for range: ClosedRange<UInt128> in [0...1, 4...5, 8...9, 20...30, 2...19] { set.insert(range) }
        #expect(set.ranges == [0...30])
    }

    @Test func `removing splits a range`() {
        var set = AddressSet()
        set.insert(1...5)
        for number: UInt128 in [3, 1, 5, 5, 7, 0] { set.remove(number) }
        #expect(set.ranges == [2...2, 4...4])
    }

    @Test func `the whole of the numbers may be taken and given back`() {
        var set = AddressSet()
        set.insert(UInt128.min...UInt128.max)
        #expect(set.nextMissing(after: nil, in: UInt128.min...UInt128.max) == nil)
        #expect(set.nextMissing(after: .max, in: UInt128.min...UInt128.max) == nil)
        set.remove(.max)
        #expect(set.nextMissing(after: nil, in: UInt128.min...UInt128.max) == .max)
        set.insert(.max)
        set.remove(.min)
        #expect(set.nextMissing(after: .max, in: UInt128.min...UInt128.max) == .min)
        #expect(set.ranges == [1...UInt128.max])
    }

    @Test func `a long run of neighbours takes one range`() {
        var set = AddressSet()
        for number: UInt128 in 0..<10_000 { set.insert(number) }
        #expect(set.ranges.count == 1)
    }

    @Test(arguments: [0, UInt128.max - 63, 1 << 64], [1, 2, 3] as [UInt64])
    func `it behaves as a plain set does`(base: UInt128, seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var set = AddressSet()
        // By place after the base: numbers of 128 bits are slow in a debug build.
        var model = [Bool](repeating: false, count: 64)
        func number(_ place: Int) -> UInt128 { base + UInt128(place) }
        for step in 0..<3_000 {
            let place = Int.random(in: 0...63, using: &random)
            let other = Int.random(in: 0...63, using: &random)
            switch Int.random(in: 0..<8, using: &random) {
            case 0...2:
                set.insert(number(place))
                model[place] = true
            case 3:
                let end = min(63, place + Int.random(in: 0...4, using: &random))
                set.insert(number(place)...number(end))
                for place in place...end { model[place] = true }
            default:
                set.remove(number(place))
                model[place] = false
            }
            let ranges = set.ranges.map { Int($0.lowerBound - base)...Int($0.upperBound - base) }
            var members = [Bool](repeating: false, count: 64)
            for range in ranges { for place in range { members[place] = true } }
            let isApart = zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound + 1 < $1.lowerBound }
            let isIn = set.contains(number(other))

            let cursor = Bool.random(using: &random) ? Int.random(in: 0...63, using: &random) : nil
            let window = min(place, other)...max(place, other)
            let start = cursor.flatMap { window.contains($0) ? $0 + 1 : nil } ?? window.lowerBound
            let expected =
                (start..<window.upperBound + 1).first { !model[$0] } ?? (window.lowerBound..<start).first { !model[$0] }
            let next = set.nextMissing(
                after: cursor.map(number), in: number(window.lowerBound)...number(window.upperBound))
            let isRight = members == model && isApart && isIn == model[other] && next == expected.map(number)
            guard !isRight else { continue }
            Issue.record(
                "step \(step), seed \(seed): \(ranges), next \(next as Any) after \(cursor as Any) in \(window)"
            )
        }
    }

    // MARK: - Counting and choosing

    @Test func `what is missing is counted and chosen by its place`() {
        var set = AddressSet()
        for range: ClosedRange<UInt128> in [2...3, 6...6, 9...20] { set.insert(range) }
        #expect(set.count == 15)
        #expect(set.missingCount(in: 0...9) == 6)
        #expect((0...6).map { set.missing(at: $0, in: 0...9) } == [0, 1, 4, 5, 7, 8, nil])
        #expect(set.missingCount(in: 3...6) == 2)
        #expect((0...2).map { set.missing(at: $0, in: 3...6) } == [4, 5, nil])
        #expect(set.missingCount(in: 9...20) == 0)
        #expect(set.missing(at: 0, in: 9...20) == nil)
        #expect(set.missing(at: 1, in: 20...30) == 22)
    }

    @Test func `what an empty set lacks is everything`() {
        let set = AddressSet()
        let all = UInt128.min...UInt128.max
        #expect(set.count == 0)
        #expect(!set.contains(0) && !set.contains(.max))
        #expect(set.firstRange(reaching: 0) == nil)
        #expect(set.missingCount(in: all) == .max, "one too few, since the number does not fit")
        #expect(set.missingCount(in: 1...UInt128.max) == .max)
        #expect(set.missing(at: 0, in: all) == 0)
        #expect(set.missing(at: .max, in: all) == .max)
        #expect(set.missing(at: .max, in: 1...UInt128.max) == nil)
        #expect(set.missing(at: .max - 1, in: 1...UInt128.max) == .max)
    }

    @Test func `counts are right up to the whole of the numbers`() {
        let all = UInt128.min...UInt128.max
        var set = AddressSet()
        set.insert(all)
        #expect(set.count == .max, "one too few, since the number does not fit")
        #expect(set.missingCount(in: all) == 0)
        #expect(set.missing(at: 0, in: all) == nil)
        set.remove(.max)
        #expect(set.count == .max)
        #expect(set.missingCount(in: all) == 1)
        #expect(set.missing(at: 0, in: all) == .max)
        #expect(set.missing(at: 1, in: all) == nil)
        set.insert(.max)
        set.remove(.min)
        #expect(set.missingCount(in: all) == 1)
        #expect(set.missing(at: 0, in: all) == .min)
        #expect(set.missingCount(in: 1...UInt128.max) == 0)
        set.remove(all)
        #expect(set.count == 0)
        #expect(set.ranges == [])
        set.insert(.max)
        #expect(set.missingCount(in: all) == .max)
        #expect(set.missing(at: .max - 1, in: all) == UInt128.max - 1)
        #expect(set.missing(at: .max, in: all) == nil)
    }

    @Test func `removing a range cuts what it meets`() {
        var set = AddressSet()
        for range: ClosedRange<UInt128> in [0...9, 20...29, 40...49, 60...69] { set.insert(range) }
        set.remove(5...44)
        #expect(set.ranges == [0...4, 45...49, 60...69])
        set.remove(62...63)
        #expect(set.ranges == [0...4, 45...49, 60...61, 64...69])
        set.remove(5...44)
        set.remove(UInt128(70)...UInt128.max)
        #expect(set.ranges == [0...4, 45...49, 60...61, 64...69])
        set.remove(45...69)
        #expect(set.ranges == [0...4])
    }

    // MARK: - As a value

    @Test func `a copy stays as it was`() {
        var set = AddressSet()
        for number: UInt128 in 0..<10_000 { set.insert(2 * number) }
        let copy = set
        set.insert(10_001)
        set.remove(400)
        set.remove(0...300)
        #expect(copy.count == 10_000)
        #expect(copy.contains(400) && copy.contains(0) && !copy.contains(10_001))
        #expect(copy.ranges.count == 10_000)
        #expect(set != copy)
    }

    @Test func `sets are equal if their numbers are, however they came about`() {
        var ascending = AddressSet()
        var descending = AddressSet()
        for number: UInt128 in 0..<5_000 { ascending.insert(3 * number) }
        for number: UInt128 in (0..<7_000).reversed() { descending.insert(3 * number) }
        #expect(ascending != descending)
        descending.remove(15_000...30_000)
        #expect(ascending == descending)
        #expect(ascending.hashValue == descending.hashValue)
        ascending.remove(0)
        descending.remove(3)
        #expect(ascending != descending)
    }

    // MARK: - Large sets

    @Test(arguments: [0, UInt128.max - 19_999, 1 << 64], [1, 2] as [UInt64])
    func `a large set behaves as a sorted array does`(base: UInt128, seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var set = AddressSet()
        var model = Line(base: base, length: 20_000)
        // It grows until there are thousands of ranges, is then emptied by ones and by ranges, and grows again.
        for phase in 0..<4 {
            for step in 0..<4_000 {
                let number = Int.random(in: 0..<model.length, using: &random)
                let isRange = Int.random(in: 0..<50, using: &random) == 0
                let end = min(model.length - 1, number + (isRange ? Int.random(in: 0...30, using: &random) : 0))
                if Int.random(in: 0..<10, using: &random) < (phase % 2 == 0 ? 9 : 1) {
                    set.insert(model.numbers(number...end))
                    model.set(number...end, to: true)
                } else {
                    // What is in the set, mostly: else little would be removed.
                    let from = Bool.random(using: &random) ? model.next(true, from: number) ?? number : number
                    let upTo = max(from, min(model.length - 1, from + (end - number) * 10))
                    set.remove(model.numbers(from...upTo))
                    model.set(from...upTo, to: false)
                }
                guard step % 1_000 == 999 else { continue }
                model.index()
                let place: Comment = "phase \(phase), step \(step), seed \(seed)"
                #expect(set.ranges == model.ranges, place)
                #expect(set.count == UInt128(model.count(0...model.length - 1)), place)
                for _ in 0..<50 { compare(set, with: model, place, using: &random) }
            }
        }
        set.remove(UInt128.min...UInt128.max)
        #expect(set == AddressSet())
    }

    /// Asks both the same, about a random window.
    private func compare(
        _ set: AddressSet, with model: Line, _ place: Comment, using random: inout SeededGenerator
    ) {
        let ends = [0, 0].map { _ in Int.random(in: 0..<model.length, using: &random) }.sorted()
        let window = Bool.random(using: &random) ? ends[0]...ends[1] : ends[0]...min(ends[0] + 50, model.length - 1)
        let numbers = model.numbers(window)
        #expect(set.contains(numbers.lowerBound) == model.isIn[window.lowerBound], place)
        #expect(
            set.firstRange(reaching: numbers.lowerBound)?.upperBound
                == model.next(true, from: window.lowerBound).map { model.end(of: $0) }, place)
        let missing = window.count - model.count(window)
        #expect(set.missingCount(in: numbers) == UInt128(missing), place)
        #expect(
            set.nextMissing(after: nil, in: numbers)
                == model.next(false, from: window.lowerBound).flatMap { window.contains($0) ? model.number($0) : nil },
            place)
        #expect(set.missing(at: UInt128(missing), in: numbers) == nil, place)
        guard missing > 0 else { return }
        let index = Int.random(in: 0..<missing, using: &random)
        #expect(set.missing(at: UInt128(index), in: numbers) == model.missing(at: index, in: window), place)
    }

    @Test func `windows at both ends of the numbers are exact`() {
        var set = AddressSet()
        // Every second number of the first and the last 20 000.
        for step: UInt128 in 0..<10_000 {
            set.insert(2 * step)
            set.insert(UInt128.max - 2 * step)
        }
        let all = UInt128.min...UInt128.max
        #expect(set.ranges.count == 20_000)
        #expect(set.count == 20_000)
        #expect(set.missingCount(in: all) == UInt128.max - 19_999)
        #expect(set.missingCount(in: 0...19_999) == 10_000)
        #expect(set.missingCount(in: UInt128.max - 19_999...UInt128.max) == 10_000)
        #expect(set.missing(at: 9_999, in: all) == 19_999)
        #expect(set.missing(at: UInt128.max - 19_999, in: all) == nil)
        #expect(set.missing(at: UInt128.max - 20_000, in: all) == UInt128.max - 1)
        #expect(set.missing(at: 0, in: UInt128.max - 1...UInt128.max) == UInt128.max - 1)
        #expect(set.missing(at: 0, in: UInt128.max...UInt128.max) == nil)
        #expect(set.nextMissing(after: .max, in: all) == 1)
        #expect(set.nextMissing(after: .max - 1, in: all) == 1)
        #expect(set.nextMissing(after: .max - 2, in: all) == UInt128.max - 1)
        set.insert(all)
        #expect(set.ranges == [all])
    }

    @Test func `a set that was large and is small again is right`() {
        var set = AddressSet()
        for number: UInt128 in 0..<65_536 { set.insert(2 * number) }
        #expect(set.ranges.count == 65_536)
        for number: UInt128 in 0..<65_535 { set.remove(2 * number) }
        #expect(set.ranges == [131_070...131_070])
        set.insert(0...131_069)
        #expect(set.ranges == [0...131_070])
    }
}

/// A stretch of the numbers, each marked as in the set or not.
private struct Line {
    let base: UInt128
    var isIn: [Bool]
    /// For each place, how many before it are in the set.
    private var before: [Int] = []

    init(base: UInt128, length: Int) {
        self.base = base
        self.isIn = Array(repeating: false, count: length)
    }

    var length: Int { isIn.count }

    func number(_ place: Int) -> UInt128 { base + UInt128(place) }
    func numbers(_ places: ClosedRange<Int>) -> ClosedRange<UInt128> {
        number(places.lowerBound)...number(places.upperBound)
    }

    mutating func set(_ places: ClosedRange<Int>, to value: Bool) {
        for place in places { isIn[place] = value }
    }

    /// To be called before anything is counted.
    mutating func index() {
        before = [0]
        for value in isIn { before.append(before[before.count - 1] + (value ? 1 : 0)) }
    }

    func count(_ places: ClosedRange<Int>) -> Int { before[places.upperBound + 1] - before[places.lowerBound] }

    func next(_ value: Bool, from place: Int) -> Int? {
        // A plain loop: the same by a slice's `firstIndex(of:)` takes seconds in a debug build.
        var place = place
        while place < isIn.count {
            if isIn[place] == value { return place }
            place += 1
        }
        return nil
    }

    /// The last number of the run of members that `place` is in.
    func end(of place: Int) -> UInt128 { number((next(false, from: place) ?? length) - 1) }

    func missing(at index: Int, in places: ClosedRange<Int>) -> UInt128? {
        guard index < places.count - count(places) else { return nil }
        // Where one more than `index` are missing up to there, the first such place.
        var (low, high) = (places.lowerBound, places.upperBound)
        while low < high {
            let middle = (low + high) / 2
            let isFarEnough = middle - places.lowerBound + 1 - count(places.lowerBound...middle) > index
            if isFarEnough { high = middle } else { low = middle + 1 }
        }
        return number(low)
    }

    var ranges: [ClosedRange<UInt128>] {
        var ranges: [ClosedRange<UInt128>] = []
        var place = 0
        while place < length, let start = next(true, from: place) {
            ranges.append(number(start)...end(of: start))
            place = (next(false, from: start) ?? length)
        }
        return ranges
    }
}
