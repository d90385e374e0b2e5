// SPDX-License-Identifier: Apache-2.0

extension JSONValue {
    /// The members of an object that a type does not know by name, as they came.
    public static func members<Known: CodingKey>(
        of decoder: any Decoder, besides known: Known.Type
    ) throws -> [String: JSONValue] {
        let container = try decoder.container(keyedBy: MemberName.self)
        var members: [String: JSONValue] = [:]
        for name in container.allKeys where Known(stringValue: name.stringValue) == nil {
            members[name.stringValue] = try container.decode(JSONValue.self, forKey: name)
        }
        return members
    }
}

private struct MemberName: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) {
        self.stringValue = stringValue
    }

    init?(intValue: Int) {
        nil
    }
}
