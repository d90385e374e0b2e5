// SPDX-License-Identifier: Apache-2.0

extension Duration {
    /// Takes a whole number of at most nine digits and a unit: `90s`, `10m`, `24h`, `7d`.
    public init?(text: String) {
        var rest = text.utf8[...]
        guard let number = rest.popDecimal(upTo: 999_999_999), let unit = rest.popFirst(), rest.isEmpty,
            let seconds = Self.units.first(where: { $0.letter == unit })?.seconds
        else { return nil }
        self = .seconds(Int64(number) * seconds)
    }

    /// The text in the largest unit of which there is a whole number, such as `90s` or `2d`. Fractions of a second are
    /// left out.
    public var text: String {
        let whole = components.seconds
        for unit in Self.units where whole != 0 && whole % unit.seconds == 0 {
            return "\(whole / unit.seconds)\(UnicodeScalar(unit.letter))"
        }
        return "0s"
    }

    /// The largest first.
    private static var units: [(letter: UInt8, seconds: Int64)] {
        [
            (UInt8(ascii: "d"), 86_400), (UInt8(ascii: "h"), 3_600), (UInt8(ascii: "m"), 60), (UInt8(ascii: "s"), 1),
        ]
    }
}
