// SPDX-License-Identifier: Apache-2.0

import Addressing
import Foundation
import HostNetwork
import Testing

extension KernelTests {
    /// The one rule among the engine's, and what the engine's rules say of its bridges. Read by `iptables` itself where it
    /// is installed; otherwise by `nft`.
    @Suite(.requiresIPv6) final class EngineRules: Sendable {
        let firewall: NFTables

        init() throws {
            firewall = try NFTables()
        }

        deinit {
            _ = try? HostCommand.run("nft flush ruleset")
        }

        private func makeEngineChains() throws {
            for family in Family.allCases { try family.makeEngineChain() }
        }

        // MARK: The rule

        @Test func `where the engine has no chain nothing is made`() throws {
            for accepts in [true, false] {
                #expect(try firewall.acceptAtEngine(accepts) == false)
                #expect(try HostCommand.lines("nft list ruleset") == [])
            }
        }

        @Test(arguments: Family.allCases)
        func `where the engine has another chain nothing is made`(family: Family) throws {
            try HostCommand.run("nft 'add table \(family) filter; add chain \(family) filter DOCKER'")
            let before = try HostCommand.lines("nft list ruleset")
            for accepts in [true, false] {
                #expect(try firewall.acceptAtEngine(accepts) == false)
                #expect(try HostCommand.lines("nft list ruleset") == before)
            }
        }

        @Test(arguments: Family.allCases)
        func `an engine that manages one family gets the rule in that one`(family: Family) throws {
            try family.makeEngineChain()
            #expect(try firewall.acceptAtEngine(true))
            #expect(try family.rules() == [family.accept, family.end])
            #expect(try HostCommand.lines("nft list tables") == ["table \(family) filter"])
        }

        @Test func `accepting twice makes one rule, before those that are there`() throws {
            try makeEngineChains()
            #expect(try firewall.acceptAtEngine(true) == true)
            #expect(try firewall.acceptAtEngine(true) == false)
            for family in Family.allCases { #expect(try family.rules() == [family.accept, family.end]) }
        }

        @Test func `a rule that was flushed is made again`() throws {
            try makeEngineChains()
            #expect(try firewall.acceptAtEngine(true))
            try HostCommand.run("nft flush chain ip6 filter DOCKER-USER")
            #expect(try firewall.acceptAtEngine(true))
            #expect(try Family.ip.rules() == [Family.ip.accept, Family.ip.end])
            #expect(try Family.ip6.rules() == [Family.ip6.accept])
        }

        @Test(.requiresIPTables, arguments: Family.allCases)
        func `the engine can still read and change its chain`(family: Family) throws {
            try family.makeEngineChain()
            #expect(try firewall.acceptAtEngine(true))
            let rule = "-m mark --mark 0x20000000/0x20000000 -m comment --comment 'plugind: networks' -j ACCEPT"
            try HostCommand.run("\(family.iptables) -C DOCKER-USER \(rule)")
            try HostCommand.run("\(family.iptables) -I DOCKER-USER -i eth0 -j DROP")
            #expect(try family.rules() == ["-A DOCKER-USER -i eth0 -j DROP", family.accept, family.end])
            try HostCommand.run("\(family.iptables) -D DOCKER-USER \(rule)")
            #expect(try family.rules() == ["-A DOCKER-USER -i eth0 -j DROP", family.end])
            try HostCommand.run("\(family.iptables) -F DOCKER-USER && \(family.iptables) -X DOCKER-USER")
        }

        @Test func `no longer accepting takes the rule away, and what is gone is fine`() throws {
            try makeEngineChains()
            #expect(try firewall.acceptAtEngine(true))
            for _ in 1...2 {
                #expect(try firewall.acceptAtEngine(false) == false)
                for family in Family.allCases { #expect(try family.rules() == [family.end]) }
            }
        }

        @Test(arguments: [true, false])
        func `a rule that is there more than once is there once, or not at all`(accepts: Bool) throws {
            try makeEngineChains()
            for family in Family.allCases {
                for _ in 1...3 { try family.addOwnRule() }
                #expect(try family.rules() == [family.end] + Array(repeating: family.accept, count: 3))
            }
            #expect(try firewall.acceptAtEngine(accepts) == false)
            for family in Family.allCases {
                #expect(try family.rules() == [family.end] + (accepts ? [family.accept] : []))
            }
        }

        @Test func `rules of others stay`() throws {
            try makeEngineChains()
            try HostCommand.run("nft 'insert rule ip filter DOCKER-USER meta mark & 0x20000000 == 0x20000000 accept'")
            let before = try Family.ip.rules()
            #expect(try firewall.acceptAtEngine(true))
            #expect(try Family.ip.rules() == [Family.ip.accept] + before)
            try firewall.acceptAtEngine(false)
            #expect(try Family.ip.rules() == before)
        }

        @Test func `two with tables of different names have a rule each`() throws {
            try makeEngineChains()
            let other = try NFTables(table: "other.lan")
            #expect(try firewall.acceptAtEngine(true))
            #expect(try other.acceptAtEngine(true))
            for family in Family.allCases { #expect(try family.rules().count == 3) }
            try other.acceptAtEngine(false)
            for family in Family.allCases { #expect(try family.rules() == [family.accept, family.end]) }
        }

        // MARK: Bridges

        @Test func `an engine without rules has no bridges`() throws {
            #expect(try firewall.engineBridges() == [])
            try makeEngineChains()
            #expect(try firewall.engineBridges() == [])
        }

        @Test(.requiresIPTables, arguments: Family.allCases, ["FORWARD", "DOCKER-BRIDGE"])
        func `bridges are those from which the engine's rules go on to ports`(family: Family, chain: String) throws {
            let iptables = family.iptables
            if chain != "FORWARD" { try HostCommand.run("\(iptables) -N \(chain)") }
            try HostCommand.run("\(iptables) -N DOCKER")
            for bridge in ["docker0", "br-0123456789ab"] {
                try HostCommand.run("\(iptables) -A \(chain) -o \(bridge) -m conntrack --ctstate ESTABLISHED -j ACCEPT")
                try HostCommand.run("\(iptables) -A \(chain) -o \(bridge) -j DOCKER")
                try HostCommand.run("\(iptables) -A \(chain) -i \(bridge) ! -o \(bridge) -j ACCEPT")
            }
            try HostCommand.run("\(iptables) -A \(chain) -o eth0 -j ACCEPT")
            #expect(try firewall.engineBridges() == ["docker0", "br-0123456789ab"])
        }
    }
}

/// One of the two families in which an engine has its rules.
enum Family: String, CaseIterable, CustomStringConvertible {
    case ip, ip6

    /// Whether `iptables` writes to nftables, as the engine's does where plugind serves it.
    static let hasIPTables = (try? HostCommand.run("iptables --version | grep -q nf_tables")) != nil

    var description: String { rawValue }
    var iptables: String { self == .ip ? "iptables" : "ip6tables" }

    /// Makes DOCKER-USER as an engine does.
    func makeEngineChain() throws {
        guard Self.hasIPTables else {
            try HostCommand.run(
                "nft 'add table \(self) filter; add chain \(self) filter DOCKER-USER; "
                    + "add rule \(self) filter DOCKER-USER counter return'")
            return
        }
        try HostCommand.run("\(iptables) -N DOCKER-USER && \(iptables) -A DOCKER-USER -j RETURN")
    }

    /// Adds the rule that we make.
    func addOwnRule() throws {
        try HostCommand.run(
            "nft 'add rule \(self) filter DOCKER-USER meta mark & 0x20000000 == 0x20000000 counter accept "
                + "comment \"plugind: networks\"'")
    }

    /// The rules of that chain, in order.
    func rules() throws -> [String] {
        guard Self.hasIPTables else {
            return try HostCommand.lines("nft --stateless list chain \(self) filter DOCKER-USER")
                .filter { $0.hasSuffix("accept") || $0.hasSuffix("\"") || $0.contains("counter") }
        }
        return try HostCommand.lines("\(iptables) -S DOCKER-USER").filter { $0.hasPrefix("-A") }
    }

    /// The rule that we make.
    var accept: String {
        Self.hasIPTables
            ? "-A DOCKER-USER -m mark --mark 0x20000000/0x20000000 -m comment --comment \"plugind: networks\" -j ACCEPT"
            : "meta mark & 0x20000000 == 0x20000000 counter accept comment \"plugind: networks\""
    }

    /// The rule with which the engine ends its chain.
    var end: String { Self.hasIPTables ? "-A DOCKER-USER -j RETURN" : "counter return" }
}

extension Trait where Self == ConditionTrait {
    /// Skipped where the rules cannot be read as the engine reads them.
    static var requiresIPTables: Self {
        .enabled(if: Family.hasIPTables, "iptables over nftables is not installed")
    }
}
