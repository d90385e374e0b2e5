// SPDX-License-Identifier: Apache-2.0

import Addressing
import Testing

@testable import IPAM

@Suite("Ranges of addresses as text")
struct AddressRangeTests {
    @Test(arguments: [
        ("10.0.0.5-10.0.0.5", "10.0.0.5"), ("10.0.0.0-10.0.0.255", "10.0.0.0/24"), ("10.0.0.4-10.0.0.5", "10.0.0.4/31"),
        ("10.0.0.5-10.0.0.6", "10.0.0.5-10.0.0.6"), ("10.0.0.1-10.0.1.0", "10.0.0.1-10.0.1.0"),
        ("10.0.0.0-10.0.0.10", "10.0.0.0-10.0.0.10"), ("10.0.0.7/32", "10.0.0.7"),
        ("0.0.0.0-255.255.255.255", "0.0.0.0/0"), ("fd00::/64", "fd00::/64"),
        ("::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::/0"), ("fd00::1-fd00::ff", "fd00::1-fd00::ff"),
        ("8000::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "8000::/1"),
    ])
    func `the text is the shortest of the three forms`(text: String, shortest: String) throws {
        let range = try AddressRange(text, of: .ranges)
        #expect(range.text == shortest)
        #expect(try AddressRange(shortest, of: .ranges) == range)
    }
}
