// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Store
import TestSupport

extension World {
    /// The packet filter and the host's ports have what is stored, worked out here once more, and nothing else. Ports that
    /// somebody else took while there was no daemon are published and not held.
    func compareRules(_ state: StoredState) {
        var rules = Set(state.networks.flatMap(\.rules))
        for family in ["ipv4", "ipv6"] where state.settings["forward-guard.\(family)"] == host.boot {
            rules.insert("guard \(family) : goto guarded")
        }
        let lost = host.lostPorts
        var ports: [String] = []
        for endpoint in state.endpoints {
            for port in endpoint.publication?.ports ?? [] {
                for host in port.hostAddresses {
                    if !lost.contains(port.hostPort) { ports.append(endpoint.door(port, host)) }
                    if let rule = endpoint.rule(port, host) { rules.insert(rule) }
                }
            }
        }
        if Set(host.ports.held) != Set(ports) || Set(ports).count != ports.count {
            let difference = Set(host.ports.held).symmetricDifference(ports)
            model.find(nil, "ports are held too many, too few or twice: \(difference.sorted())")
        }
        let difference = Set(host.firewall.words()).symmetricDifference(rules)
        if !difference.isEmpty { model.find(nil, "rules are left or missing: \(difference.sorted())") }
        if host.firewall.isAtEngine == state.networks.isEmpty { model.find(nil, "the engine's rules are not right") }
        if let words = host.firewall.collisions.first { model.find(nil, "rules collided: \(words)") }
    }
}

extension NetworkRecord {
    /// What a network without options has in the packet filter.
    fileprivate var rules: [String] {
        let bridge = "\"\(bridge)\""
        return ["bridges \(bridge)", "same \(bridge) . \(bridge)"]
            + subnets.map { "subnets\($0.prefix.family == .v4 ? 4 : 6) \(bridge) . \($0.prefix)" }
            + ["ipv4", "ipv6"].map { "\(isInternal ? "sealed" : "masqueraded") \($0) . \(bridge)" }
    }
}

extension EndpointRecord {
    private func own(_ family: AddressFamily) -> IPAddress? { (family == .v4 ? ipv4 : ipv6)?.address }

    /// How a port is held at an address of the host.
    fileprivate func door(_ port: PublishedPort, _ host: IPAddress) -> String {
        let door = "\(port.transport) \(host) \(port.hostPort)"
        let isForwarded = host.family == .v6 && (own(.v6) == nil || host.isUnspecified || host.isLoopback)
        guard isForwarded, let target = own(.v6) ?? own(.v4) else { return door }
        return door + " to \(target) \(port.port)"
    }

    /// What the packet filter has of it; nil if it cannot lead there.
    fileprivate func rule(_ port: PublishedPort, _ host: IPAddress) -> String? {
        guard let own = own(host.family), host.family == .v4 || !host.isLoopback else { return nil }
        let number = host.family == .v4 ? 4 : 6
        let (key, value) = ("\(port.transport) . \(port.hostPort)", "\(own) . \(port.port)")
        return host.isUnspecified
            ? "ports\(number) \(key) : \(value)" : "hostports\(number) \(host) . \(key) : \(value)"
    }
}
