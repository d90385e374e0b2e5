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
        var model: Set<UInt128> = []
        let universe = (0...63).map { base + $0 }
        for step in 0..<3_000 {
            let number = base + UInt128.random(in: 0...63, using: &random)
            let other = base + UInt128.random(in: 0...63, using: &random)
            let window = min(number, other)...max(number, other)
            switch Int.random(in: 0..<8, using: &random) {
            case 0...2:
                set.insert(number)
                model.insert(number)
            case 3:
                let end = base + min(63, number - base + UInt128.random(in: 0...4, using: &random))
                set.insert(number...end)
                model.formUnion(universe.filter { (number...end).contains($0) })
            default:
                set.remove(number)
                model.remove(number)
            }
            let members = set.ranges.flatMap { range in universe.filter { range.contains($0) } }
            #expect(members == model.sorted(), "step \(step), seed \(seed)")
            #expect(zip(set.ranges, set.ranges.dropFirst()).allSatisfy { $0.upperBound + 1 < $1.lowerBound })
            #expect(set.contains(other) == model.contains(other))

            let cursor = Bool.random(using: &random) ? base + UInt128.random(in: 0...63, using: &random) : nil
            let inOrder = universe.filter { window.contains($0) }
            let start = cursor.flatMap { inOrder.firstIndex(of: $0) }.map { $0 + 1 } ?? 0
            let expected = (inOrder[start...] + inOrder[..<start]).first { !model.contains($0) }
            #expect(set.nextMissing(after: cursor, in: window) == expected, "step \(step), seed \(seed)")
        }
    }
}
