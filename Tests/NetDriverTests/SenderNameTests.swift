// SPDX-License-Identifier: Apache-2.0

import Glibc
import Testing

@testable import NetDriver

@Suite("Who asked for a change")
struct SenderNameTests {
    @Test func `a process that lives is known by name and number`() throws {
        let name = try #require(SenderName(UInt32(getpid()))).description
        #expect(name.hasSuffix(" (process \(getpid()))") && !name.hasPrefix(" "))
    }

    @Test func `a port that is no process is just a port`() {
        #expect(SenderName(4_294_967_290)?.description == "netlink port 4294967290")
    }

    @Test func `the kernel does not always tell`() {
        #expect(SenderName(0)?.description == nil)
    }
}
