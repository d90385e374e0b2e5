// SPDX-License-Identifier: Apache-2.0

import Addressing
import Foundation
import HostNetwork
import Testing

extension KernelTests {
    /// What `iptables` itself says of our rules, where it is installed; otherwise what `nft` says.
    @Suite(.requiresIPv6) final class Firewall: Sendable {
        let firewall: NFTables
        let bridge: InterfaceName

        init() throws {
            firewall = try NFTables()
            bridge = try .make("br-a")
        }

        deinit {
            _ = try? HostCommand.run("nft flush ruleset")
        }

        @Test func `where the engine has no chain nothing is made`() throws {
            for _ in 1...2 {
                #expect(try firewall.acceptInside(bridge) == false)
                try firewall.forgetInside(bridge)
                #expect(try HostCommand.lines("nft list ruleset") == [])
            }
        }

        @Test(arguments: Family.allCases)
        func `where the engine has another chain nothing is made`(family: Family) throws {
            try HostCommand.run("nft 'add table \(family) filter; add chain \(family) filter DOCKER'")
            let before = try HostCommand.lines("nft list ruleset")
            #expect(try firewall.acceptInside(bridge) == false)
            try firewall.forgetInside(bridge)
            #expect(try HostCommand.lines("nft list ruleset") == before)
        }

        @Test(arguments: Family.allCases)
        func `an engine that manages one family gets the rule in that one`(family: Family) throws {
            try family.makeEngineChain()
            #expect(try firewall.acceptInside(bridge))
            #expect(try family.rules() == [family.accept("br-a"), family.end])
            #expect(try HostCommand.lines("nft list tables") == ["table \(family) filter"])
        }

        @Test func `accepting twice makes one rule, before those that are there`() throws {
            try makeEngineChains()
            #expect(try firewall.acceptInside(bridge) == true)
            #expect(try firewall.acceptInside(bridge) == false)
            for family in Family.allCases {
                #expect(try family.rules() == [family.accept("br-a"), family.end])
            }
        }

        @Test func `a rule that was flushed is made again`() throws {
            try makeEngineChains()
            #expect(try firewall.acceptInside(bridge))
            try HostCommand.run("nft flush chain ip6 filter DOCKER-USER")
            #expect(try firewall.acceptInside(bridge))
            #expect(try Family.ip.rules() == [Family.ip.accept("br-a"), Family.ip.end])
            #expect(try Family.ip6.rules() == [Family.ip6.accept("br-a")])
        }

        @Test(.requiresIPTables, arguments: Family.allCases)
        func `the engine can still read and change its chain`(family: Family) throws {
            try family.makeEngineChain()
            #expect(try firewall.acceptInside(bridge))
            let rule = "-i br-a -o br-a -m comment --comment 'plugind: inside br-a' -j ACCEPT"
            try HostCommand.run("\(family.iptables) -C DOCKER-USER \(rule)")
            try HostCommand.run("\(family.iptables) -I DOCKER-USER -i eth0 -j DROP")
            #expect(try family.rules() == ["-A DOCKER-USER -i eth0 -j DROP", family.accept("br-a"), family.end])
            try HostCommand.run("\(family.iptables) -D DOCKER-USER \(rule)")
            #expect(try family.rules() == ["-A DOCKER-USER -i eth0 -j DROP", family.end])
            try HostCommand.run("\(family.iptables) -F DOCKER-USER && \(family.iptables) -X DOCKER-USER")
        }

        @Test func `forgetting takes the rule away, and what is gone is fine`() throws {
            try makeEngineChains()
            #expect(try firewall.acceptInside(bridge))
            for _ in 1...2 {
                try firewall.forgetInside(bridge)
                for family in Family.allCases {
                    #expect(try family.rules() == [family.end])
                }
            }
        }

        @Test func `a rule that was there more than once is forgotten altogether`() throws {
            try makeEngineChains()
            #expect(try firewall.acceptInside(bridge))
            for family in Family.allCases {
                try HostCommand.run(
                    "nft 'add rule \(family) filter DOCKER-USER iifname \"br-a\" oifname \"br-a\" counter accept "
                        + "comment \"plugind: inside br-a\"'")
                #expect(try family.rules().count == 3)
            }
            try firewall.forgetInside(bridge)
            for family in Family.allCases {
                #expect(try family.rules() == [family.end])
            }
        }

        @Test func `bridges whose names begin alike are told apart`() throws {
            let longer = try InterfaceName.make("br-ab")
            try makeEngineChains()
            #expect(try firewall.acceptInside(longer))
            #expect(try firewall.acceptInside(bridge))
            for family in Family.allCases {
                #expect(try family.rules() == [family.accept("br-a"), family.accept("br-ab"), family.end])
            }
            try firewall.forgetInside(bridge)
            for family in Family.allCases {
                #expect(try family.rules() == [family.accept("br-ab"), family.end])
            }
        }

        @Test func `rules of others stay`() throws {
            try makeEngineChains()
            let others = "iifname \"br-a\" oifname \"br-a\" counter accept"
            try HostCommand.run("nft 'insert rule ip filter DOCKER-USER \(others)'")
            let before = try Family.ip.rules()
            #expect(try firewall.acceptInside(bridge))
            try firewall.forgetInside(bridge)
            #expect(try Family.ip.rules() == before)
        }

        @Test(arguments: ["br-\"a", "br-*", "*", "br\\a", "br-a\"accept"])
        func `a name that means something to the packet filter is refused`(text: String) throws {
            let name = try InterfaceName.make(text)
            try makeEngineChains()
            #expect(throws: FirewallError.self) { try firewall.acceptInside(name) }
            try firewall.forgetInside(name)
            for family in Family.allCases {
                #expect(try family.rules() == [family.end])
            }
        }

        @Test func `rules of many bridges at once are all made and all forgotten`() async throws {
            try makeEngineChains()
            let names = try (0..<40).map { try InterfaceName.make("br-\($0)") }
            try await withThrowingTaskGroup(of: Void.self) { [firewall] group in
                for name in names {
                    group.addTask { _ = try firewall.acceptInside(name) }
                }
                try await group.waitForAll()
            }
            #expect(try Set(Family.ip6.rules().dropLast()) == Set(names.map { Family.ip6.accept("\($0)") }))
            for name in names {
                try firewall.forgetInside(name)
            }
            #expect(try Family.ip6.rules() == [Family.ip6.end])
        }

        private func makeEngineChains() throws {
            for family in Family.allCases {
                try family.makeEngineChain()
            }
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

    /// The rules of that chain, in order.
    func rules() throws -> [String] {
        guard Self.hasIPTables else {
            return try HostCommand.lines("nft --stateless list chain \(self) filter DOCKER-USER")
                .filter { $0.contains("counter") }
        }
        return try HostCommand.lines("\(iptables) -S DOCKER-USER").filter { $0.hasPrefix("-A") }
    }

    /// The rule that we make.
    func accept(_ bridge: String) -> String {
        guard Self.hasIPTables else {
            return "iifname \"\(bridge)\" oifname \"\(bridge)\" counter accept comment \"plugind: inside \(bridge)\""
        }
        return "-A DOCKER-USER -i \(bridge) -o \(bridge) -m comment --comment \"plugind: inside \(bridge)\" -j ACCEPT"
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
