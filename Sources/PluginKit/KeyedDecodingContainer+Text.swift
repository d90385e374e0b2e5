// SPDX-License-Identifier: Apache-2.0

extension KeyedDecodingContainer {
    /// A value that is written as text, or nil for null, absence and `""`.
    ///
    /// A JSON decoder makes a decoder for each value of a type that it does not know; text it just gives. What is no value
    /// is left to the type's own decoding, which has the words.
    public func decodeTextIfPresent<Value: LosslessStringConvertible & Decodable>(
        _ type: Value.Type, forKey key: Key
    ) throws -> Value? {
        guard let text = try decodeIfPresent(String.self, forKey: key), !text.isEmpty else { return nil }
        return try Value(text) ?? decode(type, forKey: key)
    }
}
