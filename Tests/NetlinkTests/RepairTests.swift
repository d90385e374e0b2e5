// SPDX-License-Identifier: Apache-2.0

import Addressing
import Glibc
import HostNetwork
import Testing

extension KernelTests {
    /// What puts back what somebody else changed. Each test has a bridge `br-test` with an address of each family.
    @Suite(.requiresIPv6, .timeLimit(.minutes(10))) final class Repairs: Sendable {
        let kernel: RTNetlink
        let bridge: BridgeSpec

        init() throws {
            kernel = try RTNetlink()
            bridge = try BridgeSpec.make(addresses: ["10.9.0.1/24", "fd00:9::1/64"], isIPv6Enabled: true)
            try kernel.addBridge(bridge)
        }

        deinit {
            try? kernel.deleteLink(bridge.name)
        }

        @Test func `a link gets its name back while it is up`() throws {
            try IPCommand.run(["link", "set", "br-test", "name", "elsewhere"])
            let link = try #require(try IPCommand.link("elsewhere"))
            try kernel.setName(bridge.name, of: link.ifindex)
            let renamed = try #require(try IPCommand.link("br-test"))
            #expect(renamed.ifindex == link.ifindex)
            #expect(renamed.flags.contains("UP"))
            #expect(try IPCommand.addresses(of: "br-test").map(\.local).contains("10.9.0.1"))
        }

        @Test func `a name that is taken is refused and the link keeps its own`() throws {
            try IPCommand.run(["link", "add", "other", "type", "bridge"])
            defer { _ = try? IPCommand.run(["link", "delete", "other"]) }
            let other = try #require(try IPCommand.link("other"))
            let error = try refusal { () throws(KernelError) in try kernel.setName(bridge.name, of: other.ifindex) }
            #expect(error.code == EEXIST)
        }

        @Test func `a MAC address and an alias are set`() throws {
            try IPCommand.run(["link", "set", "br-test", "address", "02:00:00:00:00:99", "alias", "other"])
            try kernel.setMAC(bridge.mac, of: bridge.name)
            try kernel.setAlias(bridge.alias, of: bridge.name)
            let link = try #require(try IPCommand.link("br-test"))
            #expect(link.address == bridge.mac.description)
            #expect(link.ifalias == bridge.alias)
        }

        @Test(arguments: [("-4", "10.9.0.1/24", "10.9.0.0/24"), ("-6", "fd00:9::1/64", "fd00:9::/64")])
        func `a connected route is put back as the kernel had made it`(
            family: String, address: String, prefix: String
        ) throws {
            // In full, with its metric and its source, but for whether there is a carrier.
            func routes() throws -> [String] {
                try HostCommand.lines("ip -N -d \(family) route show dev br-test").map {
                    $0.split(separator: " ").filter { $0 != "linkdown" }.joined(separator: " ")
                }.sorted()
            }
            let before = try routes()
            try IPCommand.run([family, "route", "delete", prefix, "dev", "br-test"])
            #expect(try routes() != before)
            for _ in 1...2 {
                try kernel.addConnectedRoute(of: .make(address), on: bridge.name)
                #expect(try routes() == before)
            }
        }

        @Test func `a pair is made with its end in a sandbox, as the engine would leave it there`() throws {
            let sandbox = try OtherNamespace.make()
            defer { sandbox.end() }
            func inside(_ command: String) throws -> [String] {
                try HostCommand.lines("nsenter --net=/proc/\(sandbox.process)/ns/net \(command)")
            }
            // As the engine does it for links to come.
            _ = try inside("sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'")
            _ = try inside("ip link add eth0 type bridge")
            let pair = try VethSpec.make(mtu: 1400)
            let path = "/proc/\(sandbox.process)/ns/net"
            #expect(kernel.isNamespace(path))
            let name = try kernel.addVethPair(
                pair,
                into: SandboxSpec(
                    path: path, name: .numbered(prefix: "eth"),
                    addresses: [.make("10.9.0.5/24"), .make("fd00:9::5/64")],
                    gateways: [.make("10.9.0.1"), .make("fd00:9::1")]))
            defer { try? kernel.deleteLink(pair.host) }

            #expect(name.description == "eth1")
            let host = try #require(try IPCommand.link("veth0"))
            #expect(host.master == "br-test")
            #expect(host.ifalias == pair.alias)
            let link = try inside("ip -o link show eth1").joined()
            #expect(link.contains("mtu 1400") && link.contains(",UP") && link.contains("02:11:22:33:44:66"))
            let addresses = try inside("ip -o address show dev eth1 scope global").joined()
            #expect(addresses.contains("10.9.0.5/24") && addresses.contains("fd00:9::5/64"))
            #expect(!addresses.contains("tentative"))
            #expect(try inside("ip -4 route show default").joined().hasPrefix("default via 10.9.0.1 dev eth1"))
            #expect(try inside("ip -6 route show default").joined().hasPrefix("default via fd00:9::1 dev eth1"))
        }

        @Test func `a sandbox that has a default route keeps it`() throws {
            let sandbox = try OtherNamespace.make()
            defer { sandbox.end() }
            let enter = "nsenter --net=/proc/\(sandbox.process)/ns/net"
            try HostCommand.run("\(enter) ip link set lo up; \(enter) ip route add default dev lo")
            let pair = try VethSpec.make()
            _ = try kernel.addVethPair(
                pair,
                into: SandboxSpec(
                    path: "/proc/\(sandbox.process)/ns/net", name: .numbered(prefix: "eth"),
                    addresses: [.make("10.9.0.5/24")], gateways: [.make("10.9.0.1")]))
            defer { try? kernel.deleteLink(pair.host) }
            #expect(try HostCommand.lines("\(enter) ip route show default") == ["default dev lo scope link"])
        }

        @Test func `a sandbox that is no namespace is refused and nothing is left`() throws {
            let pair = try VethSpec.make()
            for path in ["/proc/self/ns/mnt", "/proc/self/status", "/proc/0/ns/net"] {
                #expect(!kernel.isNamespace(path))
                _ = try refusal { () throws(KernelError) in
                    _ = try kernel.addVethPair(
                        pair, into: SandboxSpec(path: path, name: .numbered(prefix: "eth"), addresses: []))
                }
            }
        }

        @Test func `an address that the sandbox cannot take is refused and nothing is left`() throws {
            let sandbox = try OtherNamespace.make()
            defer { sandbox.end() }
            let pair = try VethSpec.make()
            _ = try refusal { () throws(KernelError) in
                guard let multicast = InterfaceAddress("ff02::1/64") else { return }
                _ = try kernel.addVethPair(
                    pair,
                    into: SandboxSpec(
                        path: "/proc/\(sandbox.process)/ns/net", name: .numbered(prefix: "eth"),
                        addresses: [multicast]))
            }
        }

        @Test(arguments: [
            "sysctl -q -w net.ipv4.conf.br-test.forwarding=0", "sysctl -q -w net.ipv6.conf.br-test.accept_ra=1",
            "sysctl -q -w net.ipv6.conf.br-test.disable_ipv6=1", "sysctl -q -w net.ipv6.conf.br-test.forwarding=0",
            "ip link set br-test mtu 1000; ip link set br-test mtu 1500",
        ])
        func `settings that somebody changed are seen and written again`(command: String) throws {
            #expect(kernel.hasSettings(of: bridge))
            try HostCommand.run(command)
            #expect(!kernel.hasSettings(of: bridge))
            try kernel.writeSettings(of: bridge)
            #expect(kernel.hasSettings(of: bridge))
        }

        @Test func `that the host becomes a router is told of, and changes a bridge that does not forward`()
            async throws
        {
            var own = try BridgeSpec.make("br-own")
            own.isForwarding = false
            try kernel.addBridge(own)
            defer { try? kernel.deleteLink(own.name) }
            try HostCommand.run("sysctl -q -w net.ipv4.ip_forward=0")
            #expect(kernel.hasSettings(of: own))
            let monitor = try LinkMonitor()
            try HostCommand.run("sysctl -q -w net.ipv4.ip_forward=1")
            defer { _ = try? HostCommand.run("sysctl -q -w net.ipv4.ip_forward=0") }
            #expect(!kernel.hasSettings(of: own))
            for await notices in monitor.notices where notices.contains(where: { $0.change == .settings(link: -1) }) {
                return
            }
        }

        @Test func `a notice tells which process asked for the change`() async throws {
            let monitor = try LinkMonitor()
            let process = try HostCommand.lines("echo $$; exec ip link set br-test mtu 1400")
            for await notices in monitor.notices {
                let changed = notices.first { notice in
                    if case .link(let link) = notice.change {
                        link.mtu == 1400 && link.name == "br-test"
                    } else {
                        false
                    }
                }
                guard let changed else { continue }
                // Kernels before 6.2 do not tell.
                #expect([process.first, "0"].contains("\(changed.sender)"))
                return
            }
        }
    }
}
