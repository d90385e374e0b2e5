// SPDX-License-Identifier: Apache-2.0

import Addressing
import TestSupport
import Testing

@testable import IPAM

@Suite("Offsets that are never chosen")
struct PoolOptionsOffsetTests {
    struct Case: CustomTestStringConvertible {
        var pool: String
        var subPool = ""
        var ranges = ""
        var exclude = ""
        var closed: [ClosedRange<UInt128>]
        var excluded: UInt128 = 0

        var testDescription: String { "\(pool) ip range ‘\(subPool)’ ranges ‘\(ranges)’ exclude ‘\(exclude)’" }
    }

    static let cases: [Case] = [
        // Nothing said: what no link can have.
        Case(pool: "10.0.0.0/24", closed: [0...0, 255...255]),
        Case(pool: "fd00::/64", closed: [0...0]),
        Case(pool: "10.0.0.0/31", closed: []),
        Case(pool: "10.0.0.0/32", closed: []),
        Case(pool: "fd00::/127", closed: []),
        Case(pool: "fd00::/128", closed: []),
        // The ip range, and ranges in it and beside it.
        Case(pool: "10.0.0.0/24", subPool: "10.0.0.128/25", closed: [0...127, 255...255]),
        Case(
            pool: "10.0.0.0/24", subPool: "10.0.0.128/25", ranges: "10.0.0.100-10.0.0.140,10.0.0.10",
            closed: [0...127, 141...255]),
        Case(
            pool: "10.0.0.0/24", ranges: "10.0.0.128/26,10.0.0.10-10.0.0.99", closed: [0...9, 100...127, 192...255]),
        // Nothing is between ranges that touch.
        Case(pool: "10.0.0.0/24", ranges: "10.0.0.10-10.0.0.19,10.0.0.20-10.0.0.29", closed: [0...9, 30...255]),
        // Exclusions over one another, of everything, of what nobody can have, and partly beside the ranges.
        Case(
            pool: "10.0.0.0/24", exclude: "10.0.0.1-10.0.0.9,10.0.0.5-10.0.0.20", closed: [0...20, 255...255],
            excluded: 20),
        Case(pool: "10.0.0.0/24", exclude: "10.0.0.0/24", closed: [0...255], excluded: 254),
        Case(pool: "10.0.0.0/24", exclude: "10.0.0.0,10.0.0.255", closed: [0...0, 255...255]),
        Case(
            pool: "10.0.0.0/24", ranges: "10.0.0.10-10.0.0.19", exclude: "10.0.0.15-10.0.0.200",
            closed: [0...9, 15...255], excluded: 5),
        Case(
            pool: "10.0.0.0/24", subPool: "10.0.0.0/28", ranges: "10.0.0.10-10.0.0.19",
            exclude: "10.0.0.15-10.0.0.200", closed: [0...9, 15...255], excluded: 1),
        Case(pool: "10.0.0.0/31", ranges: "10.0.0.1", closed: [0...0]),
        Case(pool: "10.0.0.0/31", exclude: "10.0.0.1", closed: [1...1], excluded: 1),
        Case(pool: "10.0.0.0/32", exclude: "10.0.0.0", closed: [0...0], excluded: 1),
        Case(pool: "fd00::/127", ranges: "fd00::", closed: [1...1]),
        Case(pool: "fd00::/127", exclude: "fd00::/127", closed: [0...1], excluded: 2),
        // Huge ones.
        Case(
            pool: "10.0.0.0/8", ranges: "10.128.0.0/9", exclude: "10.255.255.0/24",
            closed: [0...8_388_607, 16_776_960...16_777_215], excluded: 255),
        Case(
            pool: "10.0.0.0/8", exclude: "10.0.0.0/9", closed: [0...8_388_607, 16_777_215...16_777_215],
            excluded: 8_388_607),
        Case(
            pool: "fd00::/16", ranges: "fd00:8000::/17", exclude: "fd00:8000::",
            closed: [0...1 << 111], excluded: 1),
        Case(
            pool: "fd00::/16", subPool: "fd00:8000::/17", exclude: "fd00:c000::/18",
            closed: [0...(1 << 111) - 1, 3 << 110...(1 << 112) - 1], excluded: 1 << 110),
        Case(pool: "fd00::/16", exclude: "fd00::/16", closed: [0...(1 << 112) - 1], excluded: (1 << 112) - 1),
        Case(pool: "::/0", exclude: "::/0", closed: [0...UInt128.max], excluded: .max),
        Case(pool: "::/0", ranges: "8000::/1", exclude: "::/1", closed: [0...(1 << 127) - 1]),
        Case(
            pool: "::/0", exclude: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            closed: [0...0, UInt128.max...UInt128.max], excluded: 1),
        // The highest prefixes there are.
        Case(pool: "255.255.255.0/24", ranges: "255.255.255.250-255.255.255.255", closed: [0...249, 255...255]),
        Case(
            pool: "ffff:ffff:ffff:ffff::/64", exclude: "ffff:ffff:ffff:ffff:8000::/65",
            closed: [0...0, 1 << 63...(1 << 64) - 1], excluded: 1 << 63),
    ]

    @Test(arguments: cases)
    func `closed is what is not chosen from, and the exclusions`(example: Case) throws {
        let prefix = try #require(Prefix(example.pool))
        var values: [String: String] = [:]
        if !example.ranges.isEmpty { values["plugind.ranges"] = example.ranges }
        if !example.exclude.isEmpty { values["plugind.exclude"] = example.exclude }
        let options = try PoolOptions(values, family: prefix.family, defaults: PoolOptions())
        let subPool = Prefix(example.subPool)
        try options.check(against: prefix, subPool: subPool)
        #expect(options.closed(in: prefix, subPool: subPool) == example.closed)
        #expect(options.excludedCount(in: prefix, subPool: subPool) == example.excluded)
    }

    @Test(
        arguments: [
            "10.0.0.0/24", "0.0.0.0/25", "255.255.255.192/26", "10.0.0.8/29", "10.0.0.4/30", "10.0.0.2/31",
            "10.0.0.1/32", "fd00::/120", "::/122", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0/124", "fd00::4/126",
            "fd00::2/127", "fd00::1/128",
        ], [1, 2, 3] as [UInt64])
    func `each address of a small pool is closed or open as asked one by one`(pool: String, seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let prefix = try #require(Prefix(pool))
        let usable = Pool.usable(of: prefix)
        for round in 0..<200 {
            var options = PoolOptions()
            options.ranges = ranges(atMost: 4, around: prefix, using: &random)
            options.exclude = ranges(atMost: 4, around: prefix, using: &random)
            let subPool = subPool(of: prefix, using: &random)

            var closed: [UInt128] = []
            var excluded: UInt128 = 0
            for offset in 0...prefix.hostMask {
                let address = try #require(IPAddress(family: prefix.family, bits: prefix.base.bits + offset))
                let isChosenFrom =
                    usable.contains(offset) && subPool?.contains(address) ?? true
                    && (options.ranges.isEmpty || options.ranges.contains { $0.contains(address) })
                let isExcluded = options.exclude.contains { $0.contains(address) }
                if isExcluded || !isChosenFrom { closed.append(offset) }
                if isExcluded && isChosenFrom { excluded += 1 }
            }

            let result = options.closed(in: prefix, subPool: subPool)
            #expect(result.flatMap(Array.init) == closed, "round \(round), seed \(seed)")
            #expect(zip(result, result.dropFirst()).allSatisfy { $0.upperBound + 1 < $1.lowerBound })
            #expect(options.excludedCount(in: prefix, subPool: subPool) == excluded, "round \(round), seed \(seed)")
        }
    }

    /// Ranges that may overlap, and reach beyond the prefix or lie beside it.
    private func ranges(
        atMost limit: Int, around prefix: Prefix, using random: inout SeededGenerator
    ) -> [AddressRange] {
        let highest: UInt128 = prefix.family == .v4 ? UInt128(UInt32.max) : .max
        let low = prefix.first.bits - min(prefix.first.bits, 3)
        let high = prefix.last.bits + min(highest - prefix.last.bits, 3)
        return (0..<Int.random(in: 0...limit, using: &random)).compactMap { _ in
            let ends = [UInt128.random(in: low...high, using: &random), UInt128.random(in: low...high, using: &random)]
                .sorted().compactMap { IPAddress(family: prefix.family, bits: $0) }
            return ends.count == 2 ? ends[0]...ends[1] : nil
        }
    }

    /// None, or a block of the prefix, in which no address need be usable.
    private func subPool(of prefix: Prefix, using random: inout SeededGenerator) -> Prefix? {
        guard Bool.random(using: &random) else { return nil }
        let offset = UInt128.random(in: 0...prefix.hostMask, using: &random)
        let length = Int.random(in: prefix.length...prefix.family.width, using: &random)
        return IPAddress(family: prefix.family, bits: prefix.base.bits + offset)
            .flatMap { Prefix(containing: $0, length: length) }
    }
}
