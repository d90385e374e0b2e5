// SPDX-License-Identifier: Apache-2.0

import Addressing
import Foundation
import HostNetwork
import Testing

extension KernelTests {
    /// plugind's own tables: what is added and removed, and what becomes of them when somebody else is at them.
    @Suite(.requiresIPv6) final class Firewall: Sendable {
        let firewall: NFTables

        init() throws {
            firewall = try NFTables()
        }

        deinit {
            _ = try? HostCommand.run("nft flush ruleset")
        }

        private func network(_ bridge: String) throws -> Set<RulesetElement> {
            Set(RulesetElement.bridge(try .make(bridge)))
        }

        private func port(_ port: UInt16, to address: String = "10.0.0.2") throws -> RulesetElement {
            .port(.tcp, host: try .make("0.0.0.0"), port, container: try .make(address), 80)
        }

        private static func tables() throws -> [String] { try HostCommand.lines("nft list tables") }

        @Test func `elements come and go, and with the last of them the table`() throws {
            try firewall.update(adding: network("br-a"), removing: [])
            #expect(try RuleText.elements(of: "bridges") == ["\"br-a\""])
            try firewall.update(adding: network("br-b").union([port(8080)]), removing: [])
            #expect(try RuleText.elements(of: "bridges") == ["\"br-a\"", "\"br-b\""])
            #expect(try RuleText.elements(of: "ports4") == ["tcp . 8080 : 10.0.0.2 . 80"])
            try firewall.update(adding: [], removing: network("br-a").union([port(8080)]))
            #expect(try RuleText.elements(of: "bridges") == ["\"br-b\""])
            #expect(try RuleText.elements(of: "ports4") == [])
            try firewall.update(adding: [], removing: network("br-b"))
            #expect(try Self.tables() == [])
        }

        @Test func `a change of elements leaves the rules and the counts alone`() throws {
            try firewall.update(adding: network("br-a"), removing: [])
            let chains = "nft --json --handle list chains inet"
            let before = try HostCommand.lines(chains)
            try firewall.update(adding: network("br-b"), removing: network("br-a"))
            #expect(try HostCommand.lines(chains) == before)
        }

        @Test func `what is there already, or gone already, is success`() throws {
            try firewall.update(adding: network("br-a"), removing: network("br-b"))
            let before = try RuleText.table("inet plugind")
            try firewall.update(adding: network("br-a"), removing: network("br-b"))
            #expect(try RuleText.table("inet plugind") == before)
        }

        @Test func `what is added and removed at once is there`() throws {
            try firewall.update(adding: network("br-a"), removing: network("br-a"))
            #expect(try RuleText.elements(of: "bridges") == ["\"br-a\""])
            try firewall.update(adding: network("br-a"), removing: network("br-a"))
            #expect(try RuleText.elements(of: "bridges") == ["\"br-a\""])
        }

        @Test func `a port can be given to another container in one go`() throws {
            try firewall.update(adding: [port(8080)], removing: [])
            try firewall.update(adding: [port(8080, to: "10.0.0.3")], removing: [port(8080)])
            #expect(try RuleText.elements(of: "ports4") == ["tcp . 8080 : 10.0.0.3 . 80"])
        }

        @Test func `a port that leads to one container is not led to another, and a refused change changes nothing`()
            throws
        {
            try firewall.update(adding: network("br-a").union([port(8080)]), removing: [])
            let before = try RuleText.table("inet plugind")
            #expect(throws: FirewallError.self) {
                try firewall.update(adding: [port(8080, to: "10.0.0.3"), port(8081)], removing: network("br-a"))
            }
            #expect(try RuleText.table("inet plugind") == before)
            // It goes on from there.
            try firewall.update(adding: [port(8081)], removing: [port(8080)])
            #expect(try RuleText.elements(of: "ports4") == ["tcp . 8081 : 10.0.0.2 . 80"])
        }

        @Test func `the table of frames is there while there are ports for it`() throws {
            let ports = try ["pdh1", "pdh2"].map { RulesetElement.closedPort(try .make($0)) }
            try firewall.update(adding: network("br-a"), removing: [])
            #expect(try Self.tables() == ["table inet plugind"])
            try firewall.update(adding: [ports[0]], removing: [])
            try firewall.update(adding: [ports[1]], removing: [])
            #expect(try Set(Self.tables()) == ["table inet plugind", "table bridge plugind"])
            #expect(try RuleText.elements(of: "closed-ports", in: "bridge plugind") == ["\"pdh1\"", "\"pdh2\""])
            try firewall.update(adding: [], removing: [ports[0]])
            #expect(try RuleText.elements(of: "closed-ports", in: "bridge plugind") == ["\"pdh2\""])
            try firewall.update(adding: [], removing: [ports[1]])
            #expect(try Self.tables() == ["table inet plugind"])
        }

        // MARK: Others

        @Test(arguments: [
            "nft flush ruleset", "nft delete table inet plugind", "nft flush table inet plugind",
            "nft 'delete element inet plugind bridges { \"br-a\" }'", "nft flush chain inet plugind forward",
            "nft 'add element inet plugind bridges { \"br-x\" }; insert rule inet plugind forward accept'",
            "nft 'flush ruleset; add table inet plugind; add chain inet plugind forward'",
        ])
        func `whatever somebody does to the table is undone`(command: String) throws {
            try firewall.update(adding: network("br-a").union([port(8080)]), removing: [])
            let before = try RuleText.table("inet plugind")
            try HostCommand.run(command)
            #expect(try RuleText.table("inet plugind") != before)
            try firewall.restore()
            #expect(try RuleText.table("inet plugind") == before)
        }

        @Test(arguments: ["nft flush ruleset", "nft delete table inet plugind"])
        func `a change finds that the table is gone, and makes it anew`(command: String) throws {
            try firewall.update(adding: network("br-a"), removing: [])
            try HostCommand.run(command)
            try firewall.update(adding: [port(8080)], removing: [])
            #expect(try RuleText.elements(of: "bridges") == ["\"br-a\""])
            #expect(try RuleText.elements(of: "ports4") == ["tcp . 8080 : 10.0.0.2 . 80"])
        }

        @Test func `an element that somebody removed can be removed, one that somebody added can be added`() throws {
            try firewall.update(adding: network("br-a").union([port(8080)]), removing: [])
            try HostCommand.run("nft 'delete element inet plugind ports4 { tcp . 8080 }'")
            try HostCommand.run("nft 'add element inet plugind ports4 { tcp . 8081 : 10.0.0.9 . 80 }'")
            try firewall.update(adding: [port(8081)], removing: [port(8080)])
            #expect(try RuleText.elements(of: "ports4") == ["tcp . 8081 : 10.0.0.2 . 80"])
        }

        @Test func `the first change of a daemon makes the tables anew, whatever its predecessor left`() throws {
            try firewall.update(
                adding: network("br-old").union([port(8080), .closedPort(.make("pdh1"))]), removing: [])
            let successor = try NFTables()
            try successor.update(adding: network("br-a"), removing: [])
            #expect(try RuleText.elements(of: "bridges") == ["\"br-a\""])
            #expect(try RuleText.elements(of: "ports4") == [])
            #expect(try Self.tables() == ["table inet plugind"])
            try NFTables().update(adding: [], removing: [])
            #expect(try Self.tables() == [])
        }

        @Test func `two with tables of different names leave each other alone`() throws {
            let other = try NFTables(table: "other.lan")
            try firewall.update(adding: network("br-a").union([port(8080)]), removing: [])
            let before = try RuleText.table("inet plugind")
            try other.update(adding: network("br-b").union([port(8081), .closedPort(.make("pdh1"))]), removing: [])
            #expect(try RuleText.elements(of: "ports4", in: "inet other.lan") == ["tcp . 8081 : 10.0.0.2 . 80"])
            #expect(try RuleText.elements(of: "closed-ports", in: "bridge other.lan") == ["\"pdh1\""])
            try other.restore()
            try other.update(adding: [], removing: network("br-b").union([port(8081), .closedPort(.make("pdh1"))]))
            #expect(try Self.tables() == ["table inet plugind"])
            #expect(try RuleText.table("inet plugind") == before)
        }

        @Test func `tables of others stay`() throws {
            try HostCommand.run("nft 'add table inet other; add chain inet other c; add rule inet other c counter'")
            let before = try HostCommand.lines("nft list ruleset")
            try firewall.update(adding: network("br-a").union([.closedPort(.make("pdh1"))]), removing: [])
            try firewall.restore()
            try firewall.update(adding: [], removing: network("br-a").union([.closedPort(.make("pdh1"))]))
            #expect(try HostCommand.lines("nft list ruleset") == before)
        }

        @Test func `changes of many at once are all made and all undone`() async throws {
            let elements = try (0..<40).map { try network("br-\($0)").union([port(8000 + UInt16($0))]) }
            try await change(elements) { try $0.update(adding: $1, removing: []) }
            #expect(try RuleText.elements(of: "bridges").count == 40)
            #expect(try RuleText.elements(of: "ports4").count == 40)
            try await change(elements) { try $0.update(adding: [], removing: $1) }
            #expect(try Self.tables() == [])
        }

        private func change(
            _ elements: [Set<RulesetElement>],
            _ body: @escaping @Sendable (NFTables, Set<RulesetElement>) throws -> Void
        ) async throws {
            try await withThrowingTaskGroup(of: Void.self) { [firewall] group in
                for elements in elements { group.addTask { try body(firewall, elements) } }
                try await group.waitForAll()
            }
        }
    }
}
