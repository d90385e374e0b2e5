// SPDX-License-Identifier: Apache-2.0

import Addressing
import Testing

@testable import PortForwarding

@Suite struct ClientListTests {
    let list: ClientList

    init() throws {
        list = ClientList(prefixes: [try #require(Prefix("10.0.0.0/8")), try #require(Prefix("fd00:1::/64"))])
    }

    @Test(arguments: [
        ("10.0.0.0", true), ("10.255.255.255", true), ("11.0.0.0", false), ("9.255.255.255", false),
        ("fd00:1::7", true), ("fd00:1:0:1::", false), ("::ffff:10.1.2.3", true), ("::ffff:11.0.0.1", false),
        ("127.0.0.1", true), ("::1", true), ("::ffff:127.0.0.1", true),
    ])
    func `clients of the list and the host itself get through`(client: String, isAdmitted: Bool) throws {
        let local = try #require(IPAddress("192.0.2.1"))
        #expect(list.admits(try #require(IPAddress(client)), at: local) == isAdmitted)
    }

    @Test func `who comes from the very address that it writes to is the host itself`() throws {
        let local = try #require(IPAddress("192.0.2.1"))
        #expect(list.admits(local, at: local))
        let other = try #require(IPAddress("192.0.2.2"))
        #expect(!list.admits(local, at: other))
        #expect(!list.admits(local, at: nil))
    }

    @Test func `without a list everybody gets through`() throws {
        #expect(ClientList(prefixes: nil).admits(try #require(IPAddress("192.0.2.9")), at: nil))
    }

    @Test func `with an empty list only the host itself gets through`() throws {
        #expect(!ClientList(prefixes: []).admits(try #require(IPAddress("192.0.2.9")), at: nil))
        #expect(ClientList(prefixes: []).admits(.loopback6, at: nil))
    }
}
