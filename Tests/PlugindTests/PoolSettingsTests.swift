// SPDX-License-Identifier: Apache-2.0

import Addressing
import IPAM
import Testing

@testable import plugind

@Suite("Pools in the configuration")
struct PoolSettingsTests {
    @Test func `default pools are written as for the engine`() throws {
        let text = """
            default-address-pools:
              - base: 10.64.0.0/16
                size: 27
              - {base: "fd12:3456::/32", size: "64"}
              - {size: 32, base: 10.65.0.0/32}
            """
        let pools = try configuration(of: text).defaultPools
        #expect(pools.ipv4 == [try block("10.64.0.0/16", 27), try block("10.65.0.0/32", 32)])
        #expect(pools.ipv6 == [try block("fd12:3456::/32", 64)])
    }

    @Test func `a family without default pools of its own keeps the standard ones`() throws {
        let ipv4 = try configuration(of: "default-address-pools: [{base: 10.0.0.0/8, size: 24}]").defaultPools
        #expect(ipv4.ipv4 == [try block("10.0.0.0/8", 24)])
        #expect(ipv4.ipv6 == DefaultPools.standard.ipv6)
        let ipv6 = try configuration(of: "default-address-pools: [{base: 'fd00::/8', size: 128}]").defaultPools
        #expect(ipv6.ipv4 == DefaultPools.standard.ipv4)
        #expect(ipv6.ipv6 == [try block("fd00::/8", 128)])
    }

    @Test(arguments: ["default-address-pools:", "default-address-pools: []"])
    func `no default pools are the standard ones`(text: String) throws {
        #expect(try configuration(of: text).defaultPools == .standard)
    }

    @Test(arguments: [
        ("10.0.0.0/8", "line 1: default-address-pools: this is not a list, such as [{base: 172.17.0.0/16, size: 24}]"),
        (
            "[10.0.0.0/8]",
            "line 1: default-address-pools, entry 1: this is not a mapping, such as {base: 172.17.0.0/16, size: 24}"
        ),
        ("\n- base: 10.0.0.0/8", "line 2: default-address-pools, entry 1: size is missing"),
        ("\n- size: 24", "line 2: default-address-pools, entry 1: base is missing"),
        (
            "\n- base: 10.0.0.0/8\n  sise: 24",
            "line 3: default-address-pools, entry 1: unknown key ‘sise’; did you mean ‘size’?"
        ),
        (
            "\n- base: 10.0.0.0/8\n  length: 24",
            "line 3: default-address-pools, entry 1: unknown key ‘length’; keys are base, size"
        ),
        (
            "\n- {base: 10.0.0.0/8, size: 24}\n- {base: 172.17.0.1/16, size: 24}",
            "line 3: default-address-pools, entry 2: base 172.17.0.1/16 is an address in a subnet, not a subnet; did you "
                + "mean 172.17.0.0/16?"
        ),
        (
            "\n- {base: ten, size: 24}",
            "line 2: default-address-pools, entry 1: base ‘ten’ is not a subnet such as 10.0.0.0/8 or fd00::/48"
        ),
        (
            "\n- {base: 127.0.0.0/8, size: 24}",
            "line 2: default-address-pools, entry 1: base 127.0.0.0/8 cannot be used: 127.0.0.0/8 is reserved for "
                + "loopback"
        ),
        (
            "\n- base: 10.0.0.0/8\n  size: 7",
            "line 2: default-address-pools, entry 1: size 7 does not fit base 10.0.0.0/8: it is the prefix length of "
                + "each pool, 8 to 32"
        ),
        (
            "\n- {base: 10.0.0.0/8, size: 33}",
            "line 2: default-address-pools, entry 1: size 33 does not fit base 10.0.0.0/8: it is the prefix length of "
                + "each pool, 8 to 32"
        ),
        (
            "\n- {base: 'fd00::/48', size: 129}",
            "line 2: default-address-pools, entry 1: size 129 does not fit base fd00::/48: it is the prefix length of "
                + "each pool, 48 to 128"
        ),
        (
            "\n- base: 10.0.0.0/8\n  size: +24",
            "line 3: default-address-pools, entry 1, size: ‘+24’ is not the prefix length of a pool, such as 24"
        ),
        ("\n- {base: [], size: 24}", "line 2: default-address-pools, entry 1, base: this is not a plain text"),
        (
            "\n- {base: 10.0.0.0/8, size: 24}\n- {base: 'fd00::/8', size: 64}\n- {base: 10.1.0.0/16, size: 24}",
            "line 4: default-address-pools, entry 3: base 10.1.0.0/16 overlaps that of entry 1, 10.0.0.0/8"
        ),
    ])
    func `bad default pools are refused, with the number of the entry`(value: String, words: String) {
        let error = #expect(throws: ConfigurationError.self) {
            try configuration(of: "default-address-pools: \(value)")
        }
        #expect(error?.description == "FILE, \(words)")
    }

    @Test func `forbidden pools are a list in the file, and have commas between elsewhere`() throws {
        let file = "forbidden-pools:\n- 10.0.0.0/8\n- 'fd00::/8'\n"
        let inFile = try prefixes("10.0.0.0/8", "fd00::/8")
        #expect(try configuration(of: file).forbiddenPools == inFile)
        let inEnvironment = try prefixes("172.20.0.0/14", "192.168.0.0/16")
        let environment = ["PLUGIND_FORBIDDEN_POOLS": "172.20.0.0/14, 192.168.0.0/16"]
        #expect(try configuration(of: file, environment: environment).forbiddenPools == inEnvironment)
        let flags = [Configuration.Key.forbiddenPools: "fd00:1::/32"]
        let inFlag = try prefixes("fd00:1::/32")
        #expect(try configuration(of: file, flags: flags, environment: environment).forbiddenPools == inFlag)
    }

    @Test func `an empty text forbids nothing`() throws {
        let environment = ["PLUGIND_FORBIDDEN_POOLS": ""]
        #expect(try configuration(of: "forbidden-pools: [10.0.0.0/8]", environment: environment).forbiddenPools == [])
        #expect(try configuration(of: "forbidden-pools:").forbiddenPools == [])
    }

    @Test(arguments: [
        ("10.0.0.0/8", "line 1: forbidden-pools: this is not a list, such as [10.0.0.0/8]"),
        (
            "\n- 10.0.0.0/8\n- 10.0.0.0",
            "line 3: forbidden-pools, entry 2: ‘10.0.0.0’ is not a subnet such as 10.0.0.0/8 or fd00::/8"
        ),
        (
            "[172.16.0.1/12]",
            "line 1: forbidden-pools, entry 1: ‘172.16.0.1/12’ is an address in a subnet, not a subnet; did you mean "
                + "172.16.0.0/12?"
        ),
        ("\n- {base: 10.0.0.0/8}", "line 2: forbidden-pools, entry 1: this is not a plain text"),
    ])
    func `bad forbidden pools are refused, with the number of the entry`(value: String, words: String) {
        let error = #expect(throws: ConfigurationError.self) { try configuration(of: "forbidden-pools: \(value)") }
        #expect(error?.description == "FILE, \(words)")
    }

    @Test(arguments: [
        ("10.0.0.0/8,", "‘’ is not a subnet such as 10.0.0.0/8 or fd00::/8"),
        (",", "‘’ is not a subnet such as 10.0.0.0/8 or fd00::/8"),
        ("10.0.0.0/8 fd00::/8", "‘10.0.0.0/8 fd00::/8’ is not a subnet such as 10.0.0.0/8 or fd00::/8"),
        ("10.0.0.1/8", "‘10.0.0.1/8’ is an address in a subnet, not a subnet; did you mean 10.0.0.0/8?"),
    ])
    func `bad forbidden pools of a flag are refused`(value: String, words: String) {
        let error = #expect(throws: ConfigurationError.self) {
            try Configuration(flags: [.forbiddenPools: value], environment: [:], file: nil)
        }
        #expect(error?.description == "--forbidden-pools: \(words)")
    }

    @Test(arguments: [
        ("PLUGIND_DEFAULT_ADDRESS_POOLS", "default-address-pools"), ("PLUGIND_RESERVATIONS", "reservations"),
    ])
    func `what only the file takes is refused elsewhere`(variable: String, setting: String) {
        let error = #expect(throws: ConfigurationError.self) {
            try Configuration(flags: [:], environment: [variable: "[]"], file: nil)
        }
        #expect(error?.description == "\(variable): only the configuration file takes \(setting)")
    }

    private func block(_ base: String, _ length: Int) throws -> DefaultPools.Block {
        let base = try #require(Prefix(base))
        return try #require(DefaultPools.Block(base: base, poolLength: length))
    }

    private func prefixes(_ texts: String...) throws -> [Prefix] { try texts.map { try #require(Prefix($0)) } }
}
