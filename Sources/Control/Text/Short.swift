// SPDX-License-Identifier: Apache-2.0

extension UInt128 {
    /// In six characters at most: `65536`, `16.7M`, `1.8e19`. What is left over is cut off.
    var short: String {
        let units: [(letter: String, size: UInt128)] = [
            ("T", 1_000_000_000_000), ("G", 1_000_000_000), ("M", 1_000_000),
        ]
        guard self >= 1_000_000 else { return "\(self)" }
        guard self < 1_000_000_000_000_000, let unit = units.first(where: { self >= $0.size }) else {
            let digits = Array("\(self)")
            return "\(digits[0]).\(digits[1])e\(digits.count - 1)"
        }
        let tenths = self / (unit.size / 10)
        return tenths < 1000 ? "\(tenths / 10).\(tenths % 10)\(unit.letter)" : "\(tenths / 10)\(unit.letter)"
    }
}

extension Duration {
    /// A time to come, in seven characters at most: `12 min`, `36 h`, `20 d`, `> 1 y`.
    var short: String {
        let seconds = components.seconds
        return switch seconds {
        case ..<60: "< 1 min"
        case ..<7200: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3600) h"
        case ..<31_536_000: "\(seconds / 86_400) d"
        default: "> 1 y"
        }
    }
}
