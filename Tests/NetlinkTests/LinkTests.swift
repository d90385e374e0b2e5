// SPDX-License-Identifier: Apache-2.0

import Addressing
import Foundation
import Glibc
import HostNetwork
import Testing

extension KernelTests {
    /// Each test has a bridge `br-test`, and a pair of `free0` and `free1` that is in none.
    @Suite final class Links: Sendable {
        let kernel: RTNetlink
        let bridge: BridgeSpec
        let free: InterfaceName

        init() throws {
            kernel = try RTNetlink()
            bridge = try BridgeSpec.make()
            free = try InterfaceName.make("free0")
            try kernel.addBridge(bridge)
            try IPCommand.run(["link", "add", "free0", "type", "veth", "peer", "name", "free1"])
        }

        deinit {
            try? kernel.deleteLink(free)
            try? kernel.deleteLink(bridge.name)
        }

        @Test func `a link is attached and brought up, and attaching it again changes nothing`() throws {
            for _ in 1...2 {
                try kernel.attach(free, to: bridge.name)
                let link = try #require(try IPCommand.link("free0"))
                #expect(link.master == "br-test")
                #expect(link.flags.contains("UP"))
            }
        }

        @Test func `attaching names the link that is missing`() throws {
            let missing = try InterfaceName.make("missing")
            let toMissing = try refusal { () throws(KernelError) in try kernel.attach(free, to: missing) }
            #expect(toMissing.code == ENODEV)
            #expect(toMissing.description == "cannot attach free0 to missing: there is no link missing")
            let attached = try refusal { () throws(KernelError) in try kernel.attach(missing, to: bridge.name) }
            #expect(attached.code == ENODEV)
        }

        @Test func `a link that cannot be a port is refused in the kernel's words`() throws {
            let other = try BridgeSpec.make("br-other")
            try kernel.addBridge(other)
            defer { try? kernel.deleteLink(other.name) }
            let error = try refusal { () throws(KernelError) in try kernel.attach(other.name, to: bridge.name) }
            #expect(error.code == ELOOP)
            #expect(error.reason == "Can not enslave a bridge to a bridge")
        }

        @Test func `MTU and up are changed`() throws {
            try kernel.setMTU(1300, of: free)
            try kernel.setUp(true, of: free)
            #expect(try IPCommand.link("free0")?.mtu == 1300)
            #expect(try IPCommand.link("free0")?.flags.contains("UP") == true)
            try kernel.setUp(false, of: free)
            #expect(try IPCommand.link("free0")?.flags.contains("UP") == false)
        }

        @Test func `an MTU out of range is refused in the kernel's words`() throws {
            let error = try refusal { () throws(KernelError) in try kernel.setMTU(67, of: free) }
            #expect(error.description == "cannot set MTU 67 of free0: mtu less than device minimum")
        }

        @Test func `changing a missing link is refused`() throws {
            let missing = try InterfaceName.make("missing")
            #expect(try refusal { () throws(KernelError) in try kernel.setMTU(1400, of: missing) }.code == ENODEV)
            #expect(try refusal { () throws(KernelError) in try kernel.setUp(true, of: missing) }.code == ENODEV)
            #expect(try kernel.link(named: missing) == nil)
        }

        @Test func `every link is listed, as ip lists it`() throws {
            let links = try kernel.links()
            let expected = try IPCommand.links()
            #expect(links.map(\.name) == expected.map(\.ifname))
            #expect(links.map(\.index) == expected.map(\.ifindex))
            #expect(links.map(\.mtu) == expected.map(\.mtu))
            #expect(links.map { $0.mac?.description } == expected.map(\.address))
            #expect(links.map(\.kind) == expected.map { $0.linkinfo?.infoKind ?? "" })
        }

        @Test func `links of many threads at once are all made`() async throws {
            let pairs = try (0..<40).map { try VethSpec.make("many\($0)", "sandbox\($0)") }
            try await withThrowingTaskGroup(of: Void.self) { [kernel] group in
                for pair in pairs {
                    group.addTask { try kernel.addVethPair(pair) }
                }
                try await group.waitForAll()
            }
            let names = Set(try IPCommand.links().filter { $0.master == "br-test" }.map(\.ifname))
            #expect(names == Set(pairs.map(\.host.description)))
            try await withThrowingTaskGroup(of: Void.self) { [kernel] group in
                for pair in pairs {
                    group.addTask { try kernel.deleteLink(pair.host) }
                }
                try await group.waitForAll()
            }
            #expect(try IPCommand.links().allSatisfy { $0.master != "br-test" })
        }

        @Test func `what is done to the host is counted`() throws {
            let tally = HostTally()
            let kernel = try RTNetlink(tally: tally)
            var bridge = bridge
            bridge.name = try InterfaceName.make("br-counted")
            let pair = try VethSpec.make("counted0", "counted1")
            try kernel.addBridge(bridge)
            try kernel.addVethPair(pair)
            #expect(throws: KernelError.self) { try kernel.addVethPair(pair) }
            for link in [pair.host, bridge.name, bridge.name] { try kernel.deleteLink(link) }
            let figures = tally.figures
            #expect(figures.bridgesMade == 1 && figures.vethPairsMade == 1 && figures.linksDeleted == 2)
            #expect(figures.refusals == ["EEXIST": 1])
        }

        @Test func `a sysctl is written`() throws {
            try kernel.writeSysctl("net/ipv4/conf/br-test/route_localnet", "1")
            let value = try String(contentsOfFile: "/proc/sys/net/ipv4/conf/br-test/route_localnet", encoding: .utf8)
            #expect(value == "1\n")
        }

        @Test(arguments: [
            ("net/ipv4/conf/missing/route_localnet", "1", ENOENT),
            ("net/ipv4/conf/br-test/route_localnet", "many", EINVAL),
            ("net/ipv4/../ipv4/ip_forward", "0", EINVAL),
            ("/net/ipv4/ip_forward", "0", EINVAL),
        ])
        func `a sysctl that is missing, wrong or outside is refused`(path: String, value: String, code: Int32) throws {
            #expect(
                try refusal { () throws(KernelError) in try kernel.writeSysctl(path, value) }.code == code)
        }
    }
}
