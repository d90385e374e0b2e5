// SPDX-License-Identifier: Apache-2.0

import Cnftables
import HostNetwork
import Testing

extension KernelTests {
    @Suite(.timeLimit(.minutes(10))) final class FirewallChanges: Sendable {
        deinit {
            _ = try? HostCommand.run("nft flush ruleset")
        }

        /// The notices up to one of the table that ends a test. That one is made by somebody else, and is not returned.
        private func notices(of monitor: FirewallMonitor) async throws -> [FirewallMonitor.Notice] {
            try HostCommand.run("nft 'add table inet end; delete table inet end'")
            let end = FirewallMonitor.Change.rules(family: .inet, table: "end", chain: nil)
            var all: [FirewallMonitor.Notice] = []
            for await notices in monitor.notices {
                if let index = notices.firstIndex(where: { $0.change == end }) { return all + notices[..<index] }
                all += notices
            }
            return all
        }

        @Test func `another program's change is told with table, chain and program`() async throws {
            let monitor = try FirewallMonitor()
            try HostCommand.run(
                "nft 'add table inet t; add chain inet t c; add rule inet t c accept; add set inet t s { type mark; }'")
            let notices = try await notices(of: monitor)
            #expect(
                notices.map(\.change) == [
                    .rules(family: .inet, table: "t", chain: nil), .rules(family: .inet, table: "t", chain: "c"),
                ])
            for notice in notices {
                #expect(notice.sender != 0)
                #expect(try #require(notice.process).wholeMatch(of: /nft \(process [1-9][0-9]*\)/) != nil)
            }
        }

        @Test(arguments: [
            ("ip", FirewallMonitor.Family.ip), ("ip6", .ip6), ("inet", .inet), ("bridge", .bridge), ("arp", .other),
        ])
        func `the family is told`(name: String, family: FirewallMonitor.Family) async throws {
            let monitor = try FirewallMonitor()
            try HostCommand.run("nft add table \(name) t")
            #expect(
                try await notices(of: monitor).map(\.change) == [.rules(family: family, table: "t", chain: nil)])
        }

        @Test func `what is deleted is told`() async throws {
            try HostCommand.run("nft 'add table ip filter; add chain ip filter DOCKER-USER'")
            try HostCommand.run("nft add rule ip filter DOCKER-USER accept")
            let monitor = try FirewallMonitor()
            try HostCommand.run("nft flush chain ip filter DOCKER-USER")
            #expect(
                try await notices(of: monitor).map(\.change)
                    == [.rules(family: .ip, table: "filter", chain: "DOCKER-USER")])
        }

        @Test func `what is done over own ports is not told, and what others do is`() async throws {
            let before = FirewallMonitor.ownPorts()
            let (first, second) = (try RuleWriter(), try RuleWriter())
            try first.run("add table inet own")
            try second.run("add chain inet own a")
            let ports = FirewallMonitor.ownPorts()
            #expect(ports.subtracting(before).count == 2)

            let monitor = try FirewallMonitor(ignoring: ports)
            try first.run("add chain inet own b")
            try HostCommand.run("nft add rule inet own a accept")
            try second.run("delete chain inet own b")
            let notices = try await notices(of: monitor)
            #expect(notices.map(\.change) == [.rules(family: .inet, table: "own", chain: "a")])
            #expect(notices.allSatisfy { $0.process?.hasPrefix("nft ") == true && !ports.contains($0.sender) })
        }

        @Test func `a port is known after the first command over it`() async throws {
            let (first, second) = (try RuleWriter(), try RuleWriter())
            let before = FirewallMonitor.ownPorts()
            try first.run("list tables")
            let ports = FirewallMonitor.ownPorts()
            #expect(ports.subtracting(before).count == 1)

            let monitor = try FirewallMonitor(ignoring: ports)
            try first.run("add table inet first")
            try second.run("add table inet second")
            let told = try await notices(of: monitor)
            #expect(told.map(\.change) == [.rules(family: .inet, table: "second", chain: nil)])
            #expect(ports.union(told.map(\.sender)).isSubset(of: FirewallMonitor.ownPorts()))
        }

        @Test func `own ports need not be known when none of them is there yet`() async throws {
            let writer = try RuleWriter()
            let monitor = try FirewallMonitor(gathering: .milliseconds(50), ignoringOwn: true)
            try writer.run("add table inet own")
            try HostCommand.run("nft add chain inet own c")
            try writer.run("add chain inet own d")
            let other = try RuleWriter()
            try other.run("delete chain inet own d")
            #expect(try await notices(of: monitor).map(\.change) == [.rules(family: .inet, table: "own", chain: "c")])
            // Until everything is read they must be there.
            withExtendedLifetime((writer, other)) {}
        }

        @Test func `a transaction of thousands is told once`() async throws {
            let monitor = try FirewallMonitor(gathering: .milliseconds(50))
            try HostCommand.run(
                "(echo add table inet t; echo add chain inet t c;"
                    + " for i in $(seq 3000); do echo add rule inet t c tcp dport $i accept; done) | nft -f -")
            #expect(try await notices(of: monitor).count == 2)
        }

        @Test func `more than the kernel keeps is an overrun, and the next change is told`() async throws {
            let monitor = try FirewallMonitor(gathering: .milliseconds(500))
            // Each element is told of by itself.
            try HostCommand.run(
                "(echo add table inet t; echo 'add set inet t s { type mark; }';"
                    + " echo add element inet t s { $(seq -s , 100000) }) | nft -f -")
            var isOverrun = false
            for await notices in monitor.notices where notices.contains(where: { $0.change == .overrun }) {
                isOverrun = true
                break
            }
            #expect(isOverrun)
            // Until everything is read the kernel drops the next ones too.
            try await Task.sleep(for: .seconds(1))
            try HostCommand.run("nft add table inet next")
            #expect(
                try await notices(of: monitor).map(\.change).contains(
                    .rules(family: .inet, table: "next", chain: nil)))
        }

        @Test func `stopping ends the notices, twice as well as once`() async throws {
            let monitor = try FirewallMonitor()
            monitor.stop()
            monitor.stop()
            for await _ in monitor.notices {}
        }
    }
}

/// A libnftables context of this process.
private final class RuleWriter {
    private let context: OpaquePointer

    init() throws {
        context = try #require(nft_ctx_new(UInt32(NFT_CTX_DEFAULT)))
        nft_ctx_buffer_output(context)
        nft_ctx_buffer_error(context)
    }

    deinit {
        nft_ctx_free(context)
    }

    func run(_ command: String) throws {
        try #require(nft_run_cmd_from_buffer(context, command) == 0, "\(command)")
    }
}
