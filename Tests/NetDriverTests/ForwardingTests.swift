// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Logging
import Store
import Synchronization
import TestSupport
import Testing

@testable import NetDriver

@Suite("Forwarding")
struct ForwardingTests {
    private let bench = Bench()

    private var forwarding: Set<AddressFamily> { bench.kernel.state.withLock { $0.forwarding } }
    private var guards: [String] { bench.firewall.words(in: "guard") }
    private func setForwarding(_ families: Set<AddressFamily>) {
        bench.kernel.state.withLock { $0.forwarding = families }
    }

    /// A driver that starts anew in a boot of the host.
    private func restarted(boot: String) async throws -> Driver {
        bench.firewall.forgetWhatWasTold()
        let driver = Driver(
            state: try bench.store.load(), store: bench.store, kernel: bench.kernel, firewall: bench.firewall,
            hostPorts: bench.hostPorts, boot: boot,
            makeMAC: {
                var random = SystemRandomNumberGenerator()
                return MACAddress.random(using: &random)
            },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await driver.reconcile()
        return driver
    }

    @Test(arguments: [(nil, [AddressFamily.v4]), ("fd00:1::/64", [.v4, .v6])] as [(String?, Set<AddressFamily>)])
    func `a network makes the host forward its families, and nothing else`(
        subnet6: String?, families: Set<AddressFamily>
    ) async throws {
        try await bench.driver.createNetwork(.make(subnet6: subnet6))
        #expect(forwarding == families)
        let words = families.map { "guard \($0 == .v4 ? "ipv4" : "ipv6") : goto guarded" }.sorted()
        #expect(guards == words)
    }

    @Test func `the guard is there before the host forwards, and that it is there is stored before`() async throws {
        bench.kernel.refuse("enableForwarding", code: 1)
        await #expect(throws: KernelError.self) { try await bench.driver.createNetwork(.make()) }
        #expect(guards == ["guard ipv4 : goto guarded"])
        #expect(bench.store.state.settings == ["forward-guard.ipv4": ""])
        #expect(forwarding == [])
        #expect(try bench.isClean())
    }

    @Test func `a host that cannot be guarded does not forward`() async throws {
        bench.firewall.refuse(true)
        await #expect(throws: FirewallError.self) { try await bench.driver.createNetwork(.make()) }
        #expect(forwarding == [])
    }

    @Test func `a host that forwarded already is not guarded`() async throws {
        setForwarding([.v4])
        try await bench.driver.createNetwork(.make(subnet6: "fd00:1::/64"))
        #expect(forwarding == [.v4, .v6] && guards == ["guard ipv6 : goto guarded"])
        #expect(bench.kernel.calls.filter { $0.hasPrefix("enableForwarding") }.count == 1)
        #expect(bench.store.state.settings == ["forward-guard.ipv6": ""])
    }

    @Test func `an internal network needs no forwarding`() async throws {
        try await bench.driver.createNetwork(.make(subnet6: "fd00:1::/64", isInternal: true))
        #expect(forwarding == [] && guards == [] && bench.store.state.settings == [:])
    }

    @Test func `the guard stays when the network goes, because the host goes on forwarding`() async throws {
        try await bench.driver.createNetwork(.make())
        try await bench.driver.deleteNetwork(.make())
        #expect(forwarding == [.v4] && guards == ["guard ipv4 : goto guarded"])
        _ = try await bench.restarted()
        #expect(guards == ["guard ipv4 : goto guarded"])
    }

    @Test func `after a restart in the same boot the guard is there`() async throws {
        let first = try await restarted(boot: "one")
        try await first.createNetwork(.make())
        #expect(bench.store.state.settings == ["forward-guard.ipv4": "one"])
        bench.firewall.flush()
        _ = try await restarted(boot: "one")
        #expect(forwarding == [.v4] && guards == ["guard ipv4 : goto guarded"])
    }

    @Test func `a host that forwards after a reboot does so for somebody else, and is not guarded`() async throws {
        let first = try await restarted(boot: "one")
        try await first.createNetwork(.make())
        bench.firewall.flush()
        _ = try await restarted(boot: "two")
        #expect(forwarding == [.v4] && guards == [])
    }

    @Test func `a host that does not forward after a reboot is made to, and guarded`() async throws {
        let first = try await restarted(boot: "one")
        try await first.createNetwork(.make())
        bench.firewall.flush()
        setForwarding([])
        _ = try await restarted(boot: "two")
        #expect(forwarding == [.v4] && guards == ["guard ipv4 : goto guarded"])
        #expect(bench.store.state.settings == ["forward-guard.ipv4": "two"])
    }

    @Test func `forwarding that somebody switched off is on again after a start`() async throws {
        try await bench.driver.createNetwork(.make())
        let commits = bench.store.commits.count
        setForwarding([])
        _ = try await bench.restarted()
        #expect(forwarding == [.v4] && guards == ["guard ipv4 : goto guarded"])
        #expect(bench.store.commits.count == commits)
    }

    @Test(arguments: ["enableForwarding", "isForwarding"])
    func `forwarding that cannot be switched on at start is switched on later`(call: String) async throws {
        try await bench.driver.createNetwork(.make())
        setForwarding([])
        bench.kernel.refuse(call, code: 1)
        let driver = try await bench.restarted()
        await driver.upkeep()
        #expect(forwarding == [])
        bench.kernel.allowEverything()
        await driver.upkeep()
        #expect(forwarding == [.v4])
    }

    @Test func `where the store refuses the guard's setting there is no network and no forwarding`() async throws {
        // After the network's intent.
        bench.store.fail(after: 1)
        await #expect(throws: StoreError.self) { try await bench.driver.createNetwork(.make()) }
        #expect(forwarding == [] && guards == [])
        #expect(try bench.isClean())
    }
}
