// SPDX-License-Identifier: Apache-2.0

import Addressing
import NetDriver

extension NetworkList {
    /// A table for people, 80 columns wide, with each network's subnets below it.
    public func text(names: EngineNames, isColoured: Bool) -> String {
        guard !networks.isEmpty else { return "no networks\n" }
        let rows = networks.flatMap { network in
            let first: [TextTable.Cell] = [
                .init(network.id.short), .init(names.networks[network.id] ?? "-"),
                .init(network.bridge.description, ink: network.link?.ink), "\(network.endpoints)", .init(network.words),
            ]
            return [first] + network.subnets.flatMap { Lines.cells($0.parts, columns: 5) }
        }
        return TextTable(
            columns: [
                .init(title: "NETWORK", limit: 12), .init(title: "NAME", limit: 20),
                .init(title: "BRIDGE", limit: 15), .init(title: "ENDPOINTS", isNumber: true), .init(title: "MODE"),
            ], rows: rows
        ).text(isColoured: isColoured)
    }
}

extension NetworkStatus {
    /// Its mode, and what is wrong.
    fileprivate var words: String { ([modeWords] + problems).joined(separator: ", ") }

    /// `nat`, `nat/routed` if IPv6 has another mode, or `internal`.
    var modeWords: String {
        let modes = subnets.map(\.mode).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
        return isInternal ? "internal" : modes.joined(separator: "/")
    }

    /// What is not as usual.
    fileprivate var problems: [String] {
        (state == "ready" ? [] : [state]) + (link.flatMap { $0 == .up ? nil : [$0.rawValue] } ?? [])
    }
}

extension NetworkStatus.Subnet {
    fileprivate var parts: [String] {
        ["\(subnet)", gateway.map { "gateway \($0)" } ?? "no gateway"]
    }
}

extension DriverView.LinkState {
    var ink: Ink {
        switch self {
        case .up: .green
        case .down, .detached: .yellow
        case .missing: .red
        }
    }
}

extension NetworkDetail {
    /// All about it for people.
    public func text(names: EngineNames, isColoured: Bool) -> String {
        let title = "network \(network.id)"
        var facts = names.networks[network.id].map { [("name", $0)] } ?? []
        facts += [
            ("state", network.state), ("bridge", "\(network.bridge)" + (network.link.map { ", \($0.rawValue)" } ?? "")),
            ("bridge mac", "\(bridgeMAC)"), ("mtu", "\(network.mtu)"),
            ("internal", network.isInternal ? "yes" : "no"),
        ]
        for subnet in network.subnets {
            facts.append(("subnet", "\(subnet.subnet), \(subnet.mode)"))
            facts.append(("gateway", subnet.gateway?.description ?? "-"))
        }
        facts += options.sorted { $0.key < $1.key }.map { ("option", "\($0.key)=\($0.value)") }
        let list =
            endpoints.isEmpty
            ? "" : "\n" + EndpointList(endpoints: endpoints).text(names: names, isColoured: isColoured)
        return (isColoured ? Ink.bold.applied(to: title) : title) + "\n" + Lines.of(facts) + list
    }
}
