// SPDX-License-Identifier: Apache-2.0

extension KeyedDecodingContainer {
    /// A whole number. One that does not fit is refused with the field's name, which the JSON decoder would not give.
    public func decodeNumber<Number: FixedWidthInteger>(_ type: Number.Type, forKey key: Key) throws -> Number {
        // Nearly every one fits, and is read much faster as what it is than as a Double.
        if let number = (try? decode(Int.self, forKey: key)).flatMap(Number.init(exactly:)) { return number }
        let value = try decode(Double.self, forKey: key)
        guard let number = Number(exactly: value) else {
            throw DecodingError.dataCorruptedError(
                forKey: key, in: self,
                debugDescription: "expected a whole number from \(Number.min) to \(Number.max)")
        }
        return number
    }
}
