// SPDX-License-Identifier: Apache-2.0

import Addressing
import Foundation
import Glibc
import HostNetwork
import Testing

extension KernelTests {
    @Suite struct Bridges {
        let kernel: RTNetlink

        init() throws {
            kernel = try RTNetlink()
        }

        private func sysctl(_ path: String) throws -> String {
            try String(contentsOfFile: "/proc/sys/\(path)", encoding: .utf8)
                .trimmingCharacters(in: .whitespacesAndNewlines)
        }

        @Test func `a bridge is made as it was asked for`() throws {
            let bridge = try BridgeSpec.make(mtu: 1400, addresses: ["10.9.0.1/24"])
            try kernel.addBridge(bridge)
            defer { try? kernel.deleteLink(bridge.name) }

            let link = try #require(try IPCommand.link("br-test"))
            #expect(link.linkinfo?.infoKind == "bridge")
            #expect(link.linkinfo?.infoData?.stpState == 0)
            #expect(link.linkinfo?.infoData?.groupAddr == "01:80:c2:00:00:00")
            #expect(link.mtu == 1400)
            #expect(link.address == "02:11:22:33:44:55")
            #expect(link.ifalias == "plugind:network:test")
            #expect(link.flags.contains("UP"))
            let addresses = try IPCommand.addresses(of: "br-test")
            #expect(addresses.map(\.local) == ["10.9.0.1"])
            #expect(addresses.map(\.prefixlen) == [24])
            #expect(try IPCommand.routes("-4").map(\.dst) == ["10.9.0.0/24"])
        }

        @Test func `a bridge is read as ip reads it`() throws {
            let bridge = try BridgeSpec.make(mtu: 9000)
            try kernel.addBridge(bridge)
            defer { try? kernel.deleteLink(bridge.name) }

            let link = try #require(try kernel.link(named: bridge.name))
            let expected = try #require(try IPCommand.link("br-test"))
            #expect(
                link
                    == Link(
                        index: expected.ifindex, name: "br-test", kind: "bridge", mac: bridge.mac, mtu: 9000,
                        isUp: true, alias: "plugind:network:test"))
            #expect(try kernel.links().contains(link))
        }

        @Test func `a bridge without IPv6 takes no part in it`() throws {
            let bridge = try BridgeSpec.make(addresses: ["10.9.0.1/24"])
            try kernel.addBridge(bridge)
            defer { try? kernel.deleteLink(bridge.name) }

            #expect(try IPCommand.run(["-6", "-j", "address", "show", "dev", "br-test"]).count <= 3)
            if FileManager.default.fileExists(atPath: "/proc/sys/net/ipv6") {
                #expect(try sysctl("net/ipv6/conf/br-test/disable_ipv6") == "1")
                #expect(try sysctl("net/ipv6/conf/br-test/accept_ra") == "0")
            }
        }

        @Test(.requiresIPv6) func `a bridge with IPv6 has its addresses at once and listens to no router`() throws {
            let bridge = try BridgeSpec.make(addresses: ["10.9.0.1/24", "fd00:9::1/64"], isIPv6Enabled: true)
            try kernel.addBridge(bridge)
            defer { try? kernel.deleteLink(bridge.name) }

            let addresses = try IPCommand.addresses(of: "br-test")
            #expect(addresses.map(\.local) == ["10.9.0.1", "fd00:9::1"])
            #expect(addresses.last?.nodad == true)
            #expect(addresses.last?.tentative != true)
            #expect(try sysctl("net/ipv6/conf/br-test/disable_ipv6") == "0")
            #expect(try sysctl("net/ipv6/conf/br-test/accept_ra") == "0")
        }

        @Test(arguments: [1400, 1500, 9000] as [UInt32])
        func `a bridge keeps its MTU whatever its ports have`(mtu: UInt32) throws {
            let bridge = try BridgeSpec.make(mtu: mtu)
            try kernel.addBridge(bridge)
            defer { try? kernel.deleteLink(bridge.name) }

            let pair = try VethSpec.make(mtu: 1450)
            try kernel.addVethPair(pair)
            #expect(try IPCommand.link("br-test")?.mtu == mtu)
            try kernel.deleteLink(pair.host)
            #expect(try IPCommand.link("br-test")?.mtu == mtu)
        }

        @Test func `a bridge keeps its MAC address whatever its ports have`() throws {
            let bridge = try BridgeSpec.make()
            try kernel.addBridge(bridge)
            defer { try? kernel.deleteLink(bridge.name) }
            try IPCommand.run(["link", "add", "veth0", "address", "02:00:00:00:00:01", "type", "veth", "peer", "veth1"])
            defer { _ = try? IPCommand.run(["link", "delete", "veth0"]) }
            try kernel.attach(try InterfaceName.make("veth0"), to: bridge.name)
            #expect(try IPCommand.link("br-test")?.address == "02:11:22:33:44:55")
        }

        @Test(arguments: [68, 65535] as [UInt32])
        func `the least and the greatest MTU are taken`(mtu: UInt32) throws {
            let bridge = try BridgeSpec.make(mtu: mtu, addresses: mtu == 68 ? [] : ["10.9.0.1/24"])
            try kernel.addBridge(bridge)
            defer { try? kernel.deleteLink(bridge.name) }
            #expect(try IPCommand.link("br-test")?.mtu == mtu)
        }

        @Test(
            arguments: [
                (67, "mtu less than device minimum"),
                (65536, "mtu greater than device maximum"),
            ] as [(UInt32, String)])
        func `an MTU out of range is refused in the kernel's words`(mtu: UInt32, reason: String) throws {
            let bridge = try BridgeSpec.make(mtu: mtu)
            let error = try refusal { () throws(KernelError) in try kernel.addBridge(bridge) }
            #expect(error.code == EINVAL)
            #expect(error.reason == reason)
            #expect(error.description == "cannot configure bridge br-test: \(reason)")
        }

        @Test func `a taken name is refused and the link that has it is untouched`() throws {
            try IPCommand.run(["link", "add", "br-test", "type", "bridge"])
            defer { _ = try? IPCommand.run(["link", "delete", "br-test"]) }

            let bridge = try BridgeSpec.make(mtu: 1400, alias: "another")
            let error = try refusal { () throws(KernelError) in try kernel.addBridge(bridge) }
            #expect(error.code == EEXIST)
            #expect(error.description == "cannot add bridge br-test: File exists")
        }

        @Test func `an alias that is too long is refused and the bridge is deleted`() throws {
            let bridge = try BridgeSpec.make(alias: String(repeating: "a", count: 256))
            let error = try refusal { () throws(KernelError) in try kernel.addBridge(bridge) }
            #expect(error.code == EINVAL)
        }

        @Test func `the longest alias is taken`() throws {
            let bridge = try BridgeSpec.make(alias: String(repeating: "a", count: 255))
            try kernel.addBridge(bridge)
            defer { try? kernel.deleteLink(bridge.name) }
            #expect(try IPCommand.link("br-test")?.ifalias == bridge.alias)
        }

        @Test func `an address that is refused takes the bridge with it`() throws {
            // IPv6 needs packets of 1280 bytes, so the kernel has none on a link of less.
            let bridge = try BridgeSpec.make(mtu: 1000, addresses: ["fd00:9::1/64"], isIPv6Enabled: true)
            let error = try refusal { () throws(KernelError) in try kernel.addBridge(bridge) }
            #expect(error.code != 0)
        }

        @Test func `a multicast MAC address is refused`() throws {
            var bridge = try BridgeSpec.make()
            bridge.mac = try MACAddress.make("01:11:22:33:44:55")
            let error = try refusal { () throws(KernelError) in try kernel.addBridge(bridge) }
            #expect(error.code == EADDRNOTAVAIL)
        }
    }
}
