// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials

/// Where JSON becomes values and values become JSON.
enum JSONDoor {
    // A coder keeps nothing of one call for the next; both classes are Sendable.
    private static let decoder = JSONDecoder()
    private static let encoder: JSONEncoder = {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }()

    static func decode<Method: PluginMethod>(_ method: Method.Type, from body: [UInt8]) throws -> Method {
        guard Method.hasArguments else {
            return try decoder.decode(method, from: emptyObject)
        }
        // The engine repeats a request whose answer was lost with an empty body, so this is normal input.
        let isEmpty = body.allSatisfy { $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: " ") }
        do {
            let request = try decoder.decode(method, from: isEmpty ? emptyObject : Data(body))
            guard !isEmpty else {
                throw BadRequest(text: "\(Method.name): the request body is empty")
            }
            return request
        } catch let error as DecodingError {
            let sentence = error.sentence ?? explainUnplaced(body)
            throw BadRequest(text: isEmpty ? "\(Method.name): the request body is empty; \(sentence)" : sentence)
        }
    }

    static func encode(_ value: some Encodable) throws -> [UInt8] {
        // The answer to most calls.
        if value is EmptyReply { return emptyReply }
        return Array(try encoder.encode(value))
    }

    private static let emptyObject = Data("{}".utf8)
    private static let emptyReply = Array("{}".utf8)

    /// The decoder calls a number that does not fit "not valid JSON" and does not say where it is.
    private static func explainUnplaced(_ body: [UInt8]) -> String {
        let isJSON = (try? decoder.decode(JSONValue.self, from: Data(body))) != nil
        return isJSON ? "a number in the request body is out of range" : "the request body is not valid JSON"
    }
}

/// A request that cannot be understood, in words for the person who typed `docker`.
struct BadRequest: Error, Hashable, CustomStringConvertible {
    let text: String

    var description: String { text }
}
