// SPDX-License-Identifier: Apache-2.0

import Addressing
import NetDriver

/// What a drawing of the topology shows: by name, in order, in words, and shortened.
///
/// Drawings are functions of it alone: `text`, `svg()` and `dot()`.
public struct TopologyMap: Hashable, Sendable {
    /// A link of the host that is not of plugind's making.
    struct Link: Hashable, Sendable {
        var name: String
        var isUp: Bool
        /// `bridge`; nil for most network cards.
        var kind: String?
        var addresses: [String]
        /// Bytes.
        var mtu: UInt32
        /// `IPv4`, `IPv6`.
        var defaultRoutes: [String]
        /// The links that are ports of it.
        var ports: [String]
    }

    struct Network: Hashable, Sendable {
        var id: String
        var name: String
        var bridge: String
        /// `up`, `down`, `missing`, or what is being done with the network.
        var state: String
        /// `nat`, `routed`, `internal`, …
        var mode: String
        /// Whether anything gets out of it, or into it from outside.
        var isOpen: Bool
        /// Bytes.
        var mtu: UInt32
        /// The gateways, with the lengths of their prefixes; the subnet where there is no gateway.
        var addresses: [String]
        var problems: [String]
        /// The ports of its bridge that are not plugind's.
        var guests: [Link]
        var containers: [Container]
        var hiddenContainers: Int
    }

    /// A container's place in one network.
    struct Container: Hashable, Sendable {
        var id: String
        /// The endpoint's short id where no name is known.
        var name: String
        var addresses: [String]
        var mac: String
        /// The port in the bridge.
        var link: String
        /// `up`, `down`, `detached`, `missing`, or what is being done with the endpoint.
        var state: String
        /// The other networks that it is in.
        var otherNetworks: [String]
        var ports: [Port]
        var problems: [String]

        /// Its own and its ports'.
        var hasProblems: Bool { !problems.isEmpty || ports.contains { !$0.problems.isEmpty } }
    }

    /// A way to a container from outside of its network.
    struct Port: Hashable, Sendable {
        /// `0.0.0.0:8080`, or the container's own address.
        var at: String
        /// `10.0.0.2:80`; nil where it is the same.
        var to: String?
        /// `tcp`; nil for every one.
        var transport: String?
        var how: Reach.Way
        /// Who may come, and by which links, if not everybody by any.
        var limits: [String]
        var problems: [String]

        /// `0.0.0.0:8080/tcp`.
        var place: String { transport.map { "\(at)/\($0)" } ?? at }

        /// Whether anything that comes to it arrives.
        var leads: Bool { how != .none }

        var howWords: String { leads ? how.rawValue : "leads nowhere" }
    }

    /// Of the host as a whole.
    var problems: [String] = []
    /// Those that default routes go by.
    var uplinks: [Link] = []
    /// The other ones.
    var links: [Link] = []
    var hiddenLinks = 0
    var networks: [Network] = []
    var hiddenNetworks = 0
    /// Of all, whether shown or not: `3 networks`, `8 containers`, …
    var counts: [String] = []
    var problemCount = 0
}

extension TopologyMap.Link {
    /// The default routes in words.
    var routeWords: String? {
        defaultRoutes.isEmpty ? nil : "default route of " + defaultRoutes.joined(separator: " and ")
    }

    /// The ports in words, the first of them by name.
    var portWords: String? {
        guard !ports.isEmpty else { return nil }
        let more = ports.count > 4 ? " and \(ports.count - 4) more" : ""
        return (ports.count == 1 ? "port " : "ports ") + ports.prefix(4).joined(separator: ", ") + more
    }

    /// All but the name, in the order of how much it matters.
    var details: [String] {
        [kind, isUp ? "up" : "down", routeWords].compactMap(\.self) + addresses
            + ["mtu \(mtu)", portWords].compactMap(\.self)
    }
}

extension TopologyMap.Network {
    var isSound: Bool { problems.isEmpty }

    /// How the containers get out, if that can be told: `nat by eth0`.
    func modeWords(_ uplinks: [TopologyMap.Link]) -> String {
        guard isOpen, !uplinks.isEmpty else { return mode }
        return "\(mode) by " + uplinks.map(\.name).joined(separator: " and ")
    }
}
