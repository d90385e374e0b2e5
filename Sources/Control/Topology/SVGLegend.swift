// SPDX-License-Identifier: Apache-2.0

import NetDriver

/// What a sign in the picture means. Only those that are there are explained.
struct SVGLegend {
    private enum Sign {
        case sound
        case problem
        case trunk
        case arrow(String)
    }

    private let sign: Sign
    private let words: String

    private static let signRoom = 36.0
    private static let gap = 24.0
    private static let leading = 22.0

    private var width: Double { Self.signRoom + SVGCanvas.Style.small.width(of: words.columns) }

    static func of(_ map: TopologyMap) -> [SVGLegend] {
        var legend = [SVGLegend(sign: .sound, words: "up, as it should be")]
        if map.problemCount > 0 { legend.append(SVGLegend(sign: .problem, words: "problem")) }
        if !map.uplinks.isEmpty, map.networks.contains(where: \.isOpen) {
            legend.append(SVGLegend(sign: .trunk, words: "way out"))
        }
        let ways = Set(map.networks.flatMap { $0.containers.flatMap { $0.ports.map(\.how) } })
        for way in Reach.Way.allCases where ways.contains(way) {
            if let words = way.words { legend.append(SVGLegend(sign: .arrow(way.rawValue), words: words)) }
        }
        return legend
    }

    static func widest(_ legend: [SVGLegend]) -> Double { legend.map(\.width).max() ?? 0 }

    /// In rows up to `right`. Returns where they end.
    static func draw(
        _ legend: [SVGLegend], on canvas: inout SVGCanvas, x left: Double, y top: Double, right: Double
    ) -> Double {
        var (x, y) = (left, top)
        for entry in legend {
            if x > left, x + entry.width > right { (x, y) = (left, y + leading) }
            let middle = y + leading / 2
            switch entry.sign {
            case .sound: canvas.dot(x: x + 14, y: middle)
            case .problem: canvas.warning(x: x + 14, y: middle)
            case .trunk: canvas.line("trunk", (x, middle), (x + 28, middle))
            case .arrow(let style): canvas.arrow(style, fromX: x, toX: x + 28, y: middle)
            }
            canvas.text(entry.words, .small, x: x + signRoom, y: middle + 4)
            x += entry.width + gap
        }
        return y + leading
    }
}

extension Reach.Way {
    fileprivate var words: String? {
        switch self {
        case .direct: "led by the packet filter"
        case .forwarded: "forwarded by plugind"
        case .routed: "at the container's own address"
        case .open: "open at every port"
        case .none: nil
        }
    }
}
