// SPDX-License-Identifier: Apache-2.0

/// A picture as it grows: SVG 1.1 with a style sheet, no script and no font of its own.
///
/// Widths of text are known since all of it is in a fixed-width font: browsers' are at most 0.61 of their size wide.
struct SVGCanvas {
    /// How a line of text looks. The raw value is its class in the style sheet.
    enum Style: String {
        case title
        case name
        case text
        case strong
        case small
        case problem

        var size: Double {
            switch self {
            case .title: 17
            case .name: 14
            case .text, .strong: 12.5
            case .small, .problem: 11.5
            }
        }

        var leading: Double { (size * 1.5).rounded() }

        func width(of columns: Int) -> Double { Double(columns) * size * 0.61 }
    }

    private(set) var body = ""

    /// Draws all of another picture.
    mutating func add(_ other: SVGCanvas) {
        body += other.body
    }

    mutating func rect(
        _ style: String, _ x: Double, _ y: Double, _ width: Double, _ height: Double, radius: Double = 0
    ) {
        let round = radius == 0 ? "" : " rx=\"\(radius.short)\""
        body +=
            "<rect class=\"\(style)\" x=\"\(x.short)\" y=\"\(y.short)\" width=\"\(width.short)\" "
            + "height=\"\(height.short)\"\(round)/>\n"
    }

    /// A line by way of all `points`.
    mutating func line(_ style: String, _ points: (x: Double, y: Double)...) {
        let list = points.map { "\($0.x.short),\($0.y.short)" }.joined(separator: " ")
        body += "<polyline class=\"\(style)\" points=\"\(list)\"/>\n"
    }

    /// A horizontal line with a head at its end.
    mutating func arrow(_ style: String, fromX start: Double, toX end: Double, y: Double) {
        line("arrow \(style)", (start, y), (end - 7, y))
        body +=
            "<polygon class=\"head \(style)\" points=\"\((end - 9).short),\((y - 4.5).short) \(end.short),\(y.short) "
            + "\((end - 9).short),\((y + 4.5).short)\"/>\n"
    }

    /// A text whose base line is at `y`.
    mutating func text(_ text: String, _ style: Style, x: Double, y: Double) {
        body += "<text class=\"\(style.rawValue)\" x=\"\(x.short)\" y=\"\(y.short)\">\(text.escapedForXML)</text>\n"
    }

    /// That something is as it should be: a dot.
    mutating func dot(x: Double, y: Double) {
        body += "<circle class=\"sound\" cx=\"\(x.short)\" cy=\"\(y.short)\" r=\"4.5\"/>\n"
    }

    /// That something is wrong: a triangle with an exclamation mark.
    mutating func warning(x: Double, y: Double) {
        let (left, right, top, bottom) = ((x - 7).short, (x + 7).short, (y - 7).short, (y + 5.5).short)
        body += "<polygon class=\"warning\" points=\"\(x.short),\(top) \(right),\(bottom) \(left),\(bottom)\"/>\n"
        body +=
            "<rect class=\"mark\" x=\"\((x - 0.9).short)\" y=\"\((y - 3.2).short)\" width=\"1.8\" height=\"4.6\"/>\n"
        body +=
            "<rect class=\"mark\" x=\"\((x - 0.9).short)\" y=\"\((y + 2.4).short)\" width=\"1.8\" height=\"1.8\"/>\n"
    }

    /// The whole document.
    func document(width: Double, height: Double, title: String) -> String {
        """
        <svg xmlns="http://www.w3.org/2000/svg" width="\(width.short)" height="\(height.short)" \
        viewBox="0 0 \(width.short) \(height.short)" role="img">
        <title>\(title.escapedForXML)</title>
        <style>
        \(Self.sheet)</style>
        <rect class="page" x="0" y="0" width="\(width.short)" height="\(height.short)"/>
        \(body)</svg>

        """
    }

    /// Light, and dark where the reader prefers that.
    private static let sheet = """
        text { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", "Liberation Mono", \
        monospace; fill: #1f2328 }
        .title { font-size: 17px; font-weight: 700 } .name { font-size: 14px; font-weight: 700 }
        .text { font-size: 12.5px } .strong { font-size: 12.5px; font-weight: 700 }
        text.small { font-size: 11.5px; fill: #59636e } text.problem { font-size: 11.5px; fill: #cf222e }
        .page { fill: #ffffff } .host { fill: #f6f8fa; stroke: #d1d9e0 } .lane { fill: #ffffff; stroke: #d1d9e0 }
        .card { fill: #f6f8fa; stroke: #c3ccd5 } .guest { fill: none; stroke: #818b98; stroke-dasharray: 5 4 }
        .bad { fill: #ffebe9; stroke: #cf222e; stroke-width: 1.5 } .pill { fill: #ddf4ff; stroke: #54aeff }
        .bridge { fill: #0969da } .bridge.broken { fill: #cf222e }
        polyline { fill: none; stroke: #0969da; stroke-width: 1.8 } .trunk { stroke: #1a7f37; stroke-width: 2.2 }
        .wire.broken { stroke: #cf222e; stroke-dasharray: 3 4 } .forwarded { stroke-dasharray: 6 4 }
        .routed, .open { stroke-dasharray: 2 3 } .arrow.broken { stroke: #cf222e }
        .wire.cut { stroke-dasharray: none }
        .head { fill: #0969da; stroke: none } .head.broken { fill: #cf222e }
        .sound { fill: #1a7f37 } .warning { fill: #cf222e } .mark { fill: #ffffff }
        @media (prefers-color-scheme: dark) {
        text { fill: #e6edf3 } text.small { fill: #9198a1 } text.problem { fill: #ff8a80 }
        .page { fill: #0d1117 } .host { fill: #151b23; stroke: #3d444d } .lane { fill: #0d1117; stroke: #3d444d }
        .card { fill: #212830; stroke: #3d444d } .bad { fill: #3a1d20; stroke: #f85149 }
        .pill { fill: #121d2f; stroke: #1f6feb } .bridge, .head { fill: #4493f8 } polyline { stroke: #4493f8 }
        .trunk { stroke: #3fb950 } .sound { fill: #3fb950 } .warning, .bridge.broken, .head.broken { fill: #f85149 }
        .wire.broken, .arrow.broken { stroke: #f85149 } .mark { fill: #0d1117 }
        }

        """
}

extension Double {
    /// To a tenth, without a tail of zeros.
    fileprivate var short: String {
        let tenths = Int((self * 10).rounded())
        let (sign, size) = (tenths < 0 ? "-" : "", tenths.magnitude)
        return size % 10 == 0 ? "\(sign)\(size / 10)" : "\(sign)\(size / 10).\(size % 10)"
    }
}

extension String {
    /// Text of an element or of an attribute (XML 1.0 section 2.4). Characters that XML has not are not `printable`.
    var escapedForXML: String {
        guard utf8.contains(where: { "&<>\"'".utf8.contains($0) }) else { return self }
        // By scalars: one of these with a combining mark behind it is another character, and means the same to XML.
        return unicodeScalars.reduce(into: "") { text, scalar in
            switch scalar {
            case "&": text += "&amp;"
            case "<": text += "&lt;"
            case ">": text += "&gt;"
            case "\"": text += "&quot;"
            case "'": text += "&#39;"
            default: text.unicodeScalars.append(scalar)
            }
        }
    }
}
