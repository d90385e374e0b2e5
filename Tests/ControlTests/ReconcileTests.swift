// SPDX-License-Identifier: Apache-2.0

import NetDriver
import PluginServer
import Testing

@testable import Control

@Suite("Reconciling over the control API")
struct ReconcileTests {
    static let differences = [
        HostDifference(subject: "host", repairs: ["forwarding of IPv4"]),
        HostDifference(
            subject: "network \(String(repeating: "ab", count: 32))", link: "br-abababababab",
            repairs: ["mtu 1500", "address 10.0.0.1/24"]),
        HostDifference(
            subject: "endpoint \(String(repeating: "cd", count: 32))", link: "pdhcdcdcdcdcdcd", repairs: [],
            obstacle: "a dummy link called pdhcdcdcdcdcdcd exists already on this host"),
    ]

    static var mended: MendedHost { MendedHost(mended: [differences[0]], left: [differences[2]]) }

    private static func ask(_ query: String) async -> String {
        var router = ControlRouter(logger: .silent, explain: { _ in nil })
        router.onReconcile {
            Self.differences
        } mend: {
            Self.mended
        }
        let reply = await router.answer(SocketRequest(method: "POST", path: "/v1/reconcile", query: query, body: []))
        return "\(reply.status) \(String(decoding: reply.body, as: UTF8.self))"
    }

    private static let left =
        #"{"link":"pdhcdcdcdcdcdcd","obstacle":"a dummy link called pdhcdcdcdcdcdcd exists already on this host","#
        + #""outcome":"left","repairs":[],"subject":"endpoint \#(String(repeating: "cd", count: 32))"}"#

    @Test func `a dry run tells what would be mended, and what is in the way`() async {
        let network =
            #"{"link":"br-abababababab","outcome":"wouldMend","repairs":["mtu 1500","address 10.0.0.1/24"],"#
            + #""subject":"network \#(String(repeating: "ab", count: 32))"}"#
        let host = #"{"outcome":"wouldMend","repairs":["forwarding of IPv4"],"subject":"host"}"#
        #expect(
            await Self.ask("dryRun=true")
                == #"200 {"differences":[\#(host),\#(network),\#(Self.left)],"dryRun":true}"#)
    }

    @Test func `without it is told what was mended and what was left`() async {
        let host = #"{"outcome":"mended","repairs":["forwarding of IPv4"],"subject":"host"}"#
        #expect(await Self.ask("") == #"200 {"differences":[\#(host),\#(Self.left)],"dryRun":false}"#)
    }

    @Test func `for people each thing has its repairs below it`() {
        let answer = ReconcileAnswer(
            dryRun: true, differences: Self.differences.map { ReconcileDifference($0, .wouldMend) })
        #expect(
            answer.text(isColoured: false) == """
                would mend  host
                    forwarding of IPv4
                would mend  network abababababab  br-abababababab
                    mtu 1500, address 10.0.0.1/24
                left  endpoint cdcdcdcdcdcd  pdhcdcdcdcdcdcd
                    a dummy link called pdhcdcdcdcdcdcd exists already on this host

                """)
        #expect(answer.text(isColoured: true).contains("\u{1B}[31mleft\u{1B}[0m  endpoint"))
        #expect(
            ReconcileAnswer(dryRun: true, differences: []).text(isColoured: true) == "The host is as it should be.\n")
    }
}
