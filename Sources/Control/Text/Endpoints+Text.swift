// SPDX-License-Identifier: Apache-2.0

import Addressing
import NetDriver
import Store

extension EndpointList {
    /// A table for people, 80 columns wide, with each endpoint's addresses below it.
    public func text(names: EngineNames, isColoured: Bool) -> String {
        guard !endpoints.isEmpty else { return "no endpoints\n" }
        let rows = endpoints.flatMap { endpoint in
            let first: [TextTable.Cell] = [
                .init(endpoint.id.short), .init(names.container(of: endpoint) ?? "-"),
                .init(names.name(of: endpoint.network)), .init(endpoint.hostLink.description),
                .init(endpoint.words, ink: endpoint.link?.ink),
            ]
            return [first] + Lines.cells(endpoint.parts, columns: 5)
        }
        return TextTable(
            columns: [
                .init(title: "ENDPOINT", limit: 12), .init(title: "CONTAINER", limit: 20),
                .init(title: "NETWORK", limit: 14), .init(title: "LINK", limit: 15), .init(title: "STATE"),
            ], rows: rows
        ).text(isColoured: isColoured)
    }
}

extension EndpointStatus {
    /// How its link is, unless it is being made or deleted.
    fileprivate var words: String { state == "ready" ? link?.rawValue ?? "-" : state }

    fileprivate var parts: [String] {
        [
            ipv4?.address.description ?? "", ipv6?.address.description ?? "", mac.description,
            sandboxName ?? "no sandbox",
        ]
    }

    /// The engine calls the file by the beginning of the sandbox's id.
    private var sandboxName: String? {
        sandbox.map { "sandbox \($0.split(separator: "/").last.map { String($0) } ?? $0)" }
    }
}

extension EndpointDetail {
    /// All about it for people.
    public func text(names: EngineNames, isColoured: Bool) -> String {
        let title = "endpoint \(endpoint.id)"
        var facts = names.container(of: endpoint).map { [("container", $0)] } ?? []
        facts.append(("network", names.name(of: endpoint.network) + ", bridge \(network.bridge)"))
        facts.append(("state", endpoint.state))
        facts += [endpoint.ipv4, endpoint.ipv6].compactMap(\.self).map { ("address", "\($0)") }
        facts.append(("mac", "\(endpoint.mac)"))
        facts.append(("link", "\(endpoint.hostLink)" + (endpoint.link.map { ", \($0.rawValue)" } ?? "")))
        facts.append(("sandbox", endpoint.sandbox ?? "-"))
        facts.append(("attach", endpoint.attach.rawValue))
        let list = ports.isEmpty ? "" : "\n" + PortList(ports: ports).text(names: names, isColoured: isColoured)
        return (isColoured ? Ink.bold.applied(to: title) : title) + "\n" + Lines.of(facts) + list
    }
}
