// SPDX-License-Identifier: Apache-2.0

/// A value whose JSON form is exactly its description.
///
/// The conformer gives `init?(_:)` and `description`; coding follows from these two.
public protocol StringCodable: Codable, LosslessStringConvertible {}

extension StringCodable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let value = Self(text) else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "‘\(text)’ is not a valid \(Self.self)")
        }
        self = value
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

// What the compiler writes for a type with such a property calls this.

extension KeyedDecodingContainer {
    /// A JSON decoder makes a decoder for each value of a type that it does not know; text it just gives. What is no value
    /// is left to the type's own decoding, which has the words.
    public func decode<Value: StringCodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        try Value(decode(String.self, forKey: key)) ?? decodeByItself(type, forKey: key)
    }

    private func decodeByItself<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        try decode(type, forKey: key)
    }
}
