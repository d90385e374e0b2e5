// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import PluginKit
import Testing

@Suite("JSON of the protocol")
struct CodingTests {
    @Test(
        arguments: [
            "null", "true", "false", "0", "-9007199254740993", "1.5", #""text""#, #""""#, "[]", "{}",
            #"[null,1,"a",[{}],{"a":[true]}]"#, #"{"a":{"b":{"c":null}},"d":[1,2.5]}"#,
        ]
    )
    func `any JSON value is kept as it came`(text: String) throws {
        let value = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        #expect(String(decoding: try encoder.encode(value), as: UTF8.self) == text)
    }

    @Test(arguments: [#"{"Digit": ""}"#, #"{"Digit": null}"#, "{}"])
    func `empty text, null and absence are none`(text: String) throws {
        #expect(try JSONDecoder().decode(Sample.self, from: Data(text.utf8)).digit == nil)
    }

    @Test(arguments: [#"{"List": []}"#, #"{"List": null}"#, "{}"])
    func `an empty list, null and absence are nothing`(text: String) throws {
        #expect(try JSONDecoder().decode(Sample.self, from: Data(text.utf8)).list == [])
    }

    @Test func `none is not written`() throws {
        #expect(try encoded(Sample(digit: nil, list: [])) == #"{"List":[]}"#)
        #expect(try encoded(Sample(digit: Digit("7"), list: ["a"])) == #"{"Digit":"7","List":["a"]}"#)
    }

    @Test(arguments: [#"{"Digit": "77"}"#, #"{"Digit": 7}"#, #"{"Digit": " "}"#, #"{"List": {}}"#, #"{"List": ""}"#])
    func `what is neither a value nor none is refused`(text: String) {
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(Sample.self, from: Data(text.utf8)) }
    }

    private struct Sample: Codable {
        @NoneIfEmpty var digit: Digit?
        @EmptyIfNull var list: [String]

        enum CodingKeys: String, CodingKey {
            case digit = "Digit"
            case list = "List"
        }
    }

    private func encoded(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}
