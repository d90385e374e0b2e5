// SPDX-License-Identifier: Apache-2.0

extension TopologyMap {
    /// The same as a graph in Graphviz's language. What has problems is red, and says so after an exclamation mark.
    public func dot() -> String {
        var graph = DOTGraph()
        graph.begin("digraph", "plugind")
        graph.add("graph [rankdir=LR, fontname=\"sans-serif\", compound=true]")
        graph.add("node [shape=box, fontname=\"monospace\", fontsize=10]")
        graph.add("edge [fontname=\"monospace\", fontsize=9]")
        graph.begin("subgraph", "cluster host")
        graph.add("label=\(graph.quoted(["host", summary] + problems.map { "! \($0)" }))")
        for link in uplinks + links { graph.node("link \(link.name)", [link.name] + link.details, isSound: true) }
        graph.rest(hiddenLinks, "link", of: "host")
        graph.end()
        for network in networks { graph.add(network, uplinks) }
        graph.rest(hiddenNetworks, "network", of: "plugind")
        graph.end()
        return graph.text
    }
}

/// Text in Graphviz's language, as it grows.
private struct DOTGraph {
    private(set) var text = ""
    private var depth = 0

    mutating func add(_ statement: String) {
        text += String(repeating: "  ", count: depth) + statement + "\n"
    }

    mutating func begin(_ kind: String, _ name: String) {
        add("\(kind) \(quoted([name])) {")
        depth += 1
    }

    mutating func end() {
        depth -= 1
        add("}")
    }

    mutating func node(_ id: String, _ lines: [String], isSound: Bool, style: String = "solid") {
        let colour = isSound ? "" : ", color=red, fontcolor=red, penwidth=2"
        add("\(quoted([id])) [label=\(quoted(lines)), style=\(style)\(colour)]")
    }

    mutating func edge(_ from: String, _ to: String, _ label: String, _ attributes: String, isSound: Bool = true) {
        let colour = isSound ? "" : ", color=red, fontcolor=red"
        add("\(quoted([from])) -> \(quoted([to])) [label=\(quoted([label])), \(attributes)\(colour)]")
    }

    mutating func rest(_ count: Int, _ what: String, of owner: String) {
        guard count > 0 else { return }
        node("more of \(owner)", ["… and \(TopologyMap.more(count, what))"], isSound: true, style: "dashed")
    }

    mutating func add(_ network: TopologyMap.Network, _ uplinks: [TopologyMap.Link]) {
        let bridge = "network \(network.id)"
        begin("subgraph", "cluster \(bridge)")
        add("label=\(quoted([network.name, network.modeWords(uplinks)]))")
        node(
            bridge,
            [network.bridge, network.state] + network.addresses + ["mtu \(network.mtu)"]
                + network.problems.map { "! \($0)" },
            isSound: network.isSound, style: "bold")
        for guest in network.guests {
            node("link \(guest.name)", [guest.name, "not plugind's"] + guest.details, isSound: true, style: "dashed")
            edge(bridge, "link \(guest.name)", "", "dir=none")
        }
        for container in network.containers { add(container, bridge) }
        rest(network.hiddenContainers, "container", of: bridge)
        end()
        for link in uplinks where network.isOpen { edge("link \(link.name)", bridge, network.mode, "dir=none") }
        for container in network.containers { add(container.ports, of: container) }
    }

    private mutating func add(_ container: TopologyMap.Container, _ bridge: String) {
        let id = "endpoint \(container.id)"
        node(
            id,
            [container.name] + container.addresses + [container.mac] + container.problems.map { "! \($0)" },
            isSound: container.problems.isEmpty)
        let words = container.state == "up" ? container.link : "\(container.link) \(container.state)"
        edge(bridge, id, words, "dir=none", isSound: container.problems.isEmpty)
    }

    private mutating func add(_ ports: [TopologyMap.Port], of container: TopologyMap.Container) {
        for (number, port) in ports.enumerated() {
            let id = "port \(number) of \(container.id)"
            let isSound = port.problems.isEmpty
            node(id, [port.place] + port.limits + port.problems.map { "! \($0)" }, isSound: isSound, style: "rounded")
            let words = [port.howWords, port.to].compactMap(\.self)
            edge(id, "endpoint \(container.id)", words.joined(separator: " "), "style=dashed", isSound: isSound)
        }
    }

    /// Lines as one string. Graphviz takes a backslash for the beginning of an escape.
    func quoted(_ lines: [String]) -> String {
        // By scalars: a quote with a combining mark behind it is another character, and still ends a text.
        let escaped = lines.map { line in
            line.unicodeScalars.reduce(into: "") { text, scalar in
                if scalar == "\\" || scalar == "\"" { text.unicodeScalars.append("\\") }
                text.unicodeScalars.append(scalar)
            }
        }
        return "\"" + escaped.joined(separator: "\\n") + "\""
    }
}
