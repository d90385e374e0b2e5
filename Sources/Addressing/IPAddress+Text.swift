// SPDX-License-Identifier: Apache-2.0

extension IPAddress: StringCodable {
    /// Accepts dotted decimal without leading zeros, and every IPv6 form of RFC 4291 section 2.2.
    ///
    /// Zone ids are refused: they mean something on one host only.
    public init?(_ description: String) {
        var rest = description.utf8[...]
        self.init(takenFrom: &rest)
        guard rest.isEmpty else { return nil }
    }

    /// Takes an address from the front of a text.
    init?(takenFrom rest: inout Substring.UTF8View) {
        if let bits = rest.popIPv4() {
            self.init(v4: bits)
        } else if let bits = rest.popIPv6() {
            self.init(v6: bits)
        } else {
            return nil
        }
    }

    /// Dotted decimal, or the canonical IPv6 form of RFC 5952.
    public var description: String {
        var text: [UInt8] = []
        text.reserveCapacity(39)
        switch family {
        case .v4: text.append(ipv4: UInt32(truncatingIfNeeded: bits))
        case .v6: text.append(ipv6: bits)
        }
        return String(decoding: text, as: UTF8.self)
    }
}

extension Substring.UTF8View {
    /// Takes four decimal numbers with dots between.
    fileprivate mutating func popIPv4() -> UInt32? {
        var rest = self
        var bits: UInt32 = 0
        for position in 0..<4 {
            guard position == 0 || rest.pop(UInt8(ascii: ".")), let octet = rest.popDecimal(upTo: 255) else {
                return nil
            }
            bits = bits << 8 | UInt32(octet)
        }
        self = rest
        return bits
    }

    /// Takes eight groups of hexadecimal digits with colons between, where `::` stands once for one or more
    /// groups of zero and the last two groups may be dotted decimal.
    fileprivate mutating func popIPv6() -> UInt128? {
        let colon = UInt8(ascii: ":")
        var rest = self
        /// The groups since the start or the gap, and how many they are.
        var (run, runCount): (UInt128, Int) = (0, 0)
        /// The groups before the gap, once it was seen.
        var head: (bits: UInt128, count: Int)?

        while runCount + (head?.count ?? 0) < 8 {
            if rest.starts(with: [colon, colon]) {
                guard head == nil else { return nil }
                rest.removeFirst(2)
                head = (run, runCount)
                (run, runCount) = (0, 0)
            } else if runCount > 0 {
                guard rest.pop(colon) else { break }
            }
            let room = 8 - runCount - (head?.count ?? 0)
            if room >= 2, let bits = rest.popIPv4() {
                run = run << 32 | UInt128(bits)
                runCount += 2
                break
            } else if let group = rest.popHexGroup() {
                run = run << 16 | UInt128(group)
                runCount += 1
            } else {
                // Only a gap may end the text here.
                guard head != nil, runCount == 0 else { return nil }
                break
            }
        }

        if let head {
            guard head.count + runCount < 8 else { return nil }
            run |= head.bits << UInt128(16 * (8 - head.count))
        } else {
            guard runCount == 8 else { return nil }
        }
        self = rest
        return run
    }
}

extension [UInt8] {
    fileprivate mutating func append(ipv4 bits: UInt32) {
        for shift in [24, 16, 8, 0] as [UInt32] {
            append(contentsOf: String(bits >> shift & 0xff).utf8)
            if shift > 0 { append(UInt8(ascii: ".")) }
        }
    }

    fileprivate mutating func append(ipv6 bits: UInt128) {
        // RFC 5952 section 5: an IPv4-mapped address is written as such.
        if bits >> 32 == 0xffff {
            append(contentsOf: "::ffff:".utf8)
            append(ipv4: UInt32(truncatingIfNeeded: bits))
            return
        }
        let groups = (0..<8).map { UInt16(truncatingIfNeeded: bits >> UInt128(16 * (7 - $0))) }
        let gap = Self.longestZeroRun(in: groups)
        for (index, group) in groups.enumerated() {
            if let gap, gap.contains(index) {
                if index == gap.lowerBound { append(contentsOf: "::".utf8) }
                continue
            }
            if index > 0, index != gap?.upperBound { append(UInt8(ascii: ":")) }
            append(contentsOf: String(group, radix: 16).utf8)
        }
    }

    /// The first of the longest runs of two or more zeros: one zero alone is written as `0`.
    private static func longestZeroRun(in groups: [UInt16]) -> Range<Int>? {
        var best: Range<Int>?
        var start = 0
        while start < groups.count {
            var end = start
            while end < groups.count, groups[end] == 0 { end += 1 }
            if end - start >= 2, end - start > best?.count ?? 0 { best = start..<end }
            start = end + 1
        }
        return best
    }
}
