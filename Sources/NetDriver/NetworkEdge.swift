// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Store

/// A network as the packet filter sees it.
struct NetworkEdge {
    let network: NetworkRecord
    let edge: EdgeOptions

    var families: [AddressFamily] {
        [AddressFamily.v4, .v6].filter { family in network.subnets.contains { $0.prefix.family == family } }
    }

    var elements: Set<RulesetElement> {
        let bridge = network.bridge
        var elements = Set(RulesetElement.bridge(bridge))
        elements.formUnion(network.subnets.map { .subnet($0.prefix, bridge) })
        if !edge.allowsInside { elements.insert(.closed(bridge)) }
        for family in [AddressFamily.v4, .v6] {
            let mode = edge.mode(family)
            if network.isInternal || mode == .isolated { elements.insert(.sealed(family, bridge)) }
            switch mode {
            case .isolated: elements.insert(.isolated(family, bridge))
            case .routed: elements.insert(.door(family, bridge, atEveryPort: false))
            case .natUnprotected: elements.insert(.door(family, bridge, atEveryPort: true))
            case .nat: break
            }
            if mode.mapsPorts, edge.isMasquerading, !network.isInternal {
                elements.insert(edge.source(family).map { .source($0, bridge) } ?? .masqueraded(family, bridge))
            }
        }
        elements.formUnion(edge.trustedLinks.map { .trusted($0, bridge) })
        for case .blackhole(let destination) in edge.routes { elements.insert(.hole(destination, bridge)) }
        return elements
    }

    /// The families that the host must forward for the network's sake.
    var forwardedFamilies: [AddressFamily] {
        network.isInternal ? [] : families.filter { edge.mode($0) != .isolated }
    }

    /// Where a container's default route goes.
    func gateway(of address: InterfaceAddress?) -> IPAddress? {
        guard !network.isInternal, let address else { return nil }
        let family = address.address.family
        guard edge.mode(family) != .isolated else { return nil }
        switch edge.gateway {
        case .none: return nil
        case .addresses(let gateways):
            if let gateway = gateways.first(where: { $0.family == family }) { return gateway }
        case .bridge: break
        }
        return network.subnets.first { $0.prefix.contains(address.address) }?.gateway?.address
    }
}
