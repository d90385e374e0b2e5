// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Logging
import Store
import Synchronization
import TestSupport
import Testing

@testable import NetDriver

/// A driver on a fake kernel, firewall and store.
struct Bench {
    let kernel = FakeKernel()
    let firewall = FakeFirewall()
    let store: FakeStore
    let driver: Driver

    init(_ stored: StoredState = StoredState()) {
        store = FakeStore(stored)
        driver = Self.driver(stored, store, kernel, firewall)
    }

    /// A driver that starts anew on what the store and the kernel have.
    func restarted() async throws -> Driver {
        let driver = Self.driver(try store.load(), store, kernel, firewall)
        try await driver.restore()
        return driver
    }

    /// True if neither the host nor the store has anything.
    func isClean() throws -> Bool {
        try kernel.linkNames.isEmpty && firewall.bridges.isEmpty && store.load() == StoredState()
            && store.violations.isEmpty
    }

    private static func driver(
        _ state: StoredState, _ store: FakeStore, _ kernel: FakeKernel, _ firewall: FakeFirewall
    ) -> Driver {
        Driver(
            state: state, store: store, kernel: kernel, firewall: firewall,
            makeMAC: {
                var random = SystemRandomNumberGenerator()
                return MACAddress.random(using: &random)
            },
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }
}

extension NetworkRequest {
    static func make(
        _ id: String = "09dff9c378bc2a0e5bfce0e5", subnet: String = "10.0.0.0/24", gateway: String? = "10.0.0.1/24",
        isInternal: Bool = false, options: [String: String] = [:]
    ) throws -> NetworkRequest {
        NetworkRequest(
            id: try #require(NetworkID(id)), isInternal: isInternal,
            subnets: [.init(prefix: try #require(Prefix(subnet)), gateway: gateway.flatMap { InterfaceAddress($0) })],
            options: options)
    }
}

extension EndpointRequest {
    static func make(
        _ id: String = "56e4d91db20dac74f4b1218b", network: String = "09dff9c378bc2a0e5bfce0e5",
        ipv4: String? = "10.0.0.2/24", mac: String? = nil
    ) throws -> EndpointRequest {
        EndpointRequest(
            id: try #require(EndpointID(id)), network: try #require(NetworkID(network)),
            ipv4: ipv4.flatMap { InterfaceAddress($0) }, mac: mac.flatMap { MACAddress($0) })
    }
}
