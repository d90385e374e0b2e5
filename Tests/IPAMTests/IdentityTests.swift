// SPDX-License-Identifier: Apache-2.0

import Addressing
import Testing

@testable import IPAM

@Suite("Identities")
struct IdentityTests {
    @Test(
        arguments: [
            ("web", .name("web")), ("a", .name("a")), ("0", .name("0")), ("shop-web-1", .name("shop-web-1")),
            ("web.1.x8k2", .name("web.1.x8k2")), ("Web_", .name("Web_")), ("aabbccddeeff", .name("aabbccddeeff")),
        ] as [(String, Identity)])
    func `a name that the engine gives to a container is one`(text: String, identity: Identity) {
        #expect(Identity(text) == identity)
        #expect(identity.text == text)
        #expect(identity.description == "container \(text)")
    }

    @Test func `six pairs of digits are a MAC address`() throws {
        let identity = try #require(Identity("02:AA:22:33:44:55"))
        #expect(identity == .mac(try #require(MACAddress("02:aa:22:33:44:55"))))
        #expect(identity.text == "02:aa:22:33:44:55")
        #expect(identity.description == "MAC address 02:aa:22:33:44:55")
    }

    @Test(arguments: [
        "", " ", "_web", ".web", "-web", "/web", "we b", "web ", "wéb", "web\n", "a:b", "a/b", "a=b", "02:11:22:33:44",
        "01:00:5e:00:00:01", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00",
    ])
    func `what neither a container nor a link can have is refused`(text: String) {
        #expect(Identity(text) == nil)
    }
}
