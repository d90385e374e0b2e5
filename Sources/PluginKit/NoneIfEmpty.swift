// SPDX-License-Identifier: Apache-2.0

/// A value that the protocol writes as text, with `""` for none.
///
/// Null and absence are read as none too; none is not written at all, which the engine reads as `""`.
@propertyWrapper
public struct NoneIfEmpty<Value: LosslessStringConvertible & Codable & Hashable & Sendable>: Codable, Hashable, Sendable
{
    public var wrappedValue: Value?

    public init(wrappedValue: Value?) {
        self.wrappedValue = wrappedValue
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        wrappedValue = try container.decode(String.self).isEmpty ? nil : container.decode(Value.self)
    }

    public func encode(to encoder: any Encoder) throws {
        try (wrappedValue?.description ?? "").encode(to: encoder)
    }
}

// What the compiler writes for a type with such a property calls these two.

extension KeyedDecodingContainer {
    public func decode<Value>(_ type: NoneIfEmpty<Value>.Type, forKey key: Key) throws -> NoneIfEmpty<Value> {
        NoneIfEmpty(wrappedValue: try decodeTextIfPresent(Value.self, forKey: key))
    }
}

extension KeyedEncodingContainer {
    public mutating func encode<Value>(_ value: NoneIfEmpty<Value>, forKey key: Key) throws {
        try encodeIfPresent(value.wrappedValue?.description, forKey: key)
    }
}
