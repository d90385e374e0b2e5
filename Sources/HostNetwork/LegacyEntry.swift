// SPDX-License-Identifier: Apache-2.0

/// A rule of legacy iptables, as the kernel gives it: `struct ipt_entry` or `struct ip6t_entry`, its matches, its target.
struct LegacyEntry: Hashable {
    /// Offsets and sizes in bytes.
    struct Form: Hashable {
        /// Size of what is said of the packet's addresses, links and protocol, with which it begins.
        let address: Int
        let targetOffset: Int
        let size: Int
    }

    enum Verdict: Hashable {
        case accept
        case drop
        /// A jump, or a target that is no verdict.
        case other
    }

    let verdict: Verdict
    /// Whether it accepts what has plugind's mark, and asks for nothing else.
    let acceptsMark: Bool
    /// With its matches and its target: the next one is so far away.
    let size: Int

    /// Nil if it does not end where `bytes` do.
    init?(_ bytes: [UInt8], at start: Int, _ form: Form) {
        guard start >= 0, start + form.size <= bytes.count else { return nil }
        let offsets = bytes.number(at: start + form.targetOffset)
        let target = offsets & 0xFFFF
        size = offsets >> 16
        guard target >= form.size, target + Self.headSize + 4 <= size, start + size <= bytes.count else { return nil }
        verdict = Self.verdict(bytes, at: start + target)
        // The address part is all zero where it asks for nothing.
        let isForAll = bytes[start..<start + form.address].allSatisfy { $0 == 0 }
        acceptsMark =
            verdict == .accept && isForAll && Self.isMark(bytes[(start + form.size)..<(start + target)])
    }

    /// struct xt_entry_match and xt_entry_target: a size of two bytes, a name of 29, a revision.
    private static let headSize = 32

    /// The target without a name is a verdict: one less than nothing, less the number of NF_DROP (0) or NF_ACCEPT (1).
    private static func verdict(_ bytes: [UInt8], at start: Int) -> Verdict {
        guard bytes[start + 2] == 0 else { return .other }
        return switch Int32(truncatingIfNeeded: bytes.number(at: start + headSize)) {
        case -1: .drop
        case -2: .accept
        default: .other
        }
    }

    /// Whether it is one match alone, for plugind's mark: struct xt_mark_mtinfo1 has mark, mask and whether it is inverted.
    private static func isMark(_ match: ArraySlice<UInt8>) -> Bool {
        let bytes = Array(match)
        guard bytes.count >= headSize + 9, bytes.number(at: 0) & 0xFFFF == bytes.count,
            bytes[2..<7].elementsEqual("mark\0".utf8), bytes[headSize - 1] == 1
        else { return false }
        return bytes.number(at: headSize) == Int(Ruleset.mark) && bytes.number(at: headSize + 4) == Int(Ruleset.mark)
            && bytes[headSize + 8] == 0
    }
}
