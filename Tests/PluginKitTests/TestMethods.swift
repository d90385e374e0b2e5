// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import PluginKit
import Testing

struct Greet: PluginMethod {
    static let name = "Test.Greet"

    var who: String
    var times: UInt8
    var isLoud: Bool?
    var many: [Int]?
    @EmptyIfNull var options: [String: [Size]]
    @NoneIfEmpty var digit: Digit?

    struct Size: Codable, Hashable {
        var size: Int

        enum CodingKeys: String, CodingKey {
            case size = "Size"
        }
    }

    enum CodingKeys: String, CodingKey {
        case who = "Who"
        case times = "Times"
        case isLoud = "Loud"
        case many = "Many"
        case options = "Options"
        case digit = "Digit"
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        who = try container.decode(String.self, forKey: .who)
        times = try container.decodeNumber(UInt8.self, forKey: .times)
        isLoud = try container.decodeIfPresent(Bool.self, forKey: .isLoud)
        many = try container.decodeIfPresent([Int].self, forKey: .many)
        _options = try container.decode(EmptyIfNull<[String: [Size]]>.self, forKey: .options)
        _digit = try container.decode(NoneIfEmpty<Digit>.self, forKey: .digit)
    }

    struct Reply: Encodable, Sendable {
        var text: String

        enum CodingKeys: String, CodingKey {
            case text = "Text"
        }
    }
}

/// A value whose JSON form is its description.
struct Digit: LosslessStringConvertible, Codable, Hashable {
    let description: String

    init?(_ text: String) {
        guard text.count == 1, text.allSatisfy(\.isNumber) else {
            return nil
        }
        description = text
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let digit = Self(text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "‘\(text)’ is not a digit")
        }
        self = digit
    }

    func encode(to encoder: any Encoder) throws {
        try description.encode(to: encoder)
    }
}

struct Ping: PluginMethod {
    static let name = "Test.Ping"
    static let hasArguments = false
    typealias Reply = EmptyReply
}

struct Own: PluginMethod {
    static let name = "Test.Own"
    static let hasArguments = false
    typealias Reply = EmptyReply
}

struct Maybe: PluginMethod {
    static let name = "Test.Maybe"
    var number: Int?
    typealias Reply = EmptyReply
}

struct Fail: PluginMethod {
    static let name = "Test.Fail"
    var isKnown: Bool
    typealias Reply = EmptyReply

    enum CodingKeys: String, CodingKey {
        case isKnown = "Known"
    }
}

struct KnownError: Error, CustomStringConvertible {
    var description: String { "pool “10.0.0.0/8” is taken\nby another" }
}

struct UnknownError: Error {}

/// The text of a failure, which must be the same in both keys.
func failure(_ reply: PluginReply) -> String? {
    guard let keys = try? JSONDecoder().decode([String: String].self, from: Data(reply.body)), keys.count == 2,
        keys["Err"] == keys["Error"]
    else {
        Issue.record("not a failure: \(String(decoding: reply.body, as: UTF8.self))")
        return nil
    }
    return keys["Err"]
}
