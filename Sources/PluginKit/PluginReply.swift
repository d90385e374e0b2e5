// SPDX-License-Identifier: Apache-2.0

/// A reply of the plugin protocol: an HTTP status and a JSON body.
public struct PluginReply: Hashable, Sendable {
    public var status: Int
    public var body: [UInt8]

    public init(status: Int, body: [UInt8]) {
        self.status = status
        self.body = body
    }

    /// A refusal. The text goes into both keys, because the engine reads `Err` from a network driver and
    /// `Error` from an IPAM driver.
    public static func failure(status: Int, text: String) -> PluginReply {
        do {
            return PluginReply(status: status, body: try JSONDoor.encode(Failure(text: text)))
        } catch {
            return PluginReply(status: 500, body: Array(#"{"Err":"internal error","Error":"internal error"}"#.utf8))
        }
    }
}

private struct Failure: Encodable {
    let text: String

    enum CodingKeys: String, CodingKey {
        case networkDriver = "Err"
        case ipamDriver = "Error"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(text, forKey: .networkDriver)
        try container.encode(text, forKey: .ipamDriver)
    }
}
