// SPDX-License-Identifier: Apache-2.0

/// A value that is something even if the request has nothing: a list, a map, a set of options.
public protocol EmptyInitializable {
    init()
}

extension Array: EmptyInitializable {}
extension Dictionary: EmptyInitializable {}

/// A list or a map that the engine may write as null or leave out when it is empty.
@propertyWrapper
public struct EmptyIfNull<Value: EmptyInitializable & Codable & Hashable & Sendable>: Codable, Hashable, Sendable {
    public var wrappedValue: Value

    public init(wrappedValue: Value) {
        self.wrappedValue = wrappedValue
    }

    public init(from decoder: any Decoder) throws {
        wrappedValue = try Value(from: decoder)
    }

    public func encode(to encoder: any Encoder) throws {
        try wrappedValue.encode(to: encoder)
    }
}

// What the compiler writes for a type with such a property calls these two.

extension KeyedDecodingContainer {
    public func decode<Value>(_ type: EmptyIfNull<Value>.Type, forKey key: Key) throws -> EmptyIfNull<Value> {
        EmptyIfNull(wrappedValue: try decodeIfPresent(Value.self, forKey: key) ?? Value())
    }
}

extension KeyedEncodingContainer {
    public mutating func encode<Value>(_ value: EmptyIfNull<Value>, forKey key: Key) throws {
        try encode(value.wrappedValue, forKey: key)
    }
}
