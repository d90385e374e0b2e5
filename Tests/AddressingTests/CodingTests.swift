// SPDX-License-Identifier: Apache-2.0

import Addressing
import Foundation
import Testing

@Suite("JSON form")
struct CodingTests {
    @Test func `the JSON form of a value is its description`() throws {
        try expectRoundTrip(IPAddress("fd00::1"), #"["fd00::1"]"#)
        try expectRoundTrip(Prefix("10.0.0.0/24"), #"["10.0.0.0\/24"]"#)
        try expectRoundTrip(InterfaceAddress("10.0.0.1/24"), #"["10.0.0.1\/24"]"#)
        try expectRoundTrip(MACAddress("02:11:22:33:44:55"), #"["02:11:22:33:44:55"]"#)
        try expectRoundTrip(InterfaceName("eth0"), #"["eth0"]"#)
        try expectRoundTrip(NetworkID("n1"), #"["n1"]"#)
        try expectRoundTrip(EndpointID("e1"), #"["e1"]"#)
        try expectRoundTrip(AddressFamily.v6, #"["v6"]"#)
    }

    @Test func `text that is no such value fails with the text and the type in the sentence`() throws {
        let error = try #require(throws: DecodingError.self) {
            try JSONDecoder().decode([Prefix].self, from: Data(#"["10.0.0.1/24"]"#.utf8))
        }
        guard case .dataCorrupted(let context) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(context.debugDescription == "‘10.0.0.1/24’ is not a valid Prefix")
        #expect(throws: DecodingError.self) { try JSONDecoder().decode([IPAddress].self, from: Data("[1]".utf8)) }
        #expect(throws: DecodingError.self) { try JSONDecoder().decode([MACAddress].self, from: Data("[null]".utf8)) }
    }

    private func expectRoundTrip<Value: Codable & Equatable>(_ value: Value?, _ text: String) throws {
        let value = try #require(value)
        let result = try jsonRoundTrip(value)
        #expect(result.text == text)
        #expect(result.value == value)
    }

    /// Encodes to JSON and back.
    private func jsonRoundTrip<Value: Codable>(_ value: Value) throws -> (text: String, value: Value) {
        let data = try JSONEncoder().encode([value])
        let values = try JSONDecoder().decode([Value].self, from: data)
        return (String(decoding: data, as: UTF8.self), try #require(values.first))
    }
}
