// SPDX-License-Identifier: Apache-2.0

import Logging
import PluginKit
import Synchronization
import TestSupport
import Testing

@Suite("Method table")
struct MethodTableTests {
    @Test func `a method gets its request and its reply goes back`() async {
        let reply = await table().answer(path: "/Test.Greet", body: Array(#"{"Who": "you", "Times": 2}"#.utf8))
        #expect(reply == PluginReply(status: 200, body: Array(#"{"Text":"you you"}"#.utf8)))
    }

    @Test func `the engine's newline after the body is fine`() async {
        let reply = await table().answer(path: "/Test.Greet", body: Array("{\"Who\": \"you\", \"Times\": 1}\n".utf8))
        #expect(reply.status == 200)
    }

    @Test func `fields that are not known are ignored`() async {
        let reply = await table().answer(
            path: "/Test.Greet", body: Array(#"{"Who": "you", "Times": 1, "New": [{"deep": null}]}"#.utf8))
        #expect(reply.status == 200)
    }

    @Test(arguments: ["", "\n", "{}", "null", "not JSON", #"{"Who": 1}"#])
    func `a method without arguments ignores the body`(body: String) async {
        let reply = await table().answer(path: "/Test.Ping", body: Array(body.utf8))
        #expect(reply == PluginReply(status: 200, body: Array("{}".utf8)))
    }

    @Test(arguments: ["2", "2.0", "2e0", "0.2e1"])
    func `a whole number may be written like any number`(number: String) async {
        let reply = await table().answer(
            path: "/Test.Greet", body: Array(#"{"Who": "you", "Times": \#(number)}"#.utf8))
        #expect(reply == PluginReply(status: 200, body: Array(#"{"Text":"you you"}"#.utf8)))
    }

    @Test func `slashes in a reply are not escaped`() async {
        let reply = await table().answer(path: "/Test.Greet", body: Array(#"{"Who": "10.0.0.0\/8", "Times": 1}"#.utf8))
        #expect(String(decoding: reply.body, as: UTF8.self) == #"{"Text":"10.0.0.0/8"}"#)
    }

    @Test func `activation names both kinds of plugin`() async {
        let reply = await table().answer(path: "/Plugin.Activate", body: [])
        #expect(String(decoding: reply.body, as: UTF8.self) == #"{"Implements":["NetworkDriver","IpamDriver"]}"#)
    }

    @Test(arguments: ["/Test.Nothing", "/", "", "Test.Greet", "/test.greet", "/Test.Greet/", "//Test.Greet"])
    func `an unknown path is 404 in JSON`(path: String) async {
        let reply = await table().answer(path: path, body: [])
        #expect(reply.status == 404)
        #expect(failure(reply) == "\(path) is not a method of this plugin")
    }

    @Test(
        arguments: [
            ("", "Test.Greet: the request body is empty; field Who is missing"),
            ("\n", "Test.Greet: the request body is empty; field Who is missing"),
            ("{}", "field Who is missing"),
            (#"{"Who": "you"}"#, "field Times is missing"),
            (#"{"Who": null}"#, "Who: expected a string, found null"),
            (#"{"Who": 1}"#, "Who: expected a string"),
            (#"{"Who": "you", "Times": "two"}"#, "Times: expected a number"),
            (#"{"Who": "you", "Times": 1.5}"#, "Times: expected a whole number from 0 to 255"),
            (#"{"Who": "you", "Times": 256}"#, "Times: expected a whole number from 0 to 255"),
            (#"{"Who": "you", "Times": -1}"#, "Times: expected a whole number from 0 to 255"),
            (#"{"Who": "you", "Times": 1, "Loud": 1}"#, "Loud: expected true or false"),
            (#"{"Who": "you", "Times": 1, "Many": {}}"#, "Many: expected a list"),
            (#"{"Who": "you", "Times": 1, "Many": [1, 1e99]}"#, "a number in the request body is out of range"),
            (#"{"Who": "you", "Times": 1, "Options": []}"#, "Options: expected an object"),
            (
                #"{"Who": "you", "Times": 1, "Options": {"a.b": [{"Size": "L"}]}}"#,
                "Options.a.b[0].Size: expected a number"
            ),
            (
                #"{"Who": "you", "Times": 1, "Options": {"a.b": [null]}}"#,
                "Options.a.b[0]: expected an object, found null"
            ),
            (#"{"Who": "you", "Times": 1, "Options": {"0": [{}, {}]}}"#, "field Options.0[0].Size is missing"),
            (#"{"Who": "you", "Times": 1, "Digit": "12"}"#, "Digit: ‘12’ is not a digit"),
            ("[]", "the request body: expected an object"),
            ("null", "the request body: expected an object, found null"),
            ("{", "the request body is not valid JSON"),
            ("{}{}", "the request body is not valid JSON"),
            ("GET / HTTP/1.1", "the request body is not valid JSON"),
            ("{\"Who\": \"\u{0}\"}", "the request body is not valid JSON"),
        ]
    )
    func `a request that cannot be understood is 400 and names the field`(body: String, text: String) async {
        let reply = await table().answer(path: "/Test.Greet", body: Array(body.utf8))
        #expect(reply.status == 400)
        #expect(failure(reply) == text)
    }

    @Test func `a body that is not text is 400`() async {
        let reply = await table().answer(path: "/Test.Greet", body: [0xff, 0xfe, 0x00, 0x7b])
        #expect(reply.status == 400)
    }

    @Test func `a body that is nested without end is 400`() async {
        let reply = await table().answer(path: "/Test.Greet", body: Array(repeating: UInt8(ascii: "["), count: 1 << 20))
        #expect(reply.status == 400)
    }

    @Test func `an empty body is refused even where every field may be missing`() async {
        let table = table()
        #expect(failure(await table.answer(path: "/Test.Maybe", body: [])) == "Test.Maybe: the request body is empty")
        #expect(await table.answer(path: "/Test.Maybe", body: Array("{}".utf8)).status == 200)
    }

    @Test func `an error of a known type becomes its status and its sentence`() async {
        let reply = await table().answer(path: "/Test.Fail", body: Array(#"{"Known": true}"#.utf8))
        #expect(reply.status == 409)
        #expect(failure(reply) == "pool “10.0.0.0/8” is taken\nby another")
    }

    @Test func `an error of no known type is logged and not told`() async {
        let log = LogRecorder()
        let reply = await table(logger: log.logger).answer(path: "/Test.Fail", body: Array(#"{"Known": false}"#.utf8))
        #expect(reply.status == 500)
        #expect(failure(reply) == "internal error")
        #expect(log.lines.map(\.level) == [.error])
        #expect(log.lines.first?.error is UnknownError)
    }

    @Test func `a decoding error of the method's own is not the requester's fault`() async {
        var table = table()
        table.on(Own.self) { _ in throw DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: "own")) }
        let reply = await table.answer(path: "/Test.Own", body: [])
        #expect(reply.status == 500)
    }

    @Test func `every request leaves one line with its method, status and duration, at notice if it was refused`() async
    {
        let log = LogRecorder()
        let table = table(logger: log.logger)
        _ = await table.answer(path: "/Test.Ping", body: [])
        _ = await table.answer(path: "/Test.Greet", body: [])
        _ = await table.answer(path: "/Test.Nothing", body: [])
        #expect(log.lines.map(\.level) == [.debug, .notice, .notice])
        #expect(log.lines.map(\.metadata["method"]) == ["Test.Ping", "Test.Greet", "Test.Nothing"])
        #expect(log.lines.map(\.metadata["status"]) == ["200", "400", "404"])
        #expect(log.lines.allSatisfy { $0.metadata["duration"] != nil })
        #expect(log.lines.map { $0.error != nil } == [false, true, false])
    }

    @Test func `an observer is told of every request, of one without a method by no name`() async {
        let seen = Mutex<[MethodTable.Observation]>([])
        var table = MethodTable(
            logger: LogRecorder().logger, observe: { request in seen.withLock { $0.append(request) } },
            explain: { _ in nil })
        table.on(Ping.self) { _ in EmptyReply() }
        table.on(Greet.self) { _ in Greet.Reply(text: "") }
        table.on(Fail.self) { _ in throw UnknownError() }
        for method in ["Ping", "Greet", "Nothing"] { _ = await table.answer(path: "/Test.\(method)", body: []) }
        _ = await table.answer(path: "/Test.Fail", body: Array(#"{"Known": false}"#.utf8))
        let requests = seen.withLock(\.self)
        #expect(requests.map(\.method) == ["Test.Ping", "Test.Greet", nil, "Test.Fail"])
        #expect(requests.map(\.status) == [200, 400, 404, 500])
        #expect(requests.allSatisfy { $0.duration >= .zero })
    }

    @Test func `many requests at once each get their own answer`() async {
        let table = table()
        await withTaskGroup(of: Bool.self) { group in
            for number in 0..<500 {
                group.addTask {
                    let body = #"{"Who": "\#(number)", "Times": 1}"#
                    let reply = await table.answer(path: "/Test.Greet", body: Array(body.utf8))
                    return String(decoding: reply.body, as: UTF8.self) == #"{"Text":"\#(number)"}"#
                }
            }
            #expect(await group.allSatisfy { $0 })
        }
    }

    /// A table with the methods below.
    private func table(logger: Logger = LogRecorder().logger) -> MethodTable {
        var table = MethodTable(logger: logger) { error in
            (error as? KnownError).map { .init(status: 409, text: $0.description) }
        }
        table.on(Activation.self) { _ in Activation.Reply() }
        table.on(Greet.self) { request in
            Greet.Reply(text: Array(repeating: request.who, count: Int(request.times)).joined(separator: " "))
        }
        table.on(Ping.self) { _ in EmptyReply() }
        table.on(Maybe.self) { _ in EmptyReply() }
        table.on(Fail.self) { request in
            throw request.isKnown ? KnownError() as any Error : UnknownError()
        }
        return table
    }
}
