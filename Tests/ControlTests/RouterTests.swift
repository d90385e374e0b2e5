// SPDX-License-Identifier: Apache-2.0

import Addressing
import PluginKit
import PluginServer
import Testing

@testable import Control

@Suite("Control API's router")
struct RouterTests {
    private struct Known: Error {}
    private struct Unknown: Error {}

    private struct Body: Codable, Sendable {
        var address: IPAddress
        var words: [String]?
    }

    private var router: ControlRouter {
        var router = ControlRouter(
            logger: .silent, explain: { $0 is Known ? .init(status: 409, text: "it is taken") : nil })
        router.on("GET", "/things") { _ in ["a/b": 1] }
        router.on("POST", "/things", status: 201) { request in try request.decode(Body.self) }
        router.on("DELETE", "/things/{address}") { request -> [IPAddress] in
            [try request.parameter("address", as: "an address")]
        }
        router.on("GET", "/known") { _ -> [Int] in throw Known() }
        router.on("GET", "/unknown") { _ -> [Int] in throw Unknown() }
        return router
    }

    @Test func `a path and a method have an answer in JSON`() async {
        #expect(await router.ask("GET", "/v1/things") == #"200 {"a/b":1}"#)
        #expect(await router.ask("POST", "/v1/things", #"{"address":"::1"}"#) == #"201 {"address":"::1"}"#)
        #expect(await router.ask("DELETE", "/v1/things/fd00%3A%3A5") == #"200 ["fd00::5"]"#)
        let reply = await router.answer(SocketRequest(method: "GET", path: "/v1/things", body: []))
        #expect(reply.contentType == "application/json")
    }

    @Test(arguments: ["/", "/v1", "/v1/thing", "/v1/things/", "/v2/things", "/things"])
    func `an unknown path is 404 and names the known ones`(path: String) async {
        let known =
            "GET /v1/things, POST /v1/things, DELETE /v1/things/{address}, GET /v1/known, GET /v1/unknown"
        #expect(
            await router.ask("GET", path)
                == #"404 {"error":"\#(path) is not known to this plugind; known are \#(known)"}"#)
    }

    @Test func `another method is 405 and names the ones that are allowed`() async {
        #expect(
            await router.ask("PUT", "/v1/things")
                == #"405 {"error":"PUT is not allowed on /v1/things, only GET and POST are"}"#)
        #expect(
            await router.ask("GET", "/v1/things/::1")
                == #"405 {"error":"GET is not allowed on /v1/things/::1, only DELETE is"}"#)
        let reply = await router.answer(SocketRequest(method: "PUT", path: "/v1/things", body: []))
        #expect(reply.allowed == ["GET", "POST"])
    }

    private static let bodies = [
        ("", "the request body is empty"),
        ("{", "the request body is not valid JSON"),
        ("[]", "the request body: expected an object"),
        ("{}", "field address is missing"),
        (#"{"address":7}"#, "address: expected a string"),
        (#"{"address":null}"#, "address: expected a string, found null"),
        (#"{"address":"10.0.0.300"}"#, "address: ‘10.0.0.300’ is not a valid IPAddress"),
        (#"{"address":"::1","words":"a"}"#, "words: expected a list"),
        (#"{"address":"::1","words":["a",1]}"#, "words[1]: expected a string"),
    ]

    @Test(arguments: bodies)
    func `a body that cannot be understood is 400 and says where`(body: String, words: String) async {
        #expect(await router.ask("POST", "/v1/things", body) == #"400 {"error":"\#(words)"}"#)
    }

    @Test func `a value in the path that cannot be meant is 400`() async {
        #expect(
            await router.ask("DELETE", "/v1/things/10.0.0")
                == #"400 {"error":"‘10.0.0’ in the path is not an address"}"#)
    }

    @Test func `a body that is too long is 413`() async {
        #expect(
            await router.ask("POST", "/v1/things", nil)
                == #"413 {"error":"the request body has more than 1048576 bytes"}"#)
    }

    @Test func `an error that is known is explained, and any other is internal`() async {
        #expect(await router.ask("GET", "/v1/known") == #"409 {"error":"it is taken"}"#)
        #expect(await router.ask("GET", "/v1/unknown") == #"500 {"error":"internal error"}"#)
    }
}
