// SPDX-License-Identifier: Apache-2.0

import Addressing
import Dispatch
import Glibc
import HostNetwork
import Synchronization
import Testing

extension KernelTests {
    /// Pairs whose other end is made in its sandbox. Each test has a bridge `br-test`.
    @Suite struct Sandboxes {
        private let host: TestBridge
        private var kernel: RTNetlink { host.kernel }
        private var bridge: BridgeSpec { host.spec }

        init() throws {
            host = try TestBridge()
        }

        /// A pair in a sandbox of its own, as long as the test looks at it.
        private func withPair(
            _ name: SandboxSpec.Name = .numbered(prefix: "eth"), addresses: [String] = [], settings: [String] = [],
            before preparation: String? = nil, _ look: (_ link: InterfaceName, _ inside: Inside) throws -> Void
        ) throws {
            let sandbox = try OtherNamespace.make()
            defer { sandbox.end() }
            let inside = Inside(sandbox: sandbox)
            if let preparation { _ = try inside.lines("sh -c '\(preparation)'") }
            let pair = try VethSpec.make()
            let link = try kernel.addVethPair(
                pair,
                into: SandboxSpec(
                    path: inside.path, name: name, addresses: try addresses.map { try .make($0) },
                    settings: try settings.map { try .make($0) }))
            defer { try? kernel.deleteLink(pair.host) }
            let host = try #require(try kernel.link(named: pair.host))
            #expect(!host.isUnfinished && host.alias == pair.alias && host.isUp && host.group == 0)
            try look(link, inside)
        }

        struct Inside {
            let sandbox: OtherNamespace

            var path: String { "/proc/\(sandbox.process)/ns/net" }

            func lines(_ command: String) throws -> [String] {
                try HostCommand.lines("nsenter --net=\(path) \(command)")
            }

            /// A sysctl of a link; those are the network namespace's, whatever /proc is mounted.
            func setting(_ path: String) throws -> String {
                try lines("cat /proc/sys/net/\(path)").joined()
            }
        }

        @Test func `a link has the name that was asked for`() throws {
            try withPair(.exactly(.make("lan0"))) { link, inside in
                #expect(link.description == "lan0")
                let line = try inside.lines("ip -o link show lan0").joined()
                #expect(line.contains(",UP") && line.contains("02:11:22:33:44:66"))
            }
        }

        @Test func `a name that a link of the sandbox has is refused, and nothing is left there or here`() throws {
            try withPair(.exactly(.make("lan0"))) { (_, inside) throws in
                let before = try inside.lines("ip -o link show")
                let second = try VethSpec.make("veth1", "sandbox1")
                let error = try refusal { () throws(KernelError) in
                    guard let name = InterfaceName("lan0") else { return }
                    _ = try kernel.addVethPair(
                        second, into: SandboxSpec(path: inside.path, name: .exactly(name), addresses: []))
                }
                #expect(error.code == EEXIST)
                #expect(error.description.contains("lan0"), "\(error)")
                #expect(try inside.lines("ip -o link show") == before)
            }
        }

        @Test func `the first free number is taken`() throws {
            try withPair(before: "ip link add eth0 type bridge; ip link add eth2 type bridge") { link, _ in
                #expect(link.description == "eth1")
            }
        }

        @Test func `settings are those of the link, whatever it is called`() throws {
            let settings = ["net.ipv4.conf.IFNAME.log_martians=1", "net.ipv4.neigh.IFNAME.retrans_time_ms=2000"]
            try withPair(.exactly(.make("lan0")), settings: settings) { (_, inside) throws in
                #expect(try inside.setting("ipv4/conf/lan0/log_martians") == "1")
                #expect(try inside.setting("ipv4/neigh/lan0/retrans_time_ms") == "2000")
                #expect(try inside.setting("ipv4/conf/default/log_martians") == "0")
            }
        }

        @Test(arguments: [
            ("net.ipv4.conf.IFNAME.no_such_setting=1", ENOENT), ("net.ipv4.conf.IFNAME.log_martians=many", EINVAL),
        ])
        func `a setting that there is not, or that has a bad value, is refused and nothing is left`(
            setting: String, code: Int32
        ) throws {
            let sandbox = try OtherNamespace.make()
            defer { sandbox.end() }
            let inside = Inside(sandbox: sandbox)
            let pair = try VethSpec.make()
            let spec = SandboxSpec(
                path: inside.path, name: .numbered(prefix: "eth"), addresses: [],
                settings: [try .make(setting)])
            let error = try refusal { () throws(KernelError) in _ = try kernel.addVethPair(pair, into: spec) }
            #expect(error.code == code)
            #expect(try inside.lines("ip -o link show").count == 1)
        }

        @Test(.requiresIPv6) func `a link without an IPv6 address takes no part in IPv6`() throws {
            try withPair(addresses: ["10.9.0.5/24"]) { (_, inside) throws in
                #expect(try inside.setting("ipv6/conf/eth0/disable_ipv6") == "1")
                #expect(try inside.lines("ip -6 -o address show dev eth0") == [])
            }
        }

        @Test(.requiresIPv6) func `a link with an IPv6 address takes part, also where links do not as a rule`() throws {
            try withPair(
                addresses: ["fd00:9::5/64"], before: "echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6"
            ) { (_, inside) throws in
                #expect(try inside.setting("ipv6/conf/eth0/disable_ipv6") == "0")
                #expect(try inside.lines("ip -6 -o address show dev eth0 scope global").count == 1)
            }
        }

        @Test(.requiresIPv6) func `every address is there and can be used at once`() throws {
            let addresses = ["10.9.0.5/24", "fd00:9::5/64", "10.9.1.5/32", "fd00:a::5/128"]
            try withPair(addresses: addresses) { (_, inside) throws in
                let lines = try inside.lines("ip -o address show dev eth0 scope global")
                #expect(lines.count == 4)
                for address in addresses { #expect(lines.contains { $0.contains(" \(address) ") }, "\(address)") }
                #expect(lines.allSatisfy { !$0.contains("tentative") })
            }
        }

        @Test func `what was left half made is replaced`() throws {
            let sandbox = try OtherNamespace.make()
            defer { sandbox.end() }
            let inside = Inside(sandbox: sandbox)
            try IPCommand.run([
                "link", "add", "veth0", "master", "br-test", "group", "\(Link.unfinishedGroup)", "type", "veth", "peer",
                "name", "lan0", "netns", "\(sandbox.process)",
            ])
            let pair = try VethSpec.make()
            let name = try kernel.addVethPair(
                pair, into: SandboxSpec(path: inside.path, name: .exactly(.make("lan0")), addresses: []))
            defer { try? kernel.deleteLink(pair.host) }
            #expect(name.description == "lan0")
            #expect(try kernel.link(named: pair.host)?.isUnfinished == false)
            #expect(try inside.lines("ip -o link show").count == 2)
        }

        @Test func `sandboxes of many threads are filled at once, and each thread is back in its own namespace`() throws
        {
            let sandboxes = try (0..<4).map { _ in try OtherNamespace.make() }
            defer { for sandbox in sandboxes { sandbox.end() } }
            let address = try InterfaceAddress.make("10.9.0.5/24")
            let pairs = try (0..<20).map { try VethSpec.make("veth\($0)", "sandbox\($0)") }
            let paths = sandboxes.map { Inside(sandbox: $0).path }
            let failures = Mutex<[KernelError]>([])
            DispatchQueue.concurrentPerform(iterations: pairs.count) { [kernel] number in
                let spec = SandboxSpec(
                    path: paths[number % paths.count], name: .numbered(prefix: "eth"),
                    addresses: number < paths.count ? [address] : [])
                do throws(KernelError) {
                    _ = try kernel.addVethPair(pairs[number], into: spec)
                } catch {
                    failures.withLock { $0.append(error) }
                }
            }
            #expect(failures.withLock(\.self).isEmpty)
            #expect(try IPCommand.links().count { $0.master == "br-test" } == 20)
            for sandbox in sandboxes {
                #expect(try Inside(sandbox: sandbox).lines("ip -o link show").count == 6)
            }
            for pair in pairs {
                try kernel.retire(try #require(try kernel.link(named: pair.host)).index, into: 0x1234_5678)
            }
            try kernel.deleteLinks(in: 0x1234_5678)
        }
    }
}
