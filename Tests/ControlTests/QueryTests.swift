// SPDX-License-Identifier: Apache-2.0

import PluginServer
import Testing

@testable import Control

@Suite("Parameters after the question mark")
struct QueryTests {
    private func ask(_ query: String?) async -> String {
        var router = ControlRouter(logger: .silent, explain: { _ in nil })
        router.on("GET", "/things", query: ["last", "name", "dryRun"]) { request in
            let last: Int? = try request.query("last", as: "a number")
            return [last.map { "\($0)" } ?? "-", request.query["name"] ?? "-", "\(try request.isSet("dryRun"))"]
        }
        let reply = await router.answer(SocketRequest(method: "GET", path: "/v1/things", query: query, body: []))
        return "\(reply.status) \(String(decoding: reply.body, as: UTF8.self))"
    }

    @Test(arguments: [
        (nil, #"["-","-","false"]"#), ("", #"["-","-","false"]"#), ("last=20", #"["20","-","false"]"#),
        ("last=20&name=a%20b%26c", #"["20","a b&c","false"]"#), ("name=a=b", #"["-","a=b","false"]"#),
        ("name=&dryRun=true", #"["-","","true"]"#), ("name", #"["-","","false"]"#),
    ])
    func `they are taken apart and decoded`(query: String?, answer: String) async {
        #expect(await ask(query) == "200 \(answer)")
    }

    @Test(arguments: [
        ("lats=20", "unknown parameter ‘lats’; known are last, name, dryRun"),
        ("last=1&last=2", "parameter last is there twice"),
        ("last=many", "parameter last: ‘many’ is not a number"),
        ("dryRun=yes", "parameter dryRun: ‘yes’ is not true or false"),
        ("name=%zz", "the query ‘name=%zz’ is not percent-encoded UTF-8"),
    ])
    func `what cannot be meant is 400`(query: String, words: String) async {
        #expect(await ask(query) == #"400 {"error":"\#(words)"}"#)
    }

    @Test func `a path without parameters refuses them`() async throws {
        let reply = await ControlRouter.make(try .make()).answer(
            SocketRequest(method: "GET", path: "/v1/pools", query: "last=1", body: []))
        #expect(reply.status == 400)
        #expect(String(decoding: reply.body, as: UTF8.self).contains("‘last’; /v1/pools takes none"))
    }
}
