// SPDX-License-Identifier: Apache-2.0

import Addressing
import Foundation
import HostNetwork
import Testing

extension KernelTests {
    /// The rules as a person reads them, against what was written down in `Tests/Fixtures/rules`: the tables themselves, and
    /// the elements of some set-ups. Versions of nft spell rules differently, so that what was written down is read and
    /// listed again by the nft that is here. With `PLUGIND_WRITE_RULES=1` the tables are written down anew; the difference
    /// is then to be read before it is kept.
    @Suite(.requiresIPv6) final class GoldenRules: Sendable {
        let firewall: NFTables

        init() throws {
            firewall = try NFTables()
        }

        deinit {
            _ = try? HostCommand.run("nft flush ruleset")
        }

        @Test(.enabled(if: ProcessInfo.processInfo.environment["PLUGIND_WRITE_RULES"] == "1"))
        func `the tables are written down anew`() throws {
            try firewall.update(adding: [.closedPort(.make("pdh111111111111"))], removing: [])
            try RuleText.write("inet plugind", to: "table")
            try RuleText.write("bridge plugind", to: "table-bridge")
        }

        @Test func `without a network there is no table`() throws {
            try firewall.update(adding: [], removing: [])
            try expectTables([])
            try firewall.restore()
            try expectTables([])
        }

        @Test func `a network with published ports`() throws {
            let container = try IPAddress.make("10.0.0.2")
            var elements = try network("br-lan", ["10.0.0.0/24"])
            elements.insert(.port(.tcp, host: try .make("0.0.0.0"), 8080, container: container, 80))
            elements.insert(.port(.udp, host: try .make("0.0.0.0"), 53, container: container, 53))
            elements.formUnion([.masqueraded(.v4, try .make("br-lan")), .masqueraded(.v6, try .make("br-lan"))])
            try firewall.update(adding: elements, removing: [])
            try expectTables(["table", "published"])
        }

        @Test func `both families, ranges, and addresses of the host`() throws {
            let bridge = try InterfaceName.make("br-lan")
            let (own4, own6) = (try IPAddress.make("10.0.0.2"), try IPAddress.make("fd00::2"))
            let (all4, all6) = (try IPAddress.make("0.0.0.0"), try IPAddress.make("::"))
            let (host4, host6) = (try IPAddress.make("192.0.2.7"), try IPAddress.make("2001:db8::7"))
            try firewall.update(
                adding: try network("br-lan", ["10.0.0.0/24", "fd00::/64"]).union([
                    .masqueraded(.v4, bridge), .source(try .make("2001:db8::99"), bridge),
                    .port(.tcp, host: all4, 8080, container: own4, 80),
                    .port(.tcp, host: all6, 8080, container: own6, 80),
                    .port(.sctp, host: host4, 36412, container: own4, 5000),
                    .port(.tcp, host: host6, 443, container: own6, 8443),
                    .range(.udp, host: all4, 6000...6100, container: own4),
                    .range(.udp, host: all6, 6000...6100, container: own6),
                    .range(.tcp, host: host4, 7000...7001, container: own4),
                ]), removing: [])
            try expectTables(["table", "dual-stack"])
        }

        @Test func `an internal network whose containers do not reach each other`() throws {
            let bridge = try InterfaceName.make("br-in")
            try firewall.update(
                adding: try network("br-in", ["10.0.1.0/24"]).union([
                    .closed(bridge), .sealed(.v4, bridge), .sealed(.v6, bridge), .isolated(.v6, bridge),
                    .closedPort(try .make("pdh111111111111")), .closedPort(try .make("pdh222222222222")),
                ]), removing: [])
            try expectTables(["table", "table-bridge", "internal"])
        }

        @Test func `a routed network with clients and blackholes, one with trusted links, a host that is guarded`()
            throws
        {
            let (open, lan) = (try InterfaceName.make("br-open"), try InterfaceName.make("br-lan"))
            let (own4, own6) = (try IPAddress.make("10.0.3.2"), try IPAddress.make("fd00:3::2"))
            // 10.9.0.0/16 is part of 10.0.0.0/8; no IPv6 client is left.
            let clients = try ["10.0.0.0/8", "10.9.0.0/16", "192.168.1.7/32"].map(Prefix.make)
            var elements = try network("br-open", ["10.0.3.0/24", "fd00:3::/64"])
            elements.formUnion(try network("br-lan", ["10.0.4.0/24"]))
            elements.formUnion(RulesetElement.clients(clients, of: own4))
            elements.formUnion(RulesetElement.clients(clients, of: own6))
            elements.formUnion([
                .door(.v4, open, atEveryPort: false), .door(.v6, open, atEveryPort: true), .masqueraded(.v6, open),
                .open(.tcp, own4, 80...80), .open(.tcp, own6, 80...80),
                .open(.udp, own4, 6000...6002), .open(.udp, own6, 6000...6002),
                .hole(try .make("192.0.2.0/24"), open), .hole(try .make("2001:db8:bad::/48"), open),
                .source(try .make("192.0.2.99"), lan), .trusted(try .make("eth0"), lan),
                .trusted(try .make("wg-1.2"), lan), .engineBridge("docker0"), .guarded(.v4), .guarded(.v6),
            ])
            try firewall.update(adding: elements, removing: [])
            try expectTables(["table", "routed"])
        }

        private func network(_ bridge: String, _ subnets: [String]) throws -> Set<RulesetElement> {
            let bridge = try InterfaceName.make(bridge)
            return Set(RulesetElement.bridge(bridge) + (try subnets.map { .subnet(try .make($0), bridge) }))
        }

        /// Both tables are as in these files; and so they are if they are made anew.
        private func expectTables(_ files: [String]) throws {
            let first = try tables()
            try firewall.restore()
            #expect(try tables() == first)
            try HostCommand.run("nft flush ruleset")
            if !files.isEmpty { try RuleText.load(files) }
            let golden = try tables()
            for (lines, expected) in zip(first, golden) where lines != expected {
                Issue.record(
                    """
                    not as written down in \(files):
                    \(lines.difference(from: expected).map(String.init(describing:)).joined(separator: "\n"))
                    """)
            }
        }

        private func tables() throws -> [[String]] {
            try ["inet plugind", "bridge plugind"].map(RuleText.table)
        }
    }
}
