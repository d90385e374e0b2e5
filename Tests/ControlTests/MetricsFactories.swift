// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import IPAM
import NetDriver
import PluginKit
import Store
import TestSupport

@testable import Control

extension Metrics {
    /// Of a driver with what is in `state` on a host that has nothing.
    static func make(
        _ ipam: IPAM, state: StoredState = StoredState(), firewall: FakeFirewall = FakeFirewall(),
        store: MeasuredStore = MeasuredStore(FakeStore()), requests: RequestTally = RequestTally(),
        host: HostTally = HostTally(),
        driver: Driver? = nil, patience: Duration = .seconds(60)
    ) -> Metrics {
        Metrics(
            version: "1.2.3", ipam: ipam, driver: driver ?? .make(state, firewall), requests: requests, store: store,
            host: host, patience: patience)
    }
}

extension Driver {
    static func make(_ state: StoredState = StoredState(), _ firewall: FakeFirewall = FakeFirewall()) -> Driver {
        Driver(
            state: state, store: FakeStore(state), kernel: FakeKernel(), firewall: firewall,
            hostPorts: FakeHostPorts(),
            makeMAC: {
                var random = SystemRandomNumberGenerator()
                return MACAddress.random(using: &random)
            }, logger: .silent)
    }
}

extension StoredState {
    /// A network with `endpoints` endpoints, the first of which has a TCP port published.
    static func make(endpoints: Int) throws -> StoredState {
        guard let network = NetworkID("09dff9c378bc2a0e5bfce0e5"), let bridge = InterfaceName("br-09dff9c378bc"),
            let mac = MACAddress("02:00:00:00:00:01"), let subnet = Prefix("10.0.0.0/16")
        else { throw Malformed() }
        var state = StoredState(networks: [
            NetworkRecord(
                id: network, phase: .ready, bridge: bridge, bridgeMAC: mac, mtu: 1500, isInternal: false,
                linkPrefix: "eth", subnets: [.init(prefix: subnet, gateway: InterfaceAddress("10.0.0.1/16"))],
                options: [:])
        ])
        for number in 0..<endpoints {
            guard let id = EndpointID("56e4d91db20dac74f4b121\(number + 10)"),
                let host = InterfaceName("pdh\(number)"), let sandbox = InterfaceName("pds\(number)"),
                let address = InterfaceAddress("10.0.1.\(number)/16"),
                let mac = MACAddress("02:00:00:00:01:\(number + 10)")
            else { throw Malformed() }
            let port = PublishedPort(
                transport: .tcp, port: 80, hostAddresses: [IPAddress(v4: 0)], hostPort: 8080)
            state.endpoints.append(
                EndpointRecord(
                    id: id, network: network, phase: .ready, hostLink: host, sandboxLink: sandbox, mac: mac,
                    ipv4: address, ipv6: nil, sandboxKey: nil,
                    publication: number > 0
                        ? nil : Publication(requests: [], isWithoutIPv6Proxy: false, ports: [port])))
        }
        return state
    }
}
