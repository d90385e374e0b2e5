// SPDX-License-Identifier: Apache-2.0

import Addressing
import Glibc
import HostNetwork
import Testing

extension KernelTests {
    /// Links that are taken out of use and deleted together. Each test has a bridge `br-test`.
    @Suite struct Retirement {
        private static let group: UInt32 = 0x1234_5678
        private static let otherGroup: UInt32 = 0x1234_5679

        private let host: TestBridge
        private var kernel: RTNetlink { host.kernel }
        private var bridge: BridgeSpec { host.spec }

        init() throws {
            host = try TestBridge(groups: [Self.group, Self.otherGroup])
        }

        @discardableResult
        private func add(_ number: Int = 0) throws -> VethSpec {
            let pair = try VethSpec.make("veth\(number)", "sandbox\(number)")
            try kernel.addVethPair(pair)
            return pair
        }

        private func retire(_ pair: VethSpec, into group: UInt32 = group) throws {
            try kernel.retire(try #require(try kernel.link(named: pair.host)).index, into: group)
        }

        @Test func `a port that is retired is down, in no bridge and in the group, and stays`() throws {
            let pair = try add()
            try retire(pair)
            let host = try #require(try IPCommand.link("veth0"))
            #expect(!host.flags.contains("UP") && host.master == nil && host.group == "\(Self.group)")
            #expect(host.ifalias == pair.alias && host.link == "sandbox0")
            #expect(try kernel.link(named: pair.host)?.group == Self.group)
            // Once more is no failure.
            try retire(pair)
            try kernel.deleteLinks(in: Self.group)
        }

        @Test func `retiring what is gone is success`() throws {
            let pair = try add()
            let index = try #require(try kernel.link(named: pair.host)).index
            try kernel.deleteLink(pair.host)
            try kernel.retire(index, into: Self.group)
        }

        @Test func `a bridge is retired too, and deleted with its ports' links`() throws {
            var other = bridge
            other.name = try .make("br-other")
            try kernel.addBridge(other)
            try kernel.retire(try #require(try kernel.link(named: other.name)).index, into: Self.group)
            try retire(try add())
            try kernel.deleteLinks(in: Self.group)
            for name in ["br-other", "veth0", "sandbox0"] { #expect(try IPCommand.link(name) == nil) }
            #expect(try IPCommand.link("br-test") != nil)
        }

        @Test func `fifty pairs are deleted by one request, and no other link`() throws {
            let pairs = try (0..<50).map(add)
            let kept = try add(50)
            try retire(kept, into: Self.otherGroup)
            for pair in pairs { try retire(pair) }
            try kernel.deleteLinks(in: Self.group)
            let left = Set(try IPCommand.links().map(\.ifname))
            #expect(left.intersection((0..<50).flatMap { ["veth\($0)", "sandbox\($0)"] }) == [])
            #expect(left.isSuperset(of: ["veth50", "sandbox50", "br-test"]))
        }

        @Test func `a group without links is success, and the group of all other links is refused`() throws {
            try kernel.deleteLinks(in: Self.group)
            let error = try refusal { () throws(KernelError) in try kernel.deleteLinks(in: 0) }
            #expect(error.code == EINVAL)
            let index = try #require(try kernel.link(named: bridge.name)).index
            #expect(try refusal { () throws(KernelError) in try kernel.retire(index, into: 0) }.code == EINVAL)
            #expect(try refusal { () throws(KernelError) in try kernel.retire(0, into: Self.group) }.code == EINVAL)
        }

        @Test func `a pair goes with both ends, also if the other is in another namespace`() throws {
            let sandbox = try OtherNamespace.make()
            defer { sandbox.end() }
            let path = "/proc/\(sandbox.process)/ns/net"
            let made = try VethSpec.make("veth1", "sandbox1")
            _ = try kernel.addVethPair(
                made, into: SandboxSpec(path: path, name: .numbered(prefix: "eth"), addresses: []))
            let moved = try add(2)
            try IPCommand.run(["link", "set", "sandbox2", "netns", "\(sandbox.process)"])
            for pair in [made, moved] {
                try retire(pair)
                let host = try #require(try kernel.link(named: pair.host))
                #expect(host.group == Self.group && host.peerNamespace != nil)
            }
            let inside = "nsenter --net=\(path) ip -o link show"
            #expect(try HostCommand.lines(inside).count == 3)
            try kernel.deleteLinks(in: Self.group)
            #expect(try HostCommand.lines(inside).map { $0.contains(" lo: ") } == [true])
            #expect(try kernel.link(named: made.host) == nil && kernel.link(named: moved.host) == nil)
        }

        @Test func `the engine's move of a link back does not take it out of its group`() throws {
            let sandbox = try OtherNamespace.make()
            defer { sandbox.end() }
            let pair = try add()
            try IPCommand.run(["link", "set", "sandbox0", "netns", "\(sandbox.process)"])
            try retire(pair)
            try HostCommand.run(
                "nsenter --net=/proc/\(sandbox.process)/ns/net ip link set sandbox0 netns \(getpid())")
            #expect(try kernel.link(named: pair.host)?.group == Self.group)
            try kernel.deleteLinks(in: Self.group)
            #expect(try IPCommand.link("sandbox0") == nil)
        }
    }
}
