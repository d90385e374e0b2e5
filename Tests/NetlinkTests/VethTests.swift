// SPDX-License-Identifier: Apache-2.0

import Addressing
import Glibc
import HostNetwork
import Testing

extension KernelTests {
    /// Each test has a bridge `br-test`.
    @Suite struct VethPairs {
        private let host: TestBridge
        private var kernel: RTNetlink { host.kernel }
        private var bridge: BridgeSpec { host.spec }

        init() throws {
            host = try TestBridge(mtu: 9000)
        }

        @Test func `a pair is made as it was asked for`() throws {
            let pair = try VethSpec.make(mtu: 1400)
            try kernel.addVethPair(pair)
            defer { try? kernel.deleteLink(pair.host) }

            let host = try #require(try IPCommand.link("veth0"))
            #expect(host.linkinfo?.infoKind == "veth")
            #expect(host.mtu == 1400)
            #expect(host.master == "br-test")
            #expect(host.link == "sandbox0")
            #expect(host.ifalias == "plugind:endpoint:test")
            #expect(host.flags.contains("UP"))
            let sandbox = try #require(try IPCommand.link("sandbox0"))
            #expect(sandbox.mtu == 1400)
            #expect(sandbox.address == "02:11:22:33:44:66")
            #expect(sandbox.master == nil)
            #expect(sandbox.ifalias == nil)
            #expect(!sandbox.flags.contains("UP"))
        }

        @Test func `a pair is read with its bridge and its other end`() throws {
            let pair = try VethSpec.make()
            try kernel.addVethPair(pair)
            defer { try? kernel.deleteLink(pair.host) }

            let master = try #require(try kernel.link(named: bridge.name))
            let host = try #require(try kernel.link(named: pair.host))
            let sandbox = try #require(try kernel.link(named: pair.sandbox))
            #expect(host.master == master.index)
            #expect(host.peer == sandbox.index)
            #expect(host.peerNamespace == nil)
            #expect(host.kind == "veth")
            #expect(host.alias == "plugind:endpoint:test")
            #expect(sandbox.peer == host.index)
            #expect(sandbox.mac == pair.sandboxMAC)
            #expect(sandbox.master == nil)
        }

        @Test func `an end that was moved to another namespace is known by the namespace's id`() throws {
            let pair = try VethSpec.make()
            try kernel.addVethPair(pair)
            defer { try? kernel.deleteLink(pair.host) }
            let sandboxIndex = try #require(try kernel.link(named: pair.sandbox)).index

            let other = try OtherNamespace.make()
            defer { other.end() }
            try IPCommand.run(["link", "set", "sandbox0", "netns", "\(other.process)"])
            #expect(try kernel.link(named: pair.sandbox) == nil)
            let host = try #require(try kernel.link(named: pair.host))
            #expect(host.peerNamespace != nil)
            #expect(host.peer == sandboxIndex)
        }

        @Test func `a taken host name is refused and the link that has it is untouched`() throws {
            let first = try VethSpec.make(alias: "first")
            try kernel.addVethPair(first)
            defer { try? kernel.deleteLink(first.host) }
            let second = try VethSpec.make("veth0", "sandbox1", alias: "second")
            let error = try refusal { () throws(KernelError) in try kernel.addVethPair(second) }
            #expect(error.code == EEXIST)
        }

        @Test func `a taken sandbox name is refused`() throws {
            let first = try VethSpec.make()
            try kernel.addVethPair(first)
            defer { try? kernel.deleteLink(first.host) }
            let second = try VethSpec.make("veth1", "sandbox0")
            let error = try refusal { () throws(KernelError) in try kernel.addVethPair(second) }
            #expect(error.code == EEXIST)
        }

        @Test func `a missing bridge is refused by name`() throws {
            let pair = try VethSpec.make(bridge: "br-missing")
            let error = try refusal { () throws(KernelError) in try kernel.addVethPair(pair) }
            #expect(error.code == ENODEV)
            #expect(error.description == "cannot add veth pair veth0: there is no link br-missing")
        }

        @Test func `a master that is no bridge is refused`() throws {
            let pair = try VethSpec.make(bridge: "lo")
            _ = try refusal { () throws(KernelError) in try kernel.addVethPair(pair) }
        }

        @Test(arguments: [67, 65536] as [UInt32])
        func `an MTU out of range is refused`(mtu: UInt32) throws {
            let pair = try VethSpec.make(mtu: mtu)
            let error = try refusal { () throws(KernelError) in try kernel.addVethPair(pair) }
            #expect(error.code == EINVAL)
        }

        @Test func `an alias that is too long is refused and the pair is deleted`() throws {
            let pair = try VethSpec.make(alias: String(repeating: "a", count: 256))
            let error = try refusal { () throws(KernelError) in try kernel.addVethPair(pair) }
            #expect(error.code == EINVAL)
        }

        @Test func `deleting one end deletes both, and deleting what is gone succeeds`() throws {
            let pair = try VethSpec.make()
            try kernel.addVethPair(pair)
            try kernel.deleteLink(pair.host)
            #expect(try IPCommand.link("veth0") == nil)
            #expect(try IPCommand.link("sandbox0") == nil)
            try kernel.deleteLink(pair.host)
            try kernel.deleteLink(pair.sandbox)
        }

        @Test func `a full bridge refuses the pair and keeps none of it`() throws {
            // BR_PORT_BITS allows 1023 ports.
            var pairs: [VethSpec] = []
            defer { try? deleteAll(pairs) }
            for number in 0..<1023 {
                let pair = try VethSpec.make("veth\(number)", "sandbox\(number)")
                try kernel.addVethPair(pair)
                pairs.append(pair)
            }
            let pair = try VethSpec.make("veth1023", "sandbox1023")
            let error = try refusal { () throws(KernelError) in try kernel.addVethPair(pair) }
            #expect(error.code == EXFULL)

            let links = try kernel.links()
            let bridgeIndex = try #require(try kernel.link(named: bridge.name)).index
            #expect(links.count { $0.master == bridgeIndex } == 1023)
            #expect(Set(links.map(\.index)).count == links.count)
            #expect(links.count == (try IPCommand.links().count))
        }

        /// As one request, because a delete by name waits for an RCU grace period each.
        private func deleteAll(_ pairs: [VethSpec]) throws {
            let lines = pairs.map { "link set dev \($0.host) group 77\n" }.joined()
            try IPCommand.run(["-batch", "- <<END\n\(lines)END\n"])
            try IPCommand.run(["link", "delete", "group", "77"])
        }

        @Test func `links can be looked at while others are deleted`() async throws {
            let pairs = try (0..<20).map { try VethSpec.make("veth\($0)", "sandbox\($0)") }
            for pair in pairs {
                try kernel.addVethPair(pair)
            }
            async let deletes: Void = { [kernel] in
                for pair in pairs {
                    try kernel.deleteLink(pair.host)
                }
            }()
            let clock = ContinuousClock()
            var durations: [Duration] = []
            while try kernel.link(named: pairs[19].host) != nil {
                durations.append(try clock.measure { _ = try #require(try kernel.link(named: bridge.name)) })
            }
            try await deletes
            durations.sort()
            if let longest = durations.last {
                let median = durations[durations.count / 2]
                print("\(durations.count) looks during 20 deletes: median \(median), longest \(longest)")
            }
        }
    }
}
