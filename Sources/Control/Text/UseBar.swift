// SPDX-License-Identifier: Apache-2.0

/// A pool's use in a line: `####++....  42%`. Used, kept (sticky, quarantined or reserved), free.
struct UseBar {
    private let pool: PoolStatus
    private let width: Int

    init(_ pool: PoolStatus, width: Int) {
        self.pool = pool
        self.width = width
    }

    /// The part of the allocatable addresses that is held, from 0 to 1. Of none all are.
    private var share: Double { part(inside) }
    private var inside: UInt128 { pool.used - min(pool.used, pool.usedOutside) }

    private func part(_ count: UInt128) -> Double {
        pool.allocatable == 0 ? 1 : min(1, Double(count) / Double(pool.allocatable))
    }

    var text: String {
        let used = length(of: inside, within: width)
        let kept = length(of: pool.sticky + pool.quarantined + pool.reserved, within: width - used)
        let bar = [("#", used), ("+", kept), (".", width - used - kept)]
        return bar.map { String(repeating: $0, count: $1) }.joined() + " " + percent
    }

    var ink: Ink {
        switch share {
        case 0.9...: .red
        case 0.75...: .yellow
        default: .green
        }
    }

    /// A few are not none, and not all are all.
    private func length(of count: UInt128, within rest: Int) -> Int {
        guard pool.allocatable > 0 else { return rest }
        return count == 0 ? 0 : min(rest, max(1, Int(Double(width) * part(count))))
    }

    /// Four characters.
    private var percent: String {
        let percent = Int(share * 100)
        let text = percent == 0 && inside > 0 ? "<1%" : "\(percent)%"
        return String(repeating: " ", count: 4 - text.count) + text
    }
}
