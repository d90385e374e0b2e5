// SPDX-License-Identifier: Apache-2.0

import Addressing
import TestSupport
import Testing

@Suite("Prefixes and interface addresses")
struct PrefixTests {
    @Test(arguments: [
        ("0.0.0.0/0", "0.0.0.0", "255.255.255.255"), ("10.0.0.0/8", "10.0.0.0", "10.255.255.255"),
        ("192.168.1.128/25", "192.168.1.128", "192.168.1.255"), ("192.168.1.4/31", "192.168.1.4", "192.168.1.5"),
        ("255.255.255.255/32", "255.255.255.255", "255.255.255.255"),
        ("::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), ("fd00::/64", "fd00::", "fd00::ffff:ffff:ffff:ffff"),
        ("8000::/1", "8000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), ("::1/128", "::1", "::1"),
    ])
    func `a prefix has a first and a last address`(text: String, first: String, last: String) throws {
        let prefix = try #require(Prefix(text))
        #expect(prefix.description == text)
        #expect(prefix.first.description == first)
        #expect(prefix.last.description == last)
        #expect(prefix.last.bits - prefix.first.bits == prefix.hostMask)
    }

    @Test(arguments: [
        "", "/", "10.0.0.0", "10.0.0.0/", "/8", "10.0.0.0/33", "::/129", "10.0.0.0/08", "10.0.0.0/-1", "10.0.0.0/+8",
        "10.0.0.0/8 ",
        "10.0.0.0 /8", "10.0.0.0/8/8", "10.0.0.0//8", "10.0.0.1/8", "::1/127", "10.0.0.0/255.0.0.0",
        "10.0.0.0/99999999999999999999", "0.0.0.1/0",
    ])
    func `what is not exactly a prefix is refused`(text: String) {
        #expect(Prefix(text) == nil)
    }

    @Test(arguments: ["10.0.0.1/8", "10.0.0.0/8", "0.0.0.0/0", "::1/127", "fe80::1/64", "1.2.3.4/32"])
    func `an interface address keeps its host part`(text: String) throws {
        let address = try #require(InterfaceAddress(text))
        #expect(address.description == text)
        #expect(address.prefix.contains(address.address))
        #expect(address.prefix.length == address.prefixLength)
    }

    @Test(arguments: ["10.0.0.1", "10.0.0.1/33", "::1/129", "10.0.0.1/", "10.0.0.1/00", "x/8", "10.0.0.1/8x"])
    func `what is not exactly an interface address is refused`(text: String) {
        #expect(InterfaceAddress(text) == nil)
    }

    @Test(arguments: [-1, 33, 128, Int.max, Int.min])
    func `a length outside of the family is refused`(length: Int) {
        let address = IPAddress(v4: 0)
        #expect(Prefix(base: address, length: length) == nil)
        #expect(Prefix(containing: address, length: length) == nil)
        #expect(InterfaceAddress(address: address, prefixLength: length) == nil)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `contains and overlaps agree with comparing every bit`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<5_000 {
            let one = try #require(randomPrefix(using: &random))
            let other = try #require(randomPrefix(using: &random))
            let isInside =
                one.family == other.family && one.length <= other.length
                && bits(of: one.base).prefix(one.length) == bits(of: other.base).prefix(one.length)
            let isOutside =
                one.family == other.family && other.length <= one.length
                && bits(of: one.base).prefix(other.length) == bits(of: other.base).prefix(other.length)
            #expect(one.contains(other) == isInside, "\(one) \(other), seed \(seed)")
            #expect(one.overlaps(other) == (isInside || isOutside), "\(one) \(other), seed \(seed)")
            #expect(other.overlaps(one) == one.overlaps(other), "\(one) \(other), seed \(seed)")
            let isIn =
                one.family == other.family
                && bits(of: one.base).prefix(one.length) == bits(of: other.last).prefix(one.length)
            #expect(one.contains(other.last) == isIn, "\(one) \(other.last), seed \(seed)")
            #expect(Prefix(one.description) == one, "seed \(seed)")
            #expect(bits(of: one.base).dropFirst(one.length).allSatisfy { !$0 }, "seed \(seed)")
            #expect(bits(of: one.last).dropFirst(one.length).allSatisfy { $0 }, "seed \(seed)")
        }
    }

    @Test func `prefixes sort by base, and the larger block first`() throws {
        let sorted = try ["0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/24", "10.0.1.0/24", "::/0", "fd00::/8", "fd00::/64"]
            .map { try #require(Prefix($0)) }
        #expect(sorted.shuffled().sorted() == sorted)
    }

    /// Few distinct high bits, so that many pairs overlap.
    private func randomPrefix(using random: inout SeededGenerator) -> Prefix? {
        let high = UInt32.random(in: 0..<4, using: &random) << 30
        let low = UInt32.random(in: 0..<4, using: &random)
        return Bool.random(using: &random)
            ? Prefix(containing: IPAddress(v4: high | low), length: Int.random(in: 0...32, using: &random))
            : Prefix(
                containing: IPAddress(v6: UInt128(high) << 96 | UInt128(low)),
                length: Int.random(in: 0...128, using: &random))
    }

    private func bits(of address: IPAddress) -> [Bool] {
        address.bytes.flatMap { byte in (0..<8).map { byte >> (7 - $0) & 1 == 1 } }
    }
}
