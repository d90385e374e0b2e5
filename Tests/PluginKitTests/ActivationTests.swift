// SPDX-License-Identifier: Apache-2.0

import PluginKit
import TestSupport
import Testing

@Suite("Activation")
struct ActivationTests {
    /// Recordings whose plugin failed once, on purpose.
    private static let failing = ["20.10.24-activate-error", "28.5.2-activate-error", "head-activate-error"]

    @Test func `every recorded reply is decoded and encoded again without loss`() throws {
        let exchanges = try Recording.exchanges(of: Activation.self)
        #expect(exchanges.filter { !$0.isSuccess }.map(\.scenario) == Self.failing)
        let accepted = exchanges.filter(\.isSuccess)
        #expect(accepted.count == 159)
        for exchange in accepted {
            let reply = try #require(exchange.response)
            #expect(try JSONValue(encoding: reply.decoded(as: Activation.Reply.self)) == reply, "\(exchange.scenario)")
        }
    }

    @Test func `an engine activates without a body`() throws {
        #expect(try Recording.exchanges(of: Activation.self).allSatisfy { $0.request == nil })
    }
}
