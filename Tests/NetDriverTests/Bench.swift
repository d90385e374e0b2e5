// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Logging
import Store
import Synchronization
import TestSupport
import Testing

@testable import NetDriver

/// A driver on a fake kernel, firewall, host's ports and store.
struct Bench {
    let kernel = FakeKernel()
    let firewall = FakeFirewall()
    let hostPorts = FakeHostPorts()
    let store: FakeStore
    let driver: Driver

    init(_ stored: StoredState = StoredState()) {
        store = FakeStore(stored)
        driver = Self.driver(stored, store, kernel, firewall, hostPorts)
    }

    /// A driver that starts anew on what the store and the kernel have.
    func restarted() async throws -> Driver {
        let driver = try new()
        try await driver.reconcile()
        return driver
    }

    /// A driver on what the store and the kernel have, which has not looked at them. The last one has ended.
    func new() throws -> Driver {
        firewall.forgetWhatWasTold()
        hostPorts.forgetAll()
        return Self.driver(try store.load(), store, kernel, firewall, hostPorts)
    }

    /// Links and addresses, but for the index numbers.
    func host() throws -> Set<String> {
        let links = try kernel.links()
        let names = Dictionary(uniqueKeysWithValues: links.map { ($0.index, $0.name) })
        return Set(
            links.map { link in
                "\(link.name) \(link.kind) \(link.mac?.description ?? "") \(link.mtu) \(link.isUp) \(link.alias) "
                    + (link.master.flatMap { names[$0] } ?? "")
            } + (try kernel.addresses()).map { "\($0.address) on \(names[$0.link] ?? "nothing")" })
    }

    /// True if neither the host nor the store has anything. What stays is that the host forwards now, and the guard that goes
    /// with it.
    func isClean() throws -> Bool {
        let rules = firewall.words().filter { !$0.hasPrefix("guard ") }
        return try kernel.linkNames.isEmpty && rules.isEmpty && !firewall.isAtEngine && hostPorts.held.isEmpty
            && isStoreEmpty() && store.violations.isEmpty && firewall.collisions.isEmpty
    }

    func isStoreEmpty() throws -> Bool {
        var stored = try store.load()
        stored.settings = stored.settings.filter { !$0.key.hasPrefix("forward-guard.") }
        return stored == StoredState()
    }

    /// A network and an endpoint in it.
    func start(
        _ network: NetworkRequest, _ endpoint: EndpointRequest, sandbox: String? = nil, on driver: Driver? = nil
    ) async throws {
        let driver = driver ?? self.driver
        if await driver.networks[network.id] == nil { try await driver.createNetwork(network) }
        _ = try await driver.createEndpoint(endpoint)
        if let sandbox { _ = try await driver.join(endpoint.id, of: network.id, sandbox: sandbox) }
    }

    /// Deletes an endpoint, and waits until nothing is left of it.
    func delete(_ endpoint: EndpointRequest, by driver: Driver? = nil) async throws {
        let driver = driver ?? self.driver
        try await driver.deleteEndpoint(endpoint.id, of: endpoint.network)
        await driver.settle()
    }

    private static func driver(
        _ state: StoredState, _ store: FakeStore, _ kernel: FakeKernel, _ firewall: FakeFirewall,
        _ hostPorts: FakeHostPorts
    ) -> Driver {
        Driver(
            state: state, store: store, kernel: kernel, firewall: firewall, hostPorts: hostPorts,
            retirementPause: .zero,
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
        subnet6: String? = nil, isInternal: Bool = false, options: [String: String] = [:]
    ) throws -> NetworkRequest {
        var subnets = [
            NetworkRecord.Subnet(
                prefix: try #require(Prefix(subnet)), gateway: gateway.flatMap { InterfaceAddress($0) })
        ]
        if let subnet6 {
            let prefix = try #require(Prefix(subnet6))
            let first = try #require(IPAddress(family: .v6, bits: prefix.base.bits + 1))
            subnets.append(
                .init(prefix: prefix, gateway: InterfaceAddress(address: first, prefixLength: prefix.length)))
        }
        return NetworkRequest(
            id: try #require(NetworkID(id)), isInternal: isInternal, subnets: subnets, options: options)
    }
}

extension EndpointRequest {
    static func make(
        _ id: String = "56e4d91db20dac74f4b1218b", network: String = "09dff9c378bc2a0e5bfce0e5",
        ipv4: String? = "10.0.0.2/24", ipv6: String? = nil, mac: String? = nil, ports: [PortRequest] = [],
        clients: [String]? = nil, linkName: String? = nil, settings: [String] = []
    ) throws -> EndpointRequest {
        EndpointRequest(
            id: try #require(EndpointID(id)), network: try #require(NetworkID(network)),
            ipv4: ipv4.flatMap { InterfaceAddress($0) }, ipv6: ipv6.flatMap { InterfaceAddress($0) },
            mac: mac.flatMap { MACAddress($0) }, ports: ports, clients: try clients?.map { try #require(Prefix($0)) },
            linkName: linkName.flatMap { InterfaceName($0) },
            settings: try settings.map { try #require(LinkSetting($0)) })
    }
}
