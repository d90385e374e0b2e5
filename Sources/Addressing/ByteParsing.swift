// SPDX-License-Identifier: Apache-2.0

/// What the parsers of this module read from the front of a text, byte by byte.
extension Substring.UTF8View {
    /// Takes `byte` if it is next.
    mutating func pop(_ byte: UInt8) -> Bool {
        guard first == byte else { return false }
        removeFirst()
        return true
    }

    /// Takes a decimal number without sign or leading zeros, or nothing if it would be above `limit`.
    mutating func popDecimal(upTo limit: Int) -> Int? {
        var rest = self
        guard let lead = rest.popFirst(), let leadDigit = lead.decimalDigit else { return nil }
        var value = leadDigit
        while let digit = rest.first?.decimalDigit {
            guard value != 0 else { return nil }
            value = value * 10 + digit
            guard value <= limit else { return nil }
            rest.removeFirst()
        }
        guard value <= limit else { return nil }
        self = rest
        return value
    }

    /// Takes one to four hexadecimal digits of either case; more than four are an error, not a second number.
    mutating func popHexGroup() -> UInt16? {
        var rest = self
        var value: UInt16 = 0
        var count = 0
        while let digit = rest.first?.hexDigit {
            guard count < 4 else { return nil }
            value = value << 4 | UInt16(digit)
            count += 1
            rest.removeFirst()
        }
        guard count > 0 else { return nil }
        self = rest
        return value
    }

    /// Takes exactly two hexadecimal digits of either case.
    mutating func popHexByte() -> UInt8? {
        var rest = self
        guard let high = rest.popFirst()?.hexDigit, let low = rest.popFirst()?.hexDigit else { return nil }
        self = rest
        return high << 4 | low
    }
}

extension UInt8 {
    fileprivate var decimalDigit: Int? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(self - UInt8(ascii: "0"))
        default: nil
        }
    }

    fileprivate var hexDigit: UInt8? {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): self - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): self - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): self - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
