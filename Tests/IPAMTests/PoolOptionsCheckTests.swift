// SPDX-License-Identifier: Apache-2.0

import Addressing
import Testing

@testable import IPAM

@Suite("Options against the pool")
struct PoolOptionsCheckTests {
    @Test(arguments: [
        ("ranges", "10.0.0.10-10.0.0.99,10.0.0.128/26", "10.0.0.0/24", ""),
        ("ranges", "10.0.0.0/24", "10.0.0.0/24", "10.0.0.128/25"),
        ("ranges", "10.0.0.10-10.0.0.99,10.0.0.100", "10.0.0.0/24", "10.0.0.96/27"),
        ("ranges", "10.0.0.0,10.0.0.1", "10.0.0.0/24", ""),
        ("ranges", "10.0.0.0", "10.0.0.0/31", ""),
        ("ranges", "10.0.0.0", "10.0.0.0/32", ""),
        ("ranges", "fd00::", "fd00::/127", ""),
        ("ranges", "fd00::-fd00::1", "fd00::/64", ""),
        ("ranges", "fd00:0:0:1::-fd00:0:0:1::9", "fd00::/16", ""),
        ("ranges", "fd00::1", "10.0.0.0/24", ""),
        ("exclude", "10.0.0.0/24", "10.0.0.0/24", ""),
        ("exclude", "10.0.0.1-10.0.0.9,10.0.0.5-10.0.0.20", "10.0.0.0/24", "10.0.0.128/25"),
        ("reserve", "web=10.0.0.5,db=10.0.0.6,02:11:22:33:44:55=10.0.0.254", "10.0.0.0/24", "10.0.0.128/25"),
        ("reserve", "web=10.0.0.5,web=fd00::5", "fd00::/64", ""),
        ("reserve", "web=10.0.0.0,db=10.0.0.1", "10.0.0.0/31", ""),
        ("reserve", "web=fd00::ffff:ffff:ffff:ffff", "fd00::/64", ""),
    ])
    func `what fits into the pool is accepted`(name: String, value: String, pool: String, subPool: String) throws {
        #expect(try refusal("plugind.\(name)", value, pool, subPool) == "")
    }

    @Test(arguments: [
        ("ranges", "10.0.1.10-10.0.1.99", "10.0.0.0/24", "", "‘10.0.1.10-10.0.1.99’ is not in subnet 10.0.0.0/24"),
        ("ranges", "10.0.0.5,10.0.1.5", "10.0.0.0/24", "", "‘10.0.1.5’ is not in subnet 10.0.0.0/24"),
        ("ranges", "10.0.0.10-10.0.1.9", "10.0.0.0/24", "", "‘10.0.0.10-10.0.1.9’ reaches beyond subnet 10.0.0.0/24"),
        (
            "ranges", "9.255.255.255-10.0.1.0", "10.0.0.0/24", "",
            "‘9.255.255.255-10.0.1.0’ reaches beyond subnet 10.0.0.0/24"
        ),
        ("ranges", "10.0.0.0/8", "10.0.0.0/24", "", "‘10.0.0.0/8’ reaches beyond subnet 10.0.0.0/24"),
        ("ranges", "::/0", "fd00::/64", "", "‘::/0’ reaches beyond subnet fd00::/64"),
        (
            "ranges", "10.0.0.64/26,10.0.0.10-10.0.0.99", "10.0.0.0/24", "",
            "‘10.0.0.64/26’ overlaps 10.0.0.10-10.0.0.99"
        ),
        ("ranges", "10.0.0.9,10.0.0.1-10.0.0.9", "10.0.0.0/24", "", "‘10.0.0.9’ overlaps 10.0.0.1-10.0.0.9"),
        ("ranges", "10.0.0.9,10.0.0.9", "10.0.0.0/24", "", "‘10.0.0.9’ overlaps 10.0.0.9"),
        ("ranges", "fd00::/65,fd00::/64", "fd00::/64", "", "‘fd00::/64’ overlaps fd00::/65"),
        (
            "ranges", "10.0.0.0,10.0.0.255", "10.0.0.0/24", "",
            "‘10.0.0.0, 10.0.0.255’ leaves no address that a container in subnet 10.0.0.0/24 could have"
        ),
        (
            "ranges", "fd00::", "fd00::/64", "",
            "‘fd00::’ leaves no address that a container in subnet fd00::/64 could have"
        ),
        (
            "ranges", "10.0.0.10-10.0.0.99", "10.0.0.0/24", "10.0.0.128/25",
            "‘10.0.0.10-10.0.0.99’ leaves no address in ip range 10.0.0.128/25 that a container in subnet "
                + "10.0.0.0/24 could have"
        ),
        (
            "ranges", "10.0.0.255", "10.0.0.0/24", "10.0.0.128/25",
            "‘10.0.0.255’ leaves no address in ip range 10.0.0.128/25 that a container in subnet "
                + "10.0.0.0/24 could have"
        ),
        ("exclude", "10.0.1.1", "10.0.0.0/24", "", "‘10.0.1.1’ is not in subnet 10.0.0.0/24"),
        ("exclude", "10.0.0.0/23", "10.0.0.0/24", "", "‘10.0.0.0/23’ reaches beyond subnet 10.0.0.0/24"),
        (
            "exclude", "10.0.0.2,10.0.0.250-10.0.1.0", "10.0.0.0/24", "",
            "‘10.0.0.250-10.0.1.0’ reaches beyond subnet 10.0.0.0/24"
        ),
        ("exclude", "fd00:0:0:1::/64", "fd00::/64", "", "‘fd00:0:0:1::/64’ is not in subnet fd00::/64"),
        ("reserve", "web=10.0.1.5", "10.0.0.0/24", "", "‘web=10.0.1.5’ is not in subnet 10.0.0.0/24"),
        (
            "reserve", "02:11:22:33:44:55=fe80::1", "fd00::/64", "",
            "‘02:11:22:33:44:55=fe80::1’ is not in subnet fd00::/64"
        ),
        ("reserve", "web=10.0.0.0", "10.0.0.0/24", "", "‘web=10.0.0.0’ is the network address of subnet 10.0.0.0/24"),
        (
            "reserve", "web=10.0.0.255", "10.0.0.0/24", "",
            "‘web=10.0.0.255’ is the broadcast address of subnet 10.0.0.0/24"
        ),
        ("reserve", "web=fd00::", "fd00::/64", "", "‘web=fd00::’ is the routers' anycast address of subnet fd00::/64"),
        (
            "reserve", "web=10.0.0.5,db=10.0.0.5", "10.0.0.0/24", "",
            "‘10.0.0.5’ is reserved for container web and for container db"
        ),
        (
            "reserve", "web=10.0.0.5,02:11:22:33:44:55=10.0.0.5", "10.0.0.0/24", "",
            "‘10.0.0.5’ is reserved for container web and for MAC address 02:11:22:33:44:55"
        ),
        ("reserve", "web=10.0.0.5,web=10.0.0.5", "10.0.0.0/24", "", "‘web=10.0.0.5’ is there twice"),
        (
            "reserve", "web=10.0.0.5,web=10.0.0.6", "10.0.0.0/24", "",
            "‘web=10.0.0.6’ is a second address for container web, which has 10.0.0.5 in subnet 10.0.0.0/24"
        ),
    ])
    func `what cannot be meant in the pool is refused in words`(
        name: String, value: String, pool: String, subPool: String, words: String
    ) throws {
        #expect(try refusal("plugind.\(name)", value, pool, subPool) == "option plugind.\(name): \(words)")
    }

    /// The sentence with which the option is refused in the pool, or "" if it is not.
    private func refusal(_ key: String, _ value: String, _ pool: String, _ subPool: String) throws -> String {
        let prefix = try #require(Prefix(pool))
        let options = try PoolOptions([key: value], family: prefix.family, defaults: PoolOptions())
        do {
            try options.check(against: prefix, subPool: Prefix(subPool))
            return ""
        } catch {
            return error.description
        }
    }
}
