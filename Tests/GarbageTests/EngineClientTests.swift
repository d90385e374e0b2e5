// SPDX-License-Identifier: Apache-2.0

import Addressing
import Foundation
import NIOHTTP1
import Testing

@testable import Garbage

@Suite("Asking the engine")
struct EngineClientTests {
    private static let list = #"[{"Name":"lan","Id":"aa11","Driver":"plugind","Containers":{}}]"#
    private static let lan = #"""
        {"Id":"aa11","IPAM":{"Driver":"plugind","Config":[{"Subnet":"10.0.0.0/24","Gateway":"10.0.0.1",
        "AuxiliaryAddresses":{"router":"10.0.0.9"}}]},"Containers":{"c1":{"Name":"ada","EndpointID":"bb22",
        "MacAddress":"02:00:00:00:00:01","IPv4Address":"10.0.0.2/24","IPv6Address":""},
        "ep-cc33":{"EndpointID":"cc33","IPv4Address":"","IPv6Address":"fd00::2/64"}}}
        """#

    /// The view, or the error's words without the socket's path.
    private static func ask(_ answers: [String: SmallServer.Answer], sizeLimit: Int = 1 << 20) async throws -> String {
        try await SmallServer.serving(answers) { server in
            let client = EngineClient(socket: server.path, deadline: .seconds(600), sizeLimit: sizeLimit)
            do {
                return "\(try await client.ask().endpoints.map(\.description).sorted())"
            } catch {
                return "\(error)".replacingOccurrences(of: " at \(server.path)", with: "")
            }
        }
    }

    @Test func `networks, endpoints and addresses are read out of what it says`() async throws {
        try await SmallServer.serving(["/networks": .whole(Self.list), "/networks/aa11": .whole(Self.lan)]) { server in
            let view = try await EngineClient(socket: server.path, deadline: .seconds(600)).ask()
            #expect(view.networks.map(\.description) == ["aa11"])
            #expect(view.subnets.map(\.description) == ["10.0.0.0/24"])
            #expect(Set(view.endpoints.map(\.description)) == ["bb22", "cc33"])
            #expect(Set(view.addresses.map(\.description)) == ["10.0.0.1", "10.0.0.2", "10.0.0.9", "fd00::2"])
        }
    }

    @Test func `it only ever reads`() async throws {
        try await SmallServer.serving(["/networks": .whole(Self.list), "/networks/aa11": .whole(Self.lan)]) { server in
            _ = try await EngineClient(socket: server.path, deadline: .seconds(600)).ask()
            #expect(server.heads.map(\.method) == [.GET, .GET])
            #expect(server.heads.map(\.uri) == ["/networks", "/networks/aa11"])
            #expect(server.heads.allSatisfy { $0.headers["Host"] == ["localhost"] })
        }
    }

    @Test(arguments: [1, 7, 4096]) func `answers in chunks of any size are understood`(size: Int) async throws {
        let answer = try await Self.ask([
            "/networks": .chunked(Self.list, size: size), "/networks/aa11": .chunked(Self.lan, size: size),
        ])
        #expect(answer == #"["bb22", "cc33"]"#)
    }

    @Test func `an answer that ends with its connection is understood`() async throws {
        let answer = try await Self.ask([
            "/networks": .untilClosed(Self.list), "/networks/aa11": .untilClosed(Self.lan),
        ])
        #expect(answer == #"["bb22", "cc33"]"#)
    }

    struct Refusal: Sendable, CustomTestStringConvertible {
        var answer: SmallServer.Answer
        var words: String
        var testDescription: String { words }
    }

    @Test(arguments: [
        Refusal(answer: .status(404, "{}"), words: "GET /networks/aa11 was answered 404"),
        Refusal(answer: .status(500, #"{"message":"no"}"#), words: "GET /networks/aa11 was answered 500"),
        Refusal(
            answer: .whole("[]"),
            words: "the answer to GET /networks/aa11 is not what was expected: "),
        Refusal(answer: .whole("not JSON"), words: "the answer to GET /networks/aa11 is not what was expected: "),
        Refusal(answer: .whole(""), words: "the answer to GET /networks/aa11 is not what was expected: "),
        Refusal(
            answer: .whole(#"{"Id":"aa11","Containers":{"c1":{"IPv4Address":"10.0.0.2/24"}}}"#),
            words: "the answer to GET /networks/aa11 is not what was expected: "
                + "field Containers.c1.EndpointID is missing"),
        Refusal(
            answer: .whole(#"{"Id":"aa11","Containers":{"c1":{"EndpointID":"bb22","IPv4Address":"invalid Prefix"}}}"#),
            words: "network aa11 has ‘invalid Prefix’, which is no address"),
        Refusal(
            answer: .whole(#"{"Id":"aa11","IPAM":{"Config":[{"Subnet":"10.0.0.0"}]}}"#),
            words: "network aa11 has ‘10.0.0.0’, which is no address"),
        Refusal(answer: .cut(#"{"Id":"aa11"}"#), words: ""),
        Refusal(
            answer: .whole(String(repeating: " ", count: 5000) + #"{"Id":"aa11"}"#),
            words: "the answer to GET /networks/aa11 is longer than 4096 bytes"),
        Refusal(
            answer: .chunked(String(repeating: " ", count: 1_000_000), size: 1000),
            words: "the answer to GET /networks/aa11 is longer than 4096 bytes"),
    ])
    func `an answer that cannot be relied on is no answer`(refusal: Refusal) async throws {
        let words = try await Self.ask(
            ["/networks": .whole(Self.list), "/networks/aa11": refusal.answer], sizeLimit: 4096)
        #expect(words.hasPrefix("the engine cannot be asked: \(refusal.words)"), "\(words)")
    }

    @Test(arguments: ["null", "{}", #"[{"Id":"../containers"}]"#, #"[{"Id":""}]"#, #"[{"Name":"lan"}]"#])
    func `a list that is none, or names what is no network, is no answer`(list: String) async throws {
        let words = try await Self.ask(["/networks": .whole(list)])
        #expect(words.hasPrefix("the engine cannot be asked: the answer to GET /networks is not what was expected"))
    }

    @Test(arguments: [
        #"{"Id":"aa11"}"#, #"{"Id":"aa11","IPAM":null,"Containers":null}"#,
        #"{"Id":"aa11","IPAM":{"Driver":"null","Config":null},"Containers":{}}"#,
        #"{"Id":"aa11","IPAM":{"Config":[{"Subnet":"","Gateway":"","AuxiliaryAddresses":null}]}}"#,
    ])
    func `a network without anything is one`(network: String) async throws {
        #expect(try await Self.ask(["/networks": .whole(Self.list), "/networks/aa11": .whole(network)]) == "[]")
    }

    @Test(arguments: ["10.0.0.1/24", "10.0.0.1"]) func `an address comes with a length and without`(text: String) throws
    {
        var view = EngineView()
        let network = #"{"Id":"aa11","IPAM":{"Config":[{"Subnet":"10.0.0.7/24","Gateway":"\#(text)"}]}}"#
        try view.add(JSONDecoder().decode(EngineNetwork.self, from: Data(network.utf8)))
        #expect(view.addresses.map(\.description) == ["10.0.0.1"])
        #expect(view.subnets.map(\.description) == ["10.0.0.0/24"], "a subnet may be written as an address in it")
    }

    @Test func `an engine that does not answer in time could not be asked`() async throws {
        for answer in [SmallServer.Answer.silence, .stuck("[")] {
            try await SmallServer.serving(["/networks": answer]) { server in
                let client = EngineClient(socket: server.path, deadline: .milliseconds(50))
                let error = await #expect(throws: EngineError.self) { try await client.ask() }
                #expect(error?.description.hasSuffix("GET /networks was not answered within 0.05 seconds") == true)
            }
        }
    }

    @Test func `an engine that is not there could not be asked`() async {
        let client = EngineClient(socket: "/nonexistent/docker.sock")
        let error = await #expect(throws: EngineError.self) { try await client.ask() }
        #expect(
            error?.description == "the engine cannot be asked at /nonexistent/docker.sock: No such file or directory")
    }
}
