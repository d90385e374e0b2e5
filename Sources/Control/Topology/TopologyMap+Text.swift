// SPDX-License-Identifier: Apache-2.0

import NetDriver

extension TopologyMap {
    /// What a terminal can show.
    public struct Terminal: Hashable, Sendable {
        /// Columns, from 40 on.
        public var width: Int
        public var isColoured: Bool
        /// Whether it shows more than ASCII.
        public var isUnicode: Bool

        public init(width: Int, isColoured: Bool, isUnicode: Bool) {
            self.width = max(40, width)
            self.isColoured = isColoured
            self.isUnicode = isUnicode
        }
    }

    /// A tree for people: the host with its links, the networks, their containers, and how these are reached.
    public func text(on terminal: Terminal) -> String {
        var tree = TreeText(
            strokes: terminal.isUnicode ? .unicode : .ascii, width: terminal.width, isColoured: terminal.isColoured)
        let words = TreeWords(strokes: tree.strokes)
        var host = TreeNode(
            mark: problems.isEmpty ? .sound : .problem, head: [Piece("host", .bold), Piece(summary)], problems: problems
        )
        host.children = uplinks.map { words.node($0) }
        if uplinks.isEmpty { host.children.append(TreeNode(mark: .none, head: [Piece("no default route", .faint)])) }
        host.children += links.map { words.node($0) } + words.more(hiddenLinks, "link")
        host.children += networks.map { words.node($0, uplinks) } + words.more(hiddenNetworks, "network")
        tree.add(host)
        return terminal.isUnicode ? tree.text : tree.text.ascii
    }

    var summary: String { counts.joined(separator: ", ") }
}

/// What is said of each thing in the tree.
private struct TreeWords {
    let strokes: TreeText.Strokes

    func node(_ link: TopologyMap.Link) -> TreeNode {
        TreeNode(
            mark: link.isUp ? .sound : .none,
            head: [Piece(link.name, .bold)] + link.details.map { Piece($0, $0 == "down" ? .yellow : nil) })
    }

    func node(_ network: TopologyMap.Network, _ uplinks: [TopologyMap.Link]) -> TreeNode {
        var node = TreeNode(
            mark: network.isSound ? .sound : .problem,
            head: [Piece(network.name, .bold), Piece(network.modeWords(uplinks))]
                + [Piece(network.bridge, .faint)] + state(network.state)
                + network.addresses.map { Piece($0) } + [Piece("mtu \(network.mtu)", .faint)],
            problems: network.problems)
        let column = min(24, network.containers.map(\.name.columns).max() ?? 0)
        node.children = network.guests.map(guest)
        node.children += network.containers.map { self.node($0, column: column) }
        node.children += more(network.hiddenContainers, "container")
        return node
    }

    private func guest(_ link: TopologyMap.Link) -> TreeNode {
        var node = node(link)
        node.head.append(Piece("not plugind's", .faint))
        return node
    }

    private func node(_ container: TopologyMap.Container, column: Int) -> TreeNode {
        let padding = String(repeating: " ", count: max(0, column - container.name.columns))
        return TreeNode(
            mark: container.problems.isEmpty ? .sound : .problem,
            head: [Piece(container.name + padding, .bold)] + container.addresses.map { Piece($0) }
                + state(container.state) + [Piece(container.link, .faint), Piece(container.mac, .faint)]
                + (container.otherNetworks.isEmpty
                    ? [] : [Piece("also in " + container.otherNetworks.joined(separator: ", "), .faint)]),
            problems: container.problems, children: container.ports.map(node))
    }

    private func node(_ port: TopologyMap.Port) -> TreeNode {
        TreeNode(
            mark: port.problems.isEmpty ? .none : .problem,
            head: [Piece(port.to.map { "\(port.place) \(strokes.arrow) \($0)" } ?? port.place)]
                + [Piece(port.howWords, port.how.ink)]
                + port.limits.map { Piece($0, .faint) },
            problems: port.problems)
    }

    /// That it is up goes without saying: it is marked so.
    private func state(_ state: String) -> [Piece] { state == "up" ? [] : [Piece(state, .yellow)] }

    func more(_ count: Int, _ what: String) -> [TreeNode] {
        guard count > 0 else { return [] }
        let words = "\(strokes.dots) and \(TopologyMap.more(count, what)) (--all shows all)"
        return [TreeNode(mark: .none, head: [Piece(words, .faint)])]
    }
}

extension TopologyMap {
    /// `180 more containers`.
    static func more(_ count: Int, _ what: String) -> String { "\(count) more \(what)\(count == 1 ? "" : "s")" }
}

extension Reach.Way {
    fileprivate var ink: Ink? {
        switch self {
        case .direct, .forwarded, .routed: nil
        case .open: .yellow
        case .none: .red
        }
    }
}
