// SPDX-License-Identifier: Apache-2.0

import NetDriver

/// A network in the picture: its texts, and how large they are.
struct SVGLane {
    let header: SVGBlock
    /// The ports of its bridge, those that are not plugind's first.
    let rows: [SVGRow]
    /// What is not shown.
    let rest: SVGBlock
    let isOpen: Bool
    let isSound: Bool

    init(_ network: TopologyMap.Network, _ uplinks: [TopologyMap.Link]) {
        var header = SVGBlock(columns: 46)
        header.add(
            network.name, .title, sign: network.isSound ? .sound : .problem, then: [network.modeWords(uplinks)], .text)
        header.add(["bridge \(network.bridge)", network.state, "mtu \(network.mtu)"], .small)
        header.add(network.addresses, .text)
        header.add(problems: network.problems)
        self.header = header
        rows = network.guests.map { SVGRow($0) } + network.containers.map { SVGRow($0) }
        var rest = SVGBlock(columns: 46)
        if network.hiddenContainers > 0 {
            rest.add("… and \(TopologyMap.more(network.hiddenContainers, "container"))", .small)
        }
        self.rest = rest
        isOpen = network.isOpen
        isSound = network.isSound
    }
}

/// A port of a bridge in the picture, with what is published of its container.
struct SVGRow {
    struct Port {
        let block: SVGBlock
        let way: String
        let leads: Bool
        let isSound: Bool

        init(_ port: TopologyMap.Port) {
            var block = SVGBlock(columns: 32)
            block.add(port.place, .strong)
            block.add([port.to.map { "→ \($0)" } ?? "", port.howWords], .small)
            block.add(port.limits, .small)
            block.add(problems: port.problems)
            self.block = block
            way = port.how.rawValue
            leads = port.leads
            isSound = port.problems.isEmpty
        }
    }

    static let portInset = 8.0
    static let portGap = 6.0

    let block: SVGBlock
    let ports: [Port]
    /// The class of its box.
    let style: String
    let isSound: Bool
    /// Whether the bridge has it.
    let isAttached: Bool

    init(_ container: TopologyMap.Container) {
        var block = SVGBlock(columns: 42)
        block.add(
            container.name, .name, sign: container.problems.isEmpty ? .sound : .problem, then: container.addresses,
            .text)
        let link = container.state == "up" ? container.link : "\(container.link) \(container.state)"
        block.add([link, container.mac], .small)
        if !container.otherNetworks.isEmpty {
            block.add("also in \(container.otherNetworks.joined(separator: ", "))", .small)
        }
        block.add(problems: container.problems)
        self.block = block
        ports = container.ports.map { Port($0) }
        isSound = container.problems.isEmpty
        style = isSound ? "card" : "bad"
        isAttached = ![DriverView.LinkState.detached, .missing].map(\.rawValue).contains(container.state)
    }

    /// A link that is not plugind's.
    init(_ guest: TopologyMap.Link) {
        var block = SVGBlock(link: guest)
        block.add("not plugind's", .small)
        self.block = block
        ports = []
        style = "guest"
        isSound = true
        isAttached = true
    }

    var portsHeight: Double {
        ports.reduce(0) { $0 + $1.block.height + Self.portInset } + Self.portGap * Double(max(0, ports.count - 1))
    }

    var height: Double { max(block.height + 14, portsHeight) }
}

extension SVGBlock {
    /// A link of the host.
    init(link: TopologyMap.Link) {
        self.init(columns: 34)
        add(link.name, .name, sign: link.isUp ? .sound : nil)
        add([link.kind, link.isUp ? "up" : "down", "mtu \(link.mtu)"].compactMap(\.self), .small)
        add(link.addresses, .text)
        if let words = link.routeWords { add(words, .small) }
        if let words = link.portWords { add(words, .small) }
    }
}
