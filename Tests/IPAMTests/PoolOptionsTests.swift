// SPDX-License-Identifier: Apache-2.0

import Addressing
import Testing

@testable import IPAM

@Suite("Options of a pool")
struct PoolOptionsTests {
    @Test func `without options the defaults hold`() throws {
        let options = try PoolOptions([:], family: .v4, defaults: PoolOptions())
        #expect(options == PoolOptions())
        #expect(options.sticky == .time(.seconds(24 * 3_600)))
        #expect(options.quarantine == .seconds(60))
        #expect(options.order == .lru)
        #expect(options.ranges.isEmpty && options.exclude.isEmpty && options.reservations.isEmpty)
        #expect(options.name == nil)
    }

    @Test func `what is not said is as in the defaults that are given`() throws {
        var defaults = PoolOptions()
        defaults.sticky = .forever
        defaults.quarantine = .seconds(5)
        defaults.order = .random
        let options = try PoolOptions(["plugind.order": "sequential"], family: .v4, defaults: defaults)
        #expect(options.order == .sequential && options.sticky == .forever && options.quarantine == .seconds(5))
        // Other defaults leave alone what was said, be it the same.
        let others = options.following(PoolOptions())
        #expect(others.order == .sequential && others.sticky == PoolOptions().sticky)
        #expect(others.quarantine == .seconds(60))
    }

    @Test(
        arguments: [
            ("off", .off), ("0", .off), ("0s", .off), ("forever", .forever), ("90s", .time(.seconds(90))),
            ("7d", .time(.seconds(604_800))),
        ] as [(String, PoolOptions.Retention)])
    func `sticky is off, forever or a duration`(text: String, retention: PoolOptions.Retention) throws {
        let options = try PoolOptions(["plugind.sticky": text], family: .v6, defaults: PoolOptions())
        #expect(options.sticky == retention)
        #expect(PoolOptions.Retention(retention.description) == retention)
    }

    @Test(arguments: [("off", 0), ("0", 0), ("0m", 0), ("90s", 90), ("10m", 600), ("24h", 86_400), ("7d", 604_800)])
    func `quarantine is off or a duration`(text: String, seconds: Int) throws {
        let options = try PoolOptions(["plugind.quarantine": text], family: .v4, defaults: PoolOptions())
        #expect(options.quarantine == .seconds(seconds))
    }

    @Test(
        arguments: [("lru", .lru), ("random", .random), ("sequential", .sequential)] as [(String, PoolOptions.Order)])
    func `order is one of three`(text: String, order: PoolOptions.Order) throws {
        var defaults = PoolOptions()
        defaults.order = order == .lru ? .random : .lru
        let options = try PoolOptions(["plugind.order": text], family: .v4, defaults: defaults)
        #expect(options.order == order)
    }

    @Test(arguments: ["plugind.ranges", "plugind.exclude"])
    func `ranges and exclusions are lists of ranges, prefixes and addresses, of which each family takes its own`(
        key: String
    ) throws {
        let text = "10.0.0.10-10.0.0.99, 10.0.0.128/26,fd00::/64 ,10.0.0.7,  fd01::5-fd01::5,fd02::1"
        let v4 = try PoolOptions([key: text], family: .v4, defaults: PoolOptions())
        let v6 = try PoolOptions([key: text], family: .v6, defaults: PoolOptions())
        func list(_ options: PoolOptions) -> [String] {
            (key == "plugind.ranges" ? options.ranges : options.exclude).map(\.text)
        }
        #expect(list(v4) == ["10.0.0.10-10.0.0.99", "10.0.0.128/26", "10.0.0.7"])
        #expect(list(v6) == ["fd00::/64", "fd01::5", "fd02::1"])
        #expect((key == "plugind.ranges" ? v4.exclude : v4.ranges).isEmpty)
    }

    @Test func `reservations are for names and MAC addresses, of which each family takes its own`() throws {
        let text = "web=10.0.0.5, web=fd00::5,02:11:22:33:44:AA=10.0.0.6,a.b_c-1=10.0.0.7,0=fd00::6"
        let v4 = try PoolOptions(["plugind.reserve": text], family: .v4, defaults: PoolOptions())
        let v6 = try PoolOptions(["plugind.reserve": text], family: .v6, defaults: PoolOptions())
        #expect(
            v4.reservations.map(\.description) == [
                "web=10.0.0.5", "02:11:22:33:44:aa=10.0.0.6", "a.b_c-1=10.0.0.7",
            ])
        #expect(v6.reservations.map(\.description) == ["web=fd00::5", "0=fd00::6"])
        #expect(
            v4.reservations.map(\.identity.description) == [
                "container web", "MAC address 02:11:22:33:44:aa", "container a.b_c-1",
            ])
    }

    @Test(arguments: ["lan", "shop_default", "a b", "Büro/2", String(repeating: "n", count: 255)])
    func `a network's name is kept as it is`(text: String) throws {
        #expect(try PoolOptions(["plugind.name": text], family: .v4, defaults: PoolOptions()).name == text)
    }

    @Test func `options of others are not looked at`() throws {
        let others = [
            "com.docker.network.ipam.serial": "true", "plugind": "x", "plugindx.sticky": "x", "Plugind.sticky": "x",
            "": "",
        ]
        #expect(try PoolOptions(others, family: .v4, defaults: PoolOptions()) == PoolOptions())
    }

    @Test(arguments: [
        ("sticky", "long", "‘long’ is not a duration such as 90s, 10m, 24h or 7d, nor off, nor forever"),
        ("sticky", "", "‘’ is not a duration such as 90s, 10m, 24h or 7d, nor off, nor forever"),
        ("sticky", "-1s", "‘-1s’ is not a duration such as 90s, 10m, 24h or 7d, nor off, nor forever"),
        ("sticky", "60", "‘60’ is not a duration such as 90s, 10m, 24h or 7d, nor off, nor forever"),
        ("quarantine", "fast", "‘fast’ is not a duration such as 90s, 10m, 24h or 7d, nor off"),
        ("quarantine", "", "‘’ is not a duration such as 90s, 10m, 24h or 7d, nor off"),
        ("quarantine", "forever", "‘forever’ is not a duration such as 90s, 10m, 24h or 7d, nor off"),
        ("quarantine", "1000000000s", "‘1000000000s’ is not a duration such as 90s, 10m, 24h or 7d, nor off"),
        ("order", "lowest", "‘lowest’ is not an order; orders are lru, random, sequential"),
        ("order", "LRU", "‘LRU’ is not an order; orders are lru, random, sequential"),
        ("order", "", "‘’ is not an order; orders are lru, random, sequential"),
        ("ranges", "", "‘’ is an empty list"),
        ("ranges", "  ", "‘  ’ is an empty list"),
        ("ranges", "10.0.0.1,", "‘10.0.0.1,’ is a list with an empty entry"),
        ("ranges", "10.0.0.1, ,10.0.0.3", "‘10.0.0.1, ,10.0.0.3’ is a list with an empty entry"),
        (
            "ranges", "10.0.0.1,10.0.0.2-9",
            "‘10.0.0.2-9’ is not a range such as 10.0.0.10-10.0.0.99, nor a prefix, nor an address"
        ),
        (
            "ranges", "10.0.0.1 - 10.0.0.9",
            "‘10.0.0.1 - 10.0.0.9’ is not a range such as 10.0.0.10-10.0.0.99, nor a prefix, nor an address"
        ),
        (
            "ranges", "10.0.0.1-10.0.0.2-10.0.0.3",
            "‘10.0.0.1-10.0.0.2-10.0.0.3’ is not a range such as 10.0.0.10-10.0.0.99, nor a prefix, nor an address"
        ),
        (
            "ranges", "10.0.0.0/33",
            "‘10.0.0.0/33’ is not a range such as 10.0.0.10-10.0.0.99, nor a prefix, nor an address"
        ),
        ("ranges", "-", "‘-’ is not a range such as 10.0.0.10-10.0.0.99, nor a prefix, nor an address"),
        ("ranges", "10.0.0.128/24", "‘10.0.0.128/24’ has host bits set; did you mean 10.0.0.0/24?"),
        ("ranges", "10.0.0.99-10.0.0.10", "‘10.0.0.99-10.0.0.10’ ends before it begins"),
        ("ranges", "10.0.0.1-fd00::1", "‘10.0.0.1-fd00::1’ begins in IPv4 and ends in IPv6"),
        // A mistake in an entry of the other family is one all the same.
        ("ranges", "10.0.0.1,fd00::9-fd00::1", "‘fd00::9-fd00::1’ ends before it begins"),
        ("exclude", "", "‘’ is an empty list"),
        ("exclude", ",10.0.0.1", "‘,10.0.0.1’ is a list with an empty entry"),
        ("exclude", "all", "‘all’ is not a range such as 10.0.0.10-10.0.0.99, nor a prefix, nor an address"),
        ("exclude", "fd00::1/64", "‘fd00::1/64’ has host bits set; did you mean fd00::/64?"),
        ("exclude", "fd00::2-fd00::1", "‘fd00::2-fd00::1’ ends before it begins"),
        ("exclude", "fd00::1-10.0.0.1", "‘fd00::1-10.0.0.1’ begins in IPv6 and ends in IPv4"),
        ("reserve", "", "‘’ is an empty list"),
        ("reserve", "web=10.0.0.5,,db=10.0.0.6", "‘web=10.0.0.5,,db=10.0.0.6’ is a list with an empty entry"),
        ("reserve", "web", "‘web’ is not a reservation such as web=10.0.0.5 or 02:11:22:33:44:55=10.0.0.5"),
        (
            "reserve", "web=10.0.0.5=10.0.0.6",
            "‘web=10.0.0.5=10.0.0.6’ is not a reservation such as web=10.0.0.5 or 02:11:22:33:44:55=10.0.0.5"
        ),
        (
            "reserve", "-web=10.0.0.5",
            "‘-web=10.0.0.5’ begins neither with a container's name (letters, digits, ‘_’, ‘.’, ‘-’) nor "
                + "with a MAC address"
        ),
        (
            "reserve", "=10.0.0.5",
            "‘=10.0.0.5’ begins neither with a container's name (letters, digits, ‘_’, ‘.’, ‘-’) nor "
                + "with a MAC address"
        ),
        (
            "reserve", "02:11:22=10.0.0.5",
            "‘02:11:22=10.0.0.5’ begins neither with a container's name (letters, digits, ‘_’, ‘.’, ‘-’) nor "
                + "with a MAC address"
        ),
        (
            "reserve", "01:00:5e:00:00:01=10.0.0.5",
            "‘01:00:5e:00:00:01=10.0.0.5’ begins with a MAC address that no link can have"
        ),
        (
            "reserve", "00:00:00:00:00:00=10.0.0.5",
            "‘00:00:00:00:00:00=10.0.0.5’ begins with a MAC address that no link can have"
        ),
        ("reserve", "web=", "‘web=’ does not end in an address"),
        ("reserve", "web=10.0.0.0/24", "‘web=10.0.0.0/24’ does not end in an address"),
        ("reserve", "web=10.0.0.5/24", "‘web=10.0.0.5/24’ does not end in an address"),
        ("name", "", "‘’ is no name"),
        ("name", "a\nb\u{1b}", "‘a\\nb\\u{1B}’ has control characters"),
        (
            "name", String(repeating: "n", count: 256),
            "‘\(String(repeating: "n", count: 80))…’ is longer than 255 bytes"
        ),
    ])
    func `a bad value is refused in a sentence that names the option, the value and the reason`(
        name: String, value: String, words: String
    ) {
        for family in [AddressFamily.v4, .v6] {
            let error = #expect(throws: IPAMError.self) {
                try PoolOptions(["plugind.\(name)": value], family: family, defaults: PoolOptions())
            }
            #expect(error?.description == "option plugind.\(name): \(words)")
        }
    }

    @Test(arguments: [
        ("plugind.stiky", "unknown option plugind.stiky; did you mean plugind.sticky?"),
        ("plugind.Sticky", "unknown option plugind.Sticky; did you mean plugind.sticky?"),
        ("plugind.range", "unknown option plugind.range; did you mean plugind.ranges?"),
        ("plugind.excludes", "unknown option plugind.excludes; did you mean plugind.exclude?"),
        ("plugind.names", "unknown option plugind.names; did you mean plugind.name?"),
        (
            "plugind.colour",
            "unknown option plugind.colour; known are: plugind.sticky, plugind.quarantine, plugind.order, "
                + "plugind.ranges, plugind.exclude, plugind.reserve, plugind.name"
        ),
        (
            "plugind.",
            "unknown option plugind.; known are: plugind.sticky, plugind.quarantine, plugind.order, "
                + "plugind.ranges, plugind.exclude, plugind.reserve, plugind.name"
        ),
    ])
    func `an option that is not known is refused, with the nearest one or all`(key: String, words: String) {
        let error = #expect(throws: IPAMError.self) {
            try PoolOptions([key: "x"], family: .v4, defaults: PoolOptions())
        }
        #expect(error?.description == words)
        #expect(error?.isBadRequest == true)
    }

    @Test func `of several mistakes the first by name is reported`() {
        let options = ["plugind.sticky": "x", "plugind.order": "x", "plugind.quarantine": "x"]
        for _ in 0..<20 {
            let error = #expect(throws: IPAMError.self) {
                try PoolOptions(options, family: .v4, defaults: PoolOptions())
            }
            #expect(
                error?.description == "option plugind.order: ‘x’ is not an order; orders are lru, random, sequential")
        }
    }
}
