// SPDX-License-Identifier: Apache-2.0

import Foundation
public import PluginKit

extension JSONValue {
    /// Without members that are null, `""`, `[]` or `{}`: the protocol means the same by all of them and by none.
    public var withoutEmpty: JSONValue {
        switch self {
        case .object(let members):
            .object(members.mapValues(\.withoutEmpty).filter { !$0.value.isEmpty })
        case .list(let elements):
            .list(elements.map(\.withoutEmpty))
        default:
            self
        }
    }

    private var isEmpty: Bool {
        self == .null || self == .string("") || self == .list([]) || self == .object([:])
    }

    public init(encoding value: some Encodable) throws {
        self = try JSONDecoder().decode(JSONValue.self, from: JSONEncoder().encode(value))
    }

    public func decoded<Value: Decodable>(as type: Value.Type) throws -> Value {
        try JSONDecoder().decode(type, from: JSONEncoder().encode(self))
    }
}
