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
