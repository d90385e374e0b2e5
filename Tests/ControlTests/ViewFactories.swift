// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import IPAM
import NetDriver
import Store
import TestSupport

@testable import Control

extension DaemonFacts {
    static let example = DaemonFacts(
        version: "0.1.0", started: .now, stateDirectory: "/var/lib/plugind",
        pluginSocket: "/run/docker/plugins/plugind.sock", controlSocket: "/run/plugind/control.sock",
        engineSocket: nil)
}

/// A network `lan` with endpoints, the first of which publishes a port, on a host that has none of it.
struct ViewedHost {
    static let network = "09dff9c378bc2a0e5bfce0e5"
    static let first = "56e4d91db20dac74f4b1000000"

    let state: StoredState
    let driver: Driver

    init(endpoints count: Int = 1, isIPv6: Bool = false, options: [String: String] = [:]) throws {
        guard let network = NetworkID(Self.network), let bridge = InterfaceName("br-09dff9c378bc"),
            let mac = MACAddress("02:00:00:00:00:01"), let subnet = Prefix("10.0.0.0/16"),
            let subnet6 = Prefix("fd12:3456:789a:1::/64"), count < 60_000
        else { throw Malformed() }
        var subnets = [NetworkRecord.Subnet(prefix: subnet, gateway: InterfaceAddress("10.0.0.1/16"))]
        if isIPv6 {
            subnets.append(.init(prefix: subnet6, gateway: InterfaceAddress("fd12:3456:789a:1::1/64")))
        }
        var state = StoredState(networks: [
            NetworkRecord(
                id: network, phase: .ready, bridge: bridge, bridgeMAC: mac, mtu: 1500, isInternal: false,
                linkPrefix: "eth", subnets: subnets, options: options)
        ])
        let ports = [
            PublishedPort(
                transport: .tcp, port: 80, hostAddresses: [IPAddress(v4: 0), IPAddress(v6: 0)], hostPort: 8080)
        ]
        for number in 0..<count {
            let digits = "\(1_000_000 + number)".dropFirst()
            guard let id = EndpointID("56e4d91db20dac74f4b1\(digits)"),
                let host = InterfaceName("pdh\(number)"), let sandbox = InterfaceName("pds\(number)")
            else { throw Malformed() }
            state.endpoints.append(
                EndpointRecord(
                    id: id, network: network, phase: .ready, hostLink: host, sandboxLink: sandbox,
                    mac: mac,
                    ipv4: InterfaceAddress(address: IPAddress(v4: 0x0A00_0002 + UInt32(number)), prefixLength: 16),
                    ipv6: isIPv6
                        ? InterfaceAddress(
                            address: IPAddress(v6: subnet6.base.bits + 0x1111_2222_3333_0000 + UInt128(number)),
                            prefixLength: 64) : nil,
                    sandboxKey: "/var/run/docker/netns/1f2e3d4c5b6a",
                    publication: number == 0
                        ? Publication(requests: [], isWithoutIPv6Proxy: false, ports: ports) : nil))
        }
        self.state = state
        driver = Driver(
            state: state, store: FakeStore(state), kernel: FakeKernel(), firewall: FakeFirewall(),
            hostPorts: FakeHostPorts(), makeMAC: { mac }, logger: .silent)
    }

    func router(_ ipam: IPAM) -> ControlRouter {
        var router = ControlRouter(logger: .silent, explain: ControlRouter.explain)
        router.onNetworks(driver, ipam)
        router.onTopology(driver, ipam)
        router.onStatus({ .example }, driver, ipam)
        return router
    }

    func view() async throws -> DriverView { try await driver.view(looksAtLinks: true) }

    func networks() async throws -> [NetworkStatus] { try await view().networks.map(NetworkStatus.init) }

    func endpoints(_ names: [InterfaceAddress: String] = [:]) async throws -> [EndpointStatus] {
        let view = try await view()
        return view.endpoints.map { EndpointStatus($0, network: state.networks.first, names) }
    }

    func ports() async throws -> [PortStatus] {
        let statuses = try await endpoints()
        return zip(try await view().endpoints, statuses).flatMap { endpoint, status in
            endpoint.reaches.map { PortStatus($0, of: status) }
        }.sorted()
    }
}

extension ControlRouter {
    /// The paths that show what there is.
    mutating func onViews(_ ipam: IPAM) {
        let driver = Driver(
            state: StoredState(), store: FakeStore(), kernel: FakeKernel(), firewall: FakeFirewall(),
            hostPorts: FakeHostPorts(),
            makeMAC: {
                var random = SystemRandomNumberGenerator()
                return MACAddress.random(using: &random)
            }, logger: .silent)
        onNetworks(driver, ipam)
        onTopology(driver, ipam)
        onStatus({ .example }, driver, ipam)
    }
}
