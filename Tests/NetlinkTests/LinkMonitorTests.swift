// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Testing

extension KernelTests {
    @Suite(.timeLimit(.minutes(10))) struct Monitor {
        let kernel: RTNetlink

        init() throws {
            kernel = try RTNetlink()
        }

        /// The first change that `matches`.
        private func first(
            of monitor: LinkMonitor, _ matches: (LinkMonitor.Change) -> Bool
        ) async -> LinkMonitor.Change? {
            for await notices in monitor.notices {
                if let change = notices.map(\.change).first(where: matches) { return change }
            }
            return nil
        }

        @Test func `a link that is made and deleted is told of`() async throws {
            let monitor = try LinkMonitor()
            let bridge = try BridgeSpec.make(addresses: ["10.9.0.1/24"])
            try kernel.addBridge(bridge)
            let made = try #require(try kernel.link(named: bridge.name))
            try kernel.deleteLink(bridge.name)

            var kinds: [String] = []
            for await change in monitor.changes() {
                switch change {
                case .link(let link) where link.index == made.index:
                    kinds.append("link")
                case .address(let address) where address.link == made.index:
                    #expect(address.address.description == "10.9.0.1/24")
                    kinds.append("address")
                case .route(let route) where route.link == made.index && route.table == 254:
                    #expect(route.destination.description == "10.9.0.0/24")
                    kinds.append("route")
                case .addressGone(let address) where address.link == made.index:
                    kinds.append("address gone")
                case .linkGone(let link) where link.index == made.index:
                    #expect(link.name == "br-test")
                    kinds.append("link gone")
                    monitor.stop()
                default:
                    break
                }
            }
            #expect(kinds.first == "link")
            #expect(kinds.contains("address"))
            #expect(kinds.contains("route"))
            #expect(kinds.contains("address gone"))
            #expect(kinds.last == "link gone")
        }

        @Test func `a port that leaves its bridge is not gone`() async throws {
            let bridge = try BridgeSpec.make()
            try kernel.addBridge(bridge)
            defer { try? kernel.deleteLink(bridge.name) }
            let pair = try VethSpec.make()
            try kernel.addVethPair(pair)
            defer { try? kernel.deleteLink(pair.host) }

            let monitor = try LinkMonitor()
            try IPCommand.run(["link", "set", "veth0", "nomaster"])
            try IPCommand.run(["link", "set", "veth0", "alias", "left"])
            let change = await first(of: monitor) {
                if case .linkGone = $0 { return true }
                if case .link(let link) = $0 { return link.alias == "left" }
                return false
            }
            guard case .link(let link) = change else {
                Issue.record("told that it is gone: \(String(describing: change))")
                return
            }
            #expect(link.master == nil)
        }

        @Test func `stopping ends the changes, twice as well as once`() async throws {
            let monitor = try LinkMonitor()
            monitor.stop()
            monitor.stop()
            #expect(await first(of: monitor) { _ in true } == nil)
        }

        @Test func `letting go of a monitor ends its notices`() async throws {
            var monitor: LinkMonitor? = try LinkMonitor()
            let notices = try #require(monitor?.notices)
            monitor = nil
            #expect(monitor == nil)
            for await _ in notices {}
        }
    }
}

extension LinkMonitor {
    /// One change after the other.
    fileprivate func changes() -> some AsyncSequence<Change, Never> {
        notices.flatMap { notices in
            AsyncStream { continuation in
                for notice in notices { continuation.yield(notice.change) }
                continuation.finish()
            }
        }
    }
}
