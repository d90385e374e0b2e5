// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Testing

extension KernelTests {
    /// Flows over the loopback, which the kernel tracks because a rule asks for it.
    @Suite(.requiresIPv6) final class Flows: Sendable {
        let kernel: RTNetlink

        init() throws {
            kernel = try RTNetlink()
            try HostCommand.run(
                "nft 'add table inet t; add chain inet t c { type filter hook output priority 0; };"
                    + " add rule inet t c ct state new accept;"
                    // A refusal would end the flow.
                    + " add chain inet t i { type filter hook input priority 0; };"
                    + " add rule inet t i meta l4proto tcp drop'")
        }

        deinit {
            for transport in [TransportProtocol.udp, .tcp] {
                _ = try? forget(["127.0.0.1", "127.0.0.2", "::1"], 1...65535, transport)
            }
            _ = try? HostCommand.run("nft flush ruleset")
        }

        /// Makes a flow, of which `/dev/udp/…` of bash is the whole program.
        private func send(_ transport: TransportProtocol = .udp, to address: String, _ port: UInt16) throws {
            // Nobody listens: the first packet is all there is, and of TCP the kernel sends it again for a while.
            try HostCommand.run(
                "timeout 0.2 bash -c 'echo x >/dev/\(transport)/\(address)/\(port)' 2>/dev/null || true")
        }

        @discardableResult
        private func forget(
            _ addresses: [String], _ port: ClosedRange<UInt16>, _ transport: TransportProtocol = .udp
        ) throws -> Int {
            try kernel.forgetFlows([
                FlowFilter(transport: transport, destinations: Set(addresses.map { try .make($0) }), port: port)
            ])
        }

        @Test func `those of an address and port are forgotten, and no others`() throws {
            for address in ["127.0.0.1", "127.0.0.1", "127.0.0.2", "::1"] {
                try send(to: address, 5000)
                try send(to: address, 5001)
            }
            #expect(try forget(["127.0.0.1"], 5000...5000) == 2)
            #expect(try forget(["127.0.0.1"], 5000...5000) == 0)
            #expect(try forget(["127.0.0.2"], 5000...5000) == 1)
            #expect(try forget(["::1"], 5000...5000) == 1)
            #expect(try forget(["::1"], 5000...5000) == 0)
            // What is left are all the others.
            #expect(try forget(["127.0.0.1"], 5001...5001) == 2)
            #expect(try forget(["127.0.0.2"], 5001...5001) == 1)
            #expect(try forget(["::1"], 5001...5001) == 1)
        }

        @Test func `several addresses and ports are forgotten together`() throws {
            for port in UInt16(5000)...5004 {
                try send(to: "127.0.0.1", port)
                try send(to: "127.0.0.2", port)
                try send(to: "::1", port)
            }
            #expect(try forget(["127.0.0.1", "127.0.0.2"], 5001...5003) == 6)
            #expect(try forget(["127.0.0.1", "::1"], 5000...5004) == 2 + 5)
            #expect(try forget(["127.0.0.2"], 5000...5004) == 2)
            #expect(try forget([], 1...65535) == 0)
        }

        @Test func `another protocol's flows stay`() throws {
            try send(to: "127.0.0.1", 5000)
            try send(.tcp, to: "127.0.0.1", 5000)
            #expect(try forget(["127.0.0.1"], 5000...5000) == 1)
            #expect(try forget(["127.0.0.1"], 5000...5000, .sctp) == 0)
            #expect(try forget(["127.0.0.1"], 5000...5000, .tcp) == 1)
        }

        @Test func `what counts is where the first packet was sent, not where it was led`() throws {
            try HostCommand.run(
                "nft 'add chain inet t n { type nat hook output priority -100; };"
                    + " add rule inet t n udp dport 6000 redirect to :5000'")
            try send(to: "127.0.0.1", 6000)
            try send(to: "::1", 6000)
            #expect(try forget(["127.0.0.1", "::1"], 5000...5000) == 0)
            #expect(try forget(["127.0.0.1"], 6000...6000) == 1)
            #expect(try forget(["::1"], 6000...6000) == 1)
        }

        @Test(.requiresConntrack) func `conntrack sees them and sees them go`() throws {
            let list =
                "conntrack -L -f ipv4 -p udp --orig-port-dst 5000 2>/dev/null; "
                + "conntrack -L -f ipv6 -p udp --orig-port-dst 5000 2>/dev/null"
            try send(to: "127.0.0.1", 5000)
            try send(to: "127.0.0.2", 5000)
            try send(to: "::1", 5000)
            #expect(try HostCommand.lines(list).count == 3)
            #expect(try forget(["127.0.0.1", "::1"], 5000...5000) == 2)
            let left = try HostCommand.lines(list)
            #expect(left.count == 1)
            #expect(left.allSatisfy { $0.contains("dst=127.0.0.2 ") })
        }
    }
}

extension Trait where Self == ConditionTrait {
    static var requiresConntrack: Self {
        .enabled(if: (try? HostCommand.run("command -v conntrack")) != nil, "conntrack is not installed")
    }
}
