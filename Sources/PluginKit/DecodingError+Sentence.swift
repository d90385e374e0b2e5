// SPDX-License-Identifier: Apache-2.0

extension DecodingError {
    /// What is wrong with the request, the field first: `Interface.Address: ‘10.0.0.300/24’ is not a valid …`.
    /// Nil if the decoder does not know the field.
    public var sentence: String? { sentence(of: "the request body") }

    /// The same of something else than a request; if nothing is known of a field, what the decoder said of the whole.
    public func words(of whole: String) -> String {
        if let sentence = sentence(of: whole) { return sentence }
        guard case .dataCorrupted(let context) = self else { return "\(self)" }
        return context.debugDescription
    }

    private func sentence(of whole: String) -> String? {
        switch self {
        case .keyNotFound(let key, let context):
            "field \(Self.path(context.codingPath + [key], whole)) is missing"
        case .valueNotFound(let type, let context):
            "\(Self.path(context.codingPath, whole)): expected \(Self.words(for: type)), found null"
        case .typeMismatch(let type, let context):
            "\(Self.path(context.codingPath, whole)): expected \(Self.words(for: type))"
        case .dataCorrupted(let context) where !context.codingPath.isEmpty:
            "\(Self.path(context.codingPath, whole)): \(context.debugDescription)"
        case .dataCorrupted:
            nil
        @unknown default:
            nil
        }
    }

    /// `Options.com.docker.network.portmap[0].Proto`
    private static func path(_ keys: [any CodingKey], _ whole: String) -> String {
        guard !keys.isEmpty else {
            return whole
        }
        return keys.reduce(into: "") { path, key in
            // An element of a list; a map's key may be a number too.
            if let index = key.intValue, key.stringValue == "Index \(index)" {
                path += "[\(index)]"
            } else {
                path += path.isEmpty ? key.stringValue : ".\(key.stringValue)"
            }
        }
    }

    private static func words(for type: any Any.Type) -> String {
        switch type {
        case is String.Type: "a string"
        case is Bool.Type: "true or false"
        case is any Numeric.Type: "a number"
        case is any JSONObject.Type: "an object"
        case is any JSONList.Type: "a list"
        default: "another type"
        }
    }
}

// The decoder names a container by the Swift type it would become: Array<Any> or Dictionary<String, Any>.
private protocol JSONObject {}
private protocol JSONList {}
extension Dictionary: JSONObject {}
extension Array: JSONList {}
