// SPDX-License-Identifier: Apache-2.0

import Addressing
import TestSupport
import Testing

@Suite("MAC addresses, names and ids")
struct NameTests {
    @Test(arguments: [
        ("02:11:22:33:44:55", "02:11:22:33:44:55"), ("AA:bb:Cc:dD:EE:0f", "aa:bb:cc:dd:ee:0f"),
        ("00:00:00:00:00:00", "00:00:00:00:00:00"), ("ff:ff:ff:ff:ff:ff", "ff:ff:ff:ff:ff:ff"),
    ])
    func `a MAC address is read in either case and written in lower case`(text: String, canonical: String) throws {
        let mac = try #require(MACAddress(text))
        #expect(mac.description == canonical)
        #expect(MACAddress(bytes: mac.bytes) == mac)
    }

    @Test(arguments: [
        "", "02", "02:11:22:33:44", "02:11:22:33:44:", "02:11:22:33:44:5", "02:11:22:33:44:55:66", "02-11-22-33-44-55",
        "021122334455",
        "2:11:22:33:44:55", "0g:11:22:33:44:55", " 02:11:22:33:44:55", "02:11:22:33:44:55 ", "002:1:22:33:44:55",
        "+2:11:22:33:44:55",
    ])
    func `what is not exactly a MAC address is refused`(text: String) {
        #expect(MACAddress(text) == nil)
    }

    @Test func `a random MAC address is unicast, locally administered and not always the same`() {
        var random = SeededGenerator(seed: 1)
        let all = (0..<1_000).map { _ in MACAddress.random(using: &random) }
        #expect(all.allSatisfy { !$0.isMulticast && $0.isLocallyAdministered })
        #expect(Set(all).count == all.count)
        // Every bit but the two that are fixed takes both values.
        let ones = all.map(\.bytes).reduce([0, 0, 0, 0, 0, 0] as [UInt8]) { zip($0, $1).map { $0 | $1 } }
        let zeros = all.map(\.bytes).reduce([255, 255, 255, 255, 255, 255] as [UInt8]) { zip($0, $1).map { $0 & $1 } }
        #expect(ones == [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff])
        #expect(zeros == [0x02, 0, 0, 0, 0, 0])
    }

    @Test func `the first byte tells multicast and locally administered`() throws {
        #expect(try #require(MACAddress("01:00:5e:00:00:01")).isMulticast)
        #expect(try #require(MACAddress("ff:ff:ff:ff:ff:ff")).isMulticast)
        let assigned = try #require(MACAddress("00:1b:21:00:00:01"))
        #expect(!assigned.isMulticast && !assigned.isLocallyAdministered)
        #expect(try #require(MACAddress("02:00:00:00:00:00")) < #require(MACAddress("02:00:00:00:00:01")))
    }

    @Test(arguments: ["a", "eth0", "br-1f2e3d4c5b6a", "123456789012345", "...", "a.b", "_", "~", "!", "eth0@if5", "-"])
    func `a link name of 1 to 15 printable characters is accepted`(text: String) throws {
        #expect(try #require(InterfaceName(text)).description == text)
    }

    @Test(arguments: [
        "", ".", "..", "1234567890123456", "a b", " a", "a/b", "a:b", "a\n", "a\0", "\u{7f}", "é", "br%d", "%",
    ])
    func `a link name that the kernel would refuse or rewrite is refused`(text: String) {
        #expect(InterfaceName(text) == nil)
    }

    @Test(arguments: ["a", "A-b_c.9", String(repeating: "f", count: 128), "1k9n2ae3jfkvgd0wqsctz7yzu"])
    func `an id of 1 to 128 plain characters is accepted`(text: String) throws {
        #expect(try #require(NetworkID(text)).description == text)
        #expect(try #require(EndpointID(text)).description == text)
        #expect(NetworkID(text)?.short == String(text.prefix(12)))
        #expect(EndpointID(text)?.short == String(text.prefix(12)))
    }

    @Test(arguments: ["", String(repeating: "f", count: 129), "a/b", "a b", "a\n", "é", "a:b", "*"])
    func `an id with anything else is refused`(text: String) {
        #expect(NetworkID(text) == nil)
        #expect(EndpointID(text) == nil)
    }
}
