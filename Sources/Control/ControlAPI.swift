// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials

/// The control API: HTTP/1.1 and JSON on a unix socket of its own, for the host's administrator and plugind's commands.
///
/// Each path begins with the version. Names in JSON are in camelCase, values that are absent are left out, addresses,
/// prefixes and MAC addresses are text. Numbers of addresses are whole numbers up to 2^128 - 1. Within a version
/// fields and paths are added only. `docs/control-api.yaml` describes all of it.
public enum ControlAPI {
    /// What every path begins with.
    public static let version = "/v1"
    /// Where the daemon serves it, and where the commands look for it, unless they are told otherwise.
    public static let defaultSocket = "/run/plugind/control.sock"

    static let contentType = "application/json"
    static let linesContentType = "application/x-ndjson"

    static func encode(_ value: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(value))
    }

    static func decode<Value: Decodable>(_ type: Value.Type, from body: some Sequence<UInt8>) throws -> Value {
        try JSONDecoder().decode(type, from: Data(body))
    }
}

/// The body of every answer with a status from 400 on.
public struct Refusal: Codable, Hashable, Sendable {
    /// What was refused, or failed, and why: lower case, no full stop.
    public var error: String

    public init(error: String) {
        self.error = error
    }
}
