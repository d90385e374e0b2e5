// SPDX-License-Identifier: Apache-2.0

import Addressing
import TestSupport
import Testing

@Suite("IP addresses")
struct IPAddressTests {
    @Test(arguments: [
        ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"), ("10.0.0.1", "10.0.0.1"),
        ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("fe80::1", "fe80::1"),
        ("2001:DB8::A", "2001:db8::a"), ("2001:0db8:0000:0000:0000:0000:0000:000a", "2001:db8::a"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("2001:db8::1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"), ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
        ("::ffff:1.2.3.4", "::ffff:1.2.3.4"), ("::ffff:102:304", "::ffff:1.2.3.4"),
        ("64:ff9b::1.2.3.4", "64:ff9b::102:304"),
        ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ])
    func `text in any form is written in the canonical form`(text: String, canonical: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == canonical)
        #expect(IPAddress(canonical) == address)
        #expect(IPAddress(bytes: address.bytes) == address)
    }

    @Test(arguments: [
        "", " ", "1", "1.2.3", "1.2.3.", ".1.2.3", "1.2.3.4.5", "1.2.3.4.", "256.0.0.0", "0.0.0.256", "01.2.3.4",
        "1.2.3.00",
        "1.2.3.-4", "+1.2.3.4", " 1.2.3.4", "1.2.3.4 ", "1.2.3.4\n", "1.2.3.4\0", "0x1.2.3.4",
        "1.2.3.1000000000000000000000",
        "1.2.3.4/24", "١.2.3.4",
        ":", ":::", "::1::", "1::2::3", "1:", ":1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::",
        "::1:2:3:4:5:6:7:8",
        "1:2:3:4::5:6:7:8", "12345::", "::12345", "g::", "::1%eth0", "[::1]", "::-1", " ::1", "::1 ",
        "::1.2.3", "::1.2.3.4.5", "::1.2.3.4:5", "::01.2.3.4", "1:2:3:4:5:6:7:1.2.3.4", "1.2.3.4::", "::1.2.3.256",
    ])
    func `what is not exactly an address is refused`(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `random addresses are printed and parsed as the C library does`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<5_000 {
            // Many zero groups, so that gaps of every kind come up.
            let bytes: [UInt8] =
                Bool.random(using: &random)
                ? (0..<4).map { _ in UInt8.random(in: 0...255, using: &random) }
                : (0..<8).flatMap { _ -> [UInt8] in
                    switch Int.random(in: 0..<5, using: &random) {
                    case 0: [UInt8.random(in: 0...255, using: &random), UInt8.random(in: 0...255, using: &random)]
                    case 1: [0, UInt8.random(in: 0...255, using: &random)]
                    default: [0, 0]
                    }
                }
            let address = try #require(IPAddress(bytes: bytes))
            #expect(address.bytes == bytes, "seed \(seed)")
            #expect(CLibrary.parse(address.description) == bytes, "seed \(seed)")
            let printed = try #require(CLibrary.print(bytes))
            #expect(IPAddress(printed) == address, "seed \(seed)")
            // The one difference: the C library also writes the long deprecated `::1.2.3.4` form.
            if bytes.count == 4 || bytes.prefix(12).contains(where: { $0 != 0 }) {
                #expect(address.description == printed, "seed \(seed)")
            }
        }
    }

    @Test(arguments: [4, 5, 6] as [UInt64])
    func `random text is an address exactly if the C library says so`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let pieces = [
            ":", "::", ".", "0", "1", "00", "01", "255", "256", "ffff", "12345", "a", "G", "/", "1.2.3.4", "1:2:3",
        ]
        for _ in 0..<20_000 {
            let text = (0..<Int.random(in: 0...10, using: &random))
                .map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            #expect(IPAddress(text)?.bytes == CLibrary.parse(text), "‘\(text)’, seed \(seed)")
        }
    }

    @Test(arguments: [
        // address, loopback, multicast, unspecified
        ("126.255.255.255", false, false, false), ("127.0.0.0", true, false, false),
        ("127.255.255.255", true, false, false),
        ("128.0.0.0", false, false, false), ("223.255.255.255", false, false, false), ("224.0.0.0", false, true, false),
        ("239.255.255.255", false, true, false), ("240.0.0.0", false, false, false), ("0.0.0.0", false, false, true),
        ("0.0.0.1", false, false, false), ("::", false, false, true), ("::1", true, false, false),
        ("::2", false, false, false),
        ("feff:ffff::", false, false, false), ("ff00::", false, true, false),
        ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false, true, false), ("::7f00:1", false, false, false),
    ])
    func `loopback, multicast and unspecified are known by their first and last address`(
        text: String, isLoopback: Bool, isMulticast: Bool, isUnspecified: Bool
    ) throws {
        let address = try #require(IPAddress(text))
        #expect(address.isLoopback == isLoopback)
        #expect(address.isMulticast == isMulticast)
        #expect(address.isUnspecified == isUnspecified)
    }

    @Test func `IPv4 sorts before IPv6, and each by its number`() throws {
        let sorted = try ["0.0.0.0", "9.0.0.0", "10.0.0.0", "255.255.255.255", "::", "::a", "1::", "ff00::"]
            .map { try #require(IPAddress($0)) }
        #expect(sorted.shuffled().sorted() == sorted)
        #expect(IPAddress(v4: 1) != IPAddress(v6: 1))
    }

    @Test func `bits beyond the family are refused`() {
        #expect(IPAddress(family: .v4, bits: 0xffff_ffff) == IPAddress(v4: .max))
        #expect(IPAddress(family: .v4, bits: 0x1_0000_0000) == nil)
        #expect(IPAddress(family: .v6, bits: .max) == IPAddress(v6: .max))
    }

    @Test(arguments: [0, 1, 3, 5, 15, 17])
    func `only 4 or 16 bytes are an address`(count: Int) {
        #expect(IPAddress(bytes: [UInt8](repeating: 1, count: count)) == nil)
    }
}
