// SPDX-License-Identifier: Apache-2.0

import Testing

/// Fails a test that does not leave the namespace as it was.
struct LeavesNothing: SuiteTrait, TestTrait, TestScoping {
    /// Around each test of the suite, not around the suite.
    let isRecursive = true

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let before = try Self.namespace()
        var failure: (any Error)?
        do {
            try await function()
        } catch {
            failure = error
        }
        let after = try Self.namespace()
        #expect(after == before, "a test leaves no link, address, route or packet filter rule")
        if let failure { throw failure }
    }

    private static func namespace() throws -> [String] {
        try [
            "ip -o link show", "ip -o address show", "ip -4 route show table all", "ip -6 route show table all",
            "nft list ruleset",
        ].flatMap(HostCommand.lines)
    }
}

extension Trait where Self == LeavesNothing {
    static var leavesNothing: Self { LeavesNothing() }
}
