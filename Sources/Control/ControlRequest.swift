// SPDX-License-Identifier: Apache-2.0

import PluginKit

/// A request of the control API whose path is known.
struct ControlRequest: Sendable {
    /// What the path has in place of each `{name}`, decoded.
    let parameters: [String: String]
    /// What follows the path's question mark, decoded.
    let query: [String: String]
    let body: [UInt8]

    /// The value that the path has in place of `{name}`.
    func parameter<Value: LosslessStringConvertible>(_ name: String, as what: String) throws -> Value {
        let text = parameters[name] ?? ""
        guard let value = Value(text) else {
            throw ControlError.badRequest("‘\(text)’ in the path is not \(what)")
        }
        return value
    }

    /// The value of a parameter after the question mark; nil if it is not there.
    func query<Value: LosslessStringConvertible>(_ name: String, as what: String) throws -> Value? {
        guard let text = query[name] else { return nil }
        guard let value = Value(text) else {
            throw ControlError.badRequest("parameter \(name): ‘\(text)’ is not \(what)")
        }
        return value
    }

    /// Whether a parameter after the question mark is `true`. One that is not there is `false`.
    func isSet(_ name: String) throws -> Bool {
        try query(name, as: "true or false") ?? false
    }

    /// The body as a value.
    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        guard !body.isEmpty else {
            throw ControlError.badRequest("the request body is empty")
        }
        do {
            return try ControlAPI.decode(type, from: body)
        } catch let error as DecodingError {
            let isJSON = (try? ControlAPI.decode(JSONValue.self, from: body)) != nil
            throw ControlError.badRequest(
                isJSON ? error.words(of: "the request body") : "the request body is not valid JSON")
        }
    }
}
