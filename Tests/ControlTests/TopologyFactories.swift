// SPDX-License-Identifier: Apache-2.0

import NetDriver

@testable import Control

extension TopologyMap {
    /// A host with an uplink, a network of two containers, one of which is cut off, and one without a way out.
    static func make() -> TopologyMap {
        var map = TopologyMap()
        map.uplinks = [.make("eth0", addresses: ["192.0.2.10/24"], routes: ["IPv4"])]
        map.links = [.make("docker0", kind: "bridge", addresses: ["172.17.0.1/16"], ports: ["veth1"])]
        map.networks = [
            .make("lan", addresses: ["10.0.0.1/24"], containers: [.cut(), .published()]),
            .make("vault", addresses: ["10.0.1.1/24"], isOpen: false),
        ]
        map.counts = ["2 networks", "2 containers", "2 published ports", "2 problems"]
        map.problemCount = 2
        return map
    }
}

extension TopologyMap.Link {
    static func make(
        _ name: String, isUp: Bool = true, kind: String? = nil, addresses: [String] = [], routes: [String] = [],
        ports: [String] = []
    ) -> TopologyMap.Link {
        .init(
            name: name, isUp: isUp, kind: kind, addresses: addresses, mtu: 1500, defaultRoutes: routes, ports: ports)
    }
}

extension TopologyMap.Network {
    static func make(
        _ name: String, addresses: [String] = [], isOpen: Bool = true, problems: [String] = [],
        guests: [TopologyMap.Link] = [], containers: [TopologyMap.Container] = [], hidden: Int = 0
    ) -> TopologyMap.Network {
        .init(
            id: "id of \(name)", name: name, bridge: "br-\(name)", state: problems.isEmpty ? "up" : "down",
            mode: isOpen ? "nat" : "internal", isOpen: isOpen, mtu: 1500, addresses: addresses, problems: problems,
            guests: guests, containers: containers, hiddenContainers: hidden)
    }
}

extension TopologyMap.Container {
    static func make(
        _ name: String, addresses: [String] = ["10.0.0.2"], state: String = "up", networks: [String] = [],
        ports: [TopologyMap.Port] = [], problems: [String] = []
    ) -> TopologyMap.Container {
        .init(
            id: "id of \(name)", name: name, addresses: addresses, mac: "02:42:0a:00:00:02", link: "pdh56e4d91db20d",
            state: state, otherNetworks: networks, ports: ports, problems: problems)
    }

    static func cut() -> TopologyMap.Container {
        .make(
            "ada", addresses: ["10.0.0.3"], state: "detached", problems: ["the port is not in the network's bridge"])
    }

    static func published() -> TopologyMap.Container {
        .make(
            "web", addresses: ["10.0.0.2", "fd00::2"], networks: ["vault"],
            ports: [
                .init(
                    at: "0.0.0.0:8080", to: "10.0.0.2:80", transport: "tcp", how: .direct,
                    limits: ["from 192.0.2.0/24"],
                    problems: []),
                .init(
                    at: "[::]:8080", to: "[fd00::2]:80", transport: "tcp", how: .forwarded, limits: [],
                    problems: ["another program has the host's port"]),
            ])
    }
}
