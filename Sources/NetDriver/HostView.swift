// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork

/// What the host has: one dump of each kind, whatever the number of networks, and bridges' settings when they are asked for.
struct HostView {
    private let linksByName: [String: Link]
    private let linksByAlias: [String: [Link]]
    private let addresses: [Int32: Set<InterfaceAddress>]
    /// The prefixes that the main table leads to each link.
    private let connected: [Int32: Set<Prefix>]

    private let kernel: any Kernel

    init(_ kernel: any Kernel, links: [Link], addresses: [LinkAddress], routes: [Route]) {
        self.kernel = kernel
        linksByName = Dictionary(links.map { ($0.name, $0) }) { $1 }
        linksByAlias = Dictionary(grouping: links.lazy.filter { !$0.alias.isEmpty }, by: \.alias)
        self.addresses = Dictionary(grouping: addresses, by: \.link).mapValues { Set($0.map(\.address)) }
        var connected: [Int32: Set<Prefix>] = [:]
        for route in routes where route.table == Route.mainTable && route.gateway == nil {
            if let link = route.link { connected[link, default: []].insert(route.destination) }
        }
        self.connected = connected
    }

    func link(named name: InterfaceName) -> Link? { linksByName[name.description] }

    /// The link with that tag: the one that also has the name, if there are several.
    func link(tagged alias: String, named name: InterfaceName) -> Link? {
        let tagged = linksByAlias[alias] ?? []
        return tagged.first { $0.name == name.description } ?? tagged.first
    }

    func has(_ address: InterfaceAddress, on link: Link) -> Bool {
        addresses[link.index]?.contains(address) == true
    }

    func hasSettings(of bridge: BridgeSpec) -> Bool { kernel.hasSettings(of: bridge) }

    func hasRoute(to prefix: Prefix, over link: Link) -> Bool {
        connected[link.index]?.contains(prefix) == true
    }
}
