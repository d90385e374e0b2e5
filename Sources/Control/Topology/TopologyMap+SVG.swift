// SPDX-License-Identifier: Apache-2.0

extension TopologyMap {
    /// The same as a picture: the host with its links at the top, a lane for each network, its containers below each
    /// other in it, and what is published left of them. Self-contained: no script, no font, nothing to be fetched.
    public func svg() -> String {
        SVGLayout(self).document()
    }
}

/// Where all is in the picture.
///
///     host      links            uplinks ─┐
///     ports ──► ┌ lane ─────────────────┐ │
///               │ container ── bridge   │─┤
///               └───────────────────────┘ │
private struct SVGLayout {
    private static let margin = 16.0
    private static let padding = 20.0
    private static let gap = 14.0
    private static let inset = 14.0
    /// From a port's box to the lane, and in the lane from a container's box to the bridge.
    private static let reach = 44.0
    private static let wire = 40.0
    private static let bridgeWidth = 10.0
    /// Right of the lanes, where the line to the uplinks is.
    private static let trunk = 26.0

    private let map: TopologyMap
    private let lanes: [SVGLane]
    private let railWidth: Double
    private let cardWidth: Double
    private let laneWidth: Double
    private let chips: [SVGBlock]
    private let uplinks: [SVGBlock]
    private let header: SVGBlock
    private let legend: [SVGLegend]
    /// From the left: the ports, the lanes, their end.
    private let left: Double
    private let laneLeft: Double
    private let right: Double

    init(_ map: TopologyMap) {
        self.map = map
        lanes = map.networks.map { SVGLane($0, map.uplinks) }
        chips = map.links.map { SVGBlock(link: $0) }
        uplinks = map.uplinks.map { SVGBlock(link: $0) }
        legend = SVGLegend.of(map)
        let inset = 2 * Self.inset
        let ports = lanes.flatMap { $0.rows.flatMap(\.ports) }
        railWidth = (ports.map(\.block.width).max() ?? -inset) + inset
        cardWidth = max(230, (lanes.flatMap { $0.rows.map(\.block.width) }.max() ?? 0) + inset)
        left = Self.margin + Self.padding
        laneLeft = left + (railWidth > 0 ? railWidth + Self.reach : 0)
        let bridge = Self.wire + Self.bridgeWidth
        let widestChip = ((chips + uplinks).map(\.width).max() ?? 0) + inset
        var header = SVGBlock(columns: 64)
        header.add("host", .title)
        header.add(Array(map.counts.dropLast()), .small)
        header.add(problems: map.problemCount > 0 ? map.counts.suffix(1) + map.problems : [])
        if uplinks.isEmpty { header.add("no default route", .small) }
        if map.hiddenLinks > 0 { header.add("… and \(TopologyMap.more(map.hiddenLinks, "link"))", .small) }
        self.header = header
        laneWidth = max(
            cardWidth + bridge + inset, (lanes.map(\.header.width).max() ?? 0) + inset + bridge,
            max(widestChip, header.width, SVGLegend.widest(legend)) - (laneLeft - left))
        right = laneLeft + laneWidth
    }

    func document() -> String {
        var canvas = SVGCanvas()
        let top = Self.margin + Self.padding
        header.draw(on: &canvas, x: left, y: top)
        var y = top + header.height + Self.gap
        let (below, trunkTop) = drawLinks(on: &canvas, y: y)
        y = below
        var lastBranch: Double?
        for lane in lanes {
            let height = drawLane(lane, on: &canvas, y: y)
            if lane.isOpen, trunkTop != nil {
                let branch = y + 24
                canvas.line("trunk", (right - Self.inset, branch), (right + Self.trunk, branch))
                lastBranch = branch
            }
            y += height + Self.gap
        }
        if let trunkTop, let lastBranch {
            canvas.line("trunk", (right + Self.trunk, trunkTop), (right + Self.trunk, lastBranch))
        }
        if map.hiddenNetworks > 0 {
            let words = "… and \(TopologyMap.more(map.hiddenNetworks, "network"))"
            canvas.text(words, .small, x: laneLeft, y: y + 8)
            y += 24
        }
        y = SVGLegend.draw(legend, on: &canvas, x: left, y: y + 4, right: right) + Self.padding - Self.gap / 2
        return finished(canvas, bottom: y)
    }

    /// What is drawn goes over the host's box, whose size is known last.
    private func finished(_ canvas: SVGCanvas, bottom: Double) -> String {
        let width = right + Self.trunk + Self.padding + Self.margin
        var page = SVGCanvas()
        page.rect(
            "host", Self.margin, Self.margin, width - 2 * Self.margin, bottom - Self.margin, radius: 14)
        page.add(canvas)
        return page.document(width: width, height: bottom + Self.margin, title: "host: \(map.summary)")
    }

    // MARK: - Links

    /// Uplinks below each other at the right, the others in rows. Returns where they end, and where the line to the uplinks
    /// begins.
    private func drawLinks(on canvas: inout SVGCanvas, y: Double) -> (bottom: Double, trunk: Double?) {
        var bottom = y
        var trunk: Double?
        let uplinkWidth = (uplinks.map(\.width).max() ?? -2 * Self.inset) + 2 * Self.inset
        for (block, link) in zip(uplinks, map.uplinks) {
            let height = drawChip(block, link, on: &canvas, x: right - uplinkWidth, y: bottom, width: uplinkWidth)
            canvas.line("trunk", (right, bottom + height / 2), (right + Self.trunk, bottom + height / 2))
            trunk = trunk ?? bottom + height / 2
            bottom += height + Self.gap
        }
        let room = right - left - (uplinks.isEmpty ? 0 : uplinkWidth + Self.gap)
        let widest = (chips.map(\.width).max() ?? 0) + 2 * Self.inset
        // Where they do not fit beside the uplinks they are below.
        let isBeside = widest <= room
        var (x, top, rowHeight) = (left, isBeside ? y : bottom, 0.0)
        for (block, link) in zip(chips, map.links) {
            let width = block.width + 2 * Self.inset
            if x > left, x + width > left + (isBeside ? room : right - left) {
                (x, top, rowHeight) = (left, top + rowHeight + Self.gap, 0)
            }
            rowHeight = max(rowHeight, drawChip(block, link, on: &canvas, x: x, y: top, width: width))
            x += width + Self.gap
        }
        return (max(bottom, chips.isEmpty ? y : top + rowHeight + Self.gap), trunk)
    }

    private func drawChip(
        _ block: SVGBlock, _ link: TopologyMap.Link, on canvas: inout SVGCanvas, x: Double, y: Double, width: Double
    ) -> Double {
        let height = block.height + Self.inset
        canvas.rect(link.isUp ? "card" : "guest", x, y, width, height, radius: 8)
        block.draw(on: &canvas, x: x + Self.inset, y: y + Self.inset / 2)
        return height
    }

    // MARK: - Networks

    /// Returns the lane's height.
    private func drawLane(_ lane: SVGLane, on canvas: inout SVGCanvas, y: Double) -> Double {
        let first = y + Self.inset + lane.header.height + 8
        let heights = lane.rows.map(\.height)
        let rest = lane.rest.isEmpty ? 0 : lane.rest.height + 4
        let height = first - y + heights.reduce(0) { $0 + $1 + 10 } + rest + Self.inset - (heights.isEmpty ? 8 : 6)
        canvas.rect("lane", laneLeft, y, laneWidth, height, radius: 12)
        lane.header.draw(on: &canvas, x: laneLeft + Self.inset, y: y + Self.inset)
        let bridge = right - Self.inset - Self.bridgeWidth
        canvas.rect(
            lane.isSound ? "bridge" : "bridge broken", bridge, y + Self.inset, Self.bridgeWidth,
            height - 2 * Self.inset, radius: 4)
        var top = first
        var isLabelled = false
        for (row, height) in zip(lane.rows, heights) {
            drawCard(row, on: &canvas, y: top, height: height, bridge: bridge)
            if !row.ports.isEmpty, !isLabelled {
                isLabelled = true
                let start = top + (height - row.portsHeight) / 2
                canvas.text("published ports", .small, x: left, y: start - 8)
            }
            drawPorts(row, on: &canvas, y: top, height: height)
            top += height + 10
        }
        lane.rest.draw(on: &canvas, x: laneLeft + Self.inset, y: top - 2)
        return height
    }

    private func drawCard(
        _ row: SVGRow, on canvas: inout SVGCanvas, y: Double, height: Double, bridge: Double
    ) {
        let x = laneLeft + Self.inset
        canvas.rect(row.style, x, y, cardWidth, height, radius: 8)
        row.block.draw(on: &canvas, x: x + Self.inset, y: y + (height - row.block.height) / 2)
        let (end, middle) = (x + cardWidth, y + height / 2)
        if row.isAttached {
            canvas.line(row.isSound ? "wire" : "wire broken", (end, middle), (bridge, middle))
        } else {
            // The line ends before the bridge.
            let gap = end + (bridge - end) * 0.55
            canvas.line("wire broken", (end, middle), (gap, middle))
            canvas.line("wire broken cut", (gap, middle - 6), (gap, middle + 6))
        }
    }

    private func drawPorts(_ row: SVGRow, on canvas: inout SVGCanvas, y: Double, height: Double) {
        let total = row.portsHeight
        var top = y + (height - total) / 2
        for port in row.ports {
            let height = port.block.height + SVGRow.portInset
            canvas.rect(port.isSound ? "pill" : "bad", left, top, railWidth, height, radius: 8)
            port.block.draw(on: &canvas, x: left + Self.inset, y: top + SVGRow.portInset / 2)
            let (start, end, middle) = (left + railWidth, laneLeft + Self.inset, top + height / 2)
            if port.leads {
                canvas.arrow(port.isSound ? port.way : "\(port.way) broken", fromX: start, toX: end, y: middle)
            } else {
                canvas.line("wire broken", (start, middle), (start + Self.reach / 2, middle))
                canvas.line(
                    "wire broken cut", (start + Self.reach / 2, middle - 6), (start + Self.reach / 2, middle + 6))
            }
            top += height + SVGRow.portGap
        }
    }
}
