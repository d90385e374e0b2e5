// SPDX-License-Identifier: Apache-2.0

import Addressing
public import HostNetwork

/// What the driver has, and the host around it: as of one moment.
public struct HostSurvey: Hashable, Sendable {
    public var view: DriverView
    /// As `Driver.differences()`.
    public var differences: [HostDifference]
    /// All links of the host but the endpoints' and its loopback, in the kernel's order.
    public var links: [Link]
    /// Of every link.
    public var addresses: [LinkAddress]
    public var routes: [Route]

    public init(
        view: DriverView, differences: [HostDifference], links: [Link], addresses: [LinkAddress], routes: [Route]
    ) {
        self.view = view
        self.differences = differences
        self.links = links
        self.addresses = addresses
        self.routes = routes
    }
}

extension Driver {
    /// One look at all that there is. The host is asked for its links, addresses and routes once each, however many
    /// endpoints there are. Throws if it cannot be looked at.
    public func survey() throws -> HostSurvey {
        let (links, addresses, routes) = (try linksInUse(), try kernel.addresses(), try kernel.routes())
        let view = HostView(kernel, links: links, addresses: addresses, routes: routes)
        return HostSurvey(
            view: self.view(links: links), differences: try differences(in: view), links: Self.others(among: links),
            addresses: addresses, routes: routes)
    }

    /// Those that are no end of an endpoint's pair, and not the loopback.
    private static func others(among links: [Link]) -> [Link] {
        let ports = links.filter { LinkNames.isPort($0) }
        let peers = Set(ports.filter { $0.peerNamespace == nil }.compactMap(\.peer))
        return links.filter { !LinkNames.isPort($0) && !peers.contains($0.index) && $0.name != "lo" }
    }
}

extension LinkNames {
    fileprivate static func isPort(_ link: Link) -> Bool {
        if case .endpoint = object(tagged: link.alias) { true } else { false }
    }
}
