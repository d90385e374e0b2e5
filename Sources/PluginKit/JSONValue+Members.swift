// SPDX-License-Identifier: Apache-2.0

/// The name of a member of an object: one that a type knows, or any other.
public enum MemberKey<Known: CodingKey>: CodingKey {
    case known(Known)
    case other(String)

    public init(stringValue: String) {
        self = Known(stringValue: stringValue).map(Self.known) ?? .other(stringValue)
    }

    public init?(intValue: Int) {
        nil
    }

    public var stringValue: String {
        switch self {
        case .known(let key): key.stringValue
        case .other(let name): name
        }
    }

    public var intValue: Int? { nil }
}

extension KeyedDecodingContainer {
    /// The members of an object that a type does not know by name, as they came.
    public func decodeOthers<Known>() throws -> [String: JSONValue] where Key == MemberKey<Known> {
        var members: [String: JSONValue] = [:]
        for case .other(let name) in allKeys {
            members[name] = try decode(JSONValue.self, forKey: .other(name))
        }
        return members
    }
}

extension JSONValue {
    /// The members of an object that a type does not know by name, as they came.
    public static func members<Known: CodingKey>(
        of decoder: any Decoder, besides known: Known.Type
    ) throws -> [String: JSONValue] {
        try decoder.container(keyedBy: MemberKey<Known>.self).decodeOthers()
    }
}
