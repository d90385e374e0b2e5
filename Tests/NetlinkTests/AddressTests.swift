// SPDX-License-Identifier: Apache-2.0

import Addressing
import Glibc
import HostNetwork
import Testing

extension KernelTests {
    /// Each test has a bridge `br-test` with IPv6.
    @Suite(.requiresIPv6) final class Addresses: Sendable {
        let kernel: RTNetlink
        let bridge: BridgeSpec

        init() throws {
            kernel = try RTNetlink()
            bridge = try BridgeSpec.make(isIPv6Enabled: true)
            try kernel.addBridge(bridge)
        }

        deinit {
            try? kernel.deleteLink(bridge.name)
        }

        @Test(arguments: ["10.9.0.1/24", "10.9.0.1/32", "fd00:9::1/64", "fd00:9::1/128"])
        func `an address is added, and adding it again changes nothing`(text: String) throws {
            let address = try InterfaceAddress.make(text)
            for _ in 1...2 {
                try kernel.addAddress(address, to: bridge.name)
                let found = try IPCommand.addresses(of: "br-test")
                #expect(found.map { "\($0.local)/\($0.prefixlen)" } == [text])
                #expect(found.first?.tentative != true)
            }
        }

        @Test(arguments: ["10.9.0.1/24", "fd00:9::1/64"])
        func `an address is deleted, and deleting it again succeeds`(text: String) throws {
            let address = try InterfaceAddress.make(text)
            try kernel.addAddress(address, to: bridge.name)
            for _ in 1...2 {
                try kernel.deleteAddress(address, from: bridge.name)
                #expect(try IPCommand.addresses(of: "br-test") == [])
            }
        }

        @Test func `a missing link has no address to delete, and takes none`() throws {
            let missing = try InterfaceName.make("missing")
            let address = try InterfaceAddress.make("10.9.0.1/24")
            try kernel.deleteAddress(address, from: missing)
            let error = try refusal { () throws(KernelError) in try kernel.addAddress(address, to: missing) }
            #expect(error.code == ENODEV)
        }

        @Test func `every address is listed with its link`() throws {
            let texts = ["10.9.0.1/24", "10.10.0.1/16", "fd00:9::1/64"]
            for text in texts {
                try kernel.addAddress(try InterfaceAddress.make(text), to: bridge.name)
            }
            let index = try #require(try kernel.link(named: bridge.name)).index
            let listed = try kernel.addresses().filter { $0.link == index }.map(\.address)
            #expect(Set(texts).isSubset(of: listed.map(\.description)))
            // The one more is the link-local one, which the kernel makes.
            #expect(listed.count <= texts.count + 1)
        }

        @Test func `the addresses of a link have their prefix, not their neighbour's`() throws {
            try IPCommand.run(["address", "add", "10.9.0.1", "peer", "10.9.0.2/32", "dev", "br-test"])
            #expect(try kernel.addresses().map(\.address.description).contains("10.9.0.1/32"))
        }

        @Test func `every unicast route is listed, as ip lists it`() throws {
            try kernel.addAddress(try InterfaceAddress.make("10.9.0.1/24"), to: bridge.name)
            try kernel.addAddress(try InterfaceAddress.make("fd00:9::1/64"), to: bridge.name)
            for arguments in [
                ["-4", "route", "add", "10.77.0.0/16", "via", "10.9.0.254"],
                ["-4", "route", "add", "default", "via", "10.9.0.254"],
                ["-4", "route", "add", "10.78.0.0/16", "dev", "br-test", "table", "1000"],
                ["-4", "route", "add", "10.79.0.0/16", "via", "inet6", "fd00:9::fe", "dev", "br-test"],
                ["-4", "route", "add", "blackhole", "10.80.0.0/16"],
                ["-6", "route", "add", "fd00:77::/64", "via", "fd00:9::fe"],
                ["-6", "route", "add", "default", "via", "fd00:9::fe"],
            ] {
                try IPCommand.run(arguments)
            }
            defer { _ = try? IPCommand.run(["-4", "route", "delete", "blackhole", "10.80.0.0/16"]) }

            let index = try #require(try kernel.link(named: bridge.name)).index
            let routes = try kernel.routes().filter { $0.destination.description.hasPrefix("fe80") == false }
            func route(_ destination: String, via gateway: String?, table: UInt32 = 254) throws -> Route {
                Route(
                    destination: try .make(destination), gateway: try gateway.map { try IPAddress.make($0) },
                    link: index, table: table)
            }
            #expect(
                Set(routes) == [
                    try route("10.9.0.0/24", via: nil),
                    try route("10.77.0.0/16", via: "10.9.0.254"),
                    try route("0.0.0.0/0", via: "10.9.0.254"),
                    try route("10.78.0.0/16", via: nil, table: 1000),
                    try route("10.79.0.0/16", via: "fd00:9::fe"),
                    try route("fd00:9::/64", via: nil),
                    try route("fd00:77::/64", via: "fd00:9::fe"),
                    try route("::/0", via: "fd00:9::fe"),
                ])
        }
    }
}
