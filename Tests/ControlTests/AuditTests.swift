// SPDX-License-Identifier: Apache-2.0

import Foundation
import PluginServer
import Store
import TestSupport
import Testing

@testable import Control

@Suite("The audit log over the control API")
struct AuditTests {
    /// Three lines, one millisecond apart.
    private static func store() async throws -> FakeStore {
        let store = FakeStore()
        let endpoint = "endpoint \(String(repeating: "ab", count: 32))"
        let subjects = ["pool plugind-local/10.0.0.0/24", endpoint, "network n"]
        for (index, subject) in subjects.enumerated() {
            try await store.commit([
                .audit(
                    AuditRecord(
                        time: 1_764_244_800_123 + Int64(index), subject: subject, decision: "given",
                        reason: "reason \(index)"))
            ])
        }
        return store
    }

    private static func ask(_ store: FakeStore, _ query: String) async throws -> String {
        var router = ControlRouter(logger: .silent, explain: { _ in nil })
        router.onAudit(store)
        let reply = await router.answer(SocketRequest(method: "GET", path: "/v1/audit", query: query, body: []))
        return "\(reply.status) \(String(decoding: reply.body, as: UTF8.self))"
    }

    @Test func `the last lines are told, the newest last`() async throws {
        let store = try await Self.store()
        let last =
            #"{"decision":"given","reason":"reason 2","subject":"network n","time":"2025-11-27T12:00:00.125Z"}"#
        #expect(try await Self.ask(store, "last=1") == #"200 {"entries":[\#(last)]}"#)
        let all = try await Self.ask(store, "")
        #expect(all.hasSuffix("\(last)]}") && all.contains("reason 0") && all.contains("reason 1"))
        #expect(try await Self.ask(FakeStore(), "") == #"200 {"entries":[]}"#)
    }

    @Test(arguments: [("10.0.0.0", "reason 0"), ("endpoint%20abab", "reason 1")])
    func `those about something are found`(subject: String, reason: String) async throws {
        let answer = try await Self.ask(try await Self.store(), "last=1&subject=\(subject)")
        #expect(answer.contains(reason) && answer.split(separator: "reason").count == 3, "\(answer)")
    }

    @Test(arguments: ["0", "-1", "100001"]) func `too few or too many lines are refused`(last: String) async throws {
        let answer = try await Self.ask(FakeStore(), "last=\(last)")
        #expect(answer == #"400 {"error":"parameter last: \#(last) is not from 1 to 100000"}"#)
    }

    @Test func `for people ids are short, and nothing is wider than 80 columns`() {
        let list = AuditList(entries: [
            .make("endpoint \(String(repeating: "ab", count: 32))", "its sandbox is gone"),
            .make(
                "address fd00:1111:2222:3333:4444:5555:6666:7777 of pool plugind-local/fd00:1111:2222:3333::/64",
                "it was asked for by number, and then released, for at least 600 s; whether the engine knows it is not "
                    + "asked: engine-socket is not set"),
        ])
        #expect(
            list.text(isColoured: false) == """
                2025-11-27 12:00:00Z  kept  endpoint abababababab
                    its sandbox is gone
                2025-11-27 12:00:00Z  kept
                    address fd00:1111:2222:3333:4444:5555:6666:7777 of pool
                    plugind-local/fd00:1111:2222:3333::/64
                    it was asked for by number, and then released, for at least 600 s; whether
                    the engine knows it is not asked: engine-socket is not set

                """)
        #expect(list.text(isColoured: true).hasPrefix("2025-11-27 12:00:00Z  \u{1B}[1mkept\u{1B}[0m  endpoint"))
        #expect(AuditList(entries: []).text(isColoured: true) == "no lines\n")
    }
}

extension AuditEntry {
    fileprivate static func make(_ subject: String, _ reason: String) -> AuditEntry {
        AuditEntry(AuditRecord(time: 1_764_244_800_000, subject: subject, decision: "kept", reason: reason))
    }
}
