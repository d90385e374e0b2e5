// SPDX-License-Identifier: Apache-2.0

import Foundation
import NetDriver
import Testing

@testable import Control

@Suite("The topology as a picture")
struct TopologyPictureTests {
    /// A box in the picture.
    private struct Box {
        var style: String
        var x, y, right, bottom: Double

        func overlaps(_ other: Box) -> Bool {
            x < other.right && other.x < right && y < other.bottom && other.y < bottom
        }

        func contains(_ other: Box) -> Bool {
            x <= other.x && other.right <= right && y <= other.y && other.bottom <= bottom
        }
    }

    private func boxes(_ svg: String) throws -> [Box] {
        let number = "([0-9.]+)"
        let pattern = try Regex(
            #"<rect class="([a-z ]+)" x="\#(number)" y="\#(number)" width="\#(number)" height="\#(number)""#)
        return try svg.matches(of: pattern).map { match in
            let values = try (2...5).map { try #require(Double(match[$0].substring ?? "")) }
            return Box(
                style: String(match[1].substring ?? ""), x: values[0], y: values[1], right: values[0] + values[2],
                bottom: values[1] + values[3])
        }
    }

    /// The largest right end of a text, by the advance of the widest fixed-width font.
    private func textEnd(_ svg: String) throws -> Double {
        let sizes = ["title": 17, "name": 14, "text": 12.5, "strong": 12.5, "small": 11.5, "problem": 11.5]
        let pattern = try Regex(#"<text class="([a-z]+)" x="([0-9.]+)" y="[0-9.]+">([^<]*)<"#)
        return try svg.matches(of: pattern).map { match in
            let size = try #require(sizes[String(match[1].substring ?? "")])
            let start = try #require(Double(match[2].substring ?? ""))
            return start + Double((match[3].substring ?? "").count) * size * 0.605
        }.max() ?? 0
    }

    private static func long() -> TopologyMap {
        var map = TopologyMap.make()
        let name = String(repeating: "a-long-name.", count: 20)
        map.problems = [name, "another program has a very long list of things that are in the way of this one here"]
        map.links += (0..<9).map { .make("\($0)-" + name, isUp: $0 > 4, addresses: [name, name], ports: [name]) }
        map.uplinks.append(.make("wg0", addresses: ["2001:db8::2/128"], routes: ["IPv6"]))
        map.networks[0].guests = [.make("tap0")]
        map.networks[0].containers += [
            .make(
                name, addresses: ["fd12:3456:789a:bcde:f012:3456:789a:bcde"], networks: [name],
                ports: (0..<7).map { number in
                    .init(
                        at: "[2001:db8:1234:5678:9abc:def0:1234:5678]:\(8000 + number)", to: "[\(name)]:80",
                        transport: "tcp", how: number == 6 ? .none : .routed, limits: [name], problems: [name])
                }, problems: [name])
        ]
        map.networks.append(.make(name, problems: [name], hidden: 12))
        map.hiddenNetworks = 3
        return map
    }

    @Test(arguments: [TopologyMap.make(), long(), TopologyMap()])
    func `boxes are inside of each other or apart, and texts end in the picture`(map: TopologyMap) throws {
        let svg = map.svg()
        let boxes = try boxes(svg).filter { !["page", "mark"].contains($0.style) && !$0.style.hasPrefix("bridge") }
        for (number, box) in boxes.enumerated() {
            for other in boxes.dropFirst(number + 1) where box.overlaps(other) {
                #expect(box.contains(other) || other.contains(box), "\(box) \(other)")
            }
        }
        let host = try #require(boxes.first { $0.style == "host" })
        #expect(try textEnd(svg) < host.right)
    }

    @Test func `problems have a sign and a colour, and all that there is has its text`() {
        let svg = TopologyMap.make().svg()
        #expect(svg.contains(#"<rect class="bad""#))
        // Those of the host, of the container, of its problem, of the port's, of the legend.
        #expect(svg.components(separatedBy: #"<polygon class="warning""#).count == 6)
        for text in [
            "eth0", "192.0.2.10/24", "docker0", "172.17.0.1/16", "lan", "vault", "ada", "10.0.0.3", "web",
            "10.0.0.2 · fd00::2", "nat by eth0", "published ports", "0.0.0.0:8080/tcp", "[::]:8080/tcp",
            "→ 10.0.0.2:80 · direct", "from 192.0.2.0/24",
            "the port is not in the network&#39;s bridge", "also in vault",
        ] {
            #expect(svg.contains(">\(text)<"), "\(text)")
        }
    }

    @Test func `it needs nothing from elsewhere`() {
        let svg = TopologyMap.make().svg()
        #expect(svg.components(separatedBy: "http").count == 2, "the name space alone")
        for word in ["<script", "@import", "url(", "href", "<image", "@font-face"] { #expect(!svg.contains(word)) }
        #expect(svg.contains("prefers-color-scheme: dark"))
    }

    @Test func `text is escaped`() {
        var map = TopologyMap()
        map.networks = [.make(#"<a href="x">&'"#)]
        #expect(map.svg().contains(">&lt;a href=&quot;x&quot;&gt;&amp;&#39;<"))
    }

    @Test func `a combining mark saves no character from that`() {
        var map = TopologyMap()
        map.networks = [.make("<\u{301}&\u{301}")]
        #expect(map.svg().contains("&lt;\u{301}&amp;\u{301}"))
    }
}

@Suite("The topology as a graph")
struct TopologyGraphTests {
    @Test func `it has a node for each thing and an edge for each way`() {
        let dot = TopologyMap.make().dot()
        let lines = dot.split(separator: "\n").map { $0.drop { $0 == " " } }
        #expect(lines.first == #"digraph "plugind" {"#)
        for line in [
            #""link eth0" -> "network id of lan" [label="nat", dir=none]"#,
            #""network id of lan" -> "endpoint id of web" [label="pdh56e4d91db20d", dir=none]"#,
            #""port 0 of id of web" -> "endpoint id of web" [label="direct 10.0.0.2:80", style=dashed]"#,
            #""network id of lan" -> "endpoint id of ada" "#
                + #"[label="pdh56e4d91db20d detached", dir=none, color=red, fontcolor=red]"#,
            #""endpoint id of ada" [label="ada\n10.0.0.3\n02:42:0a:00:00:02\n! the port is not in the network's "#
                + #"bridge", style=solid, color=red, fontcolor=red, penwidth=2]"#,
        ] {
            #expect(lines.contains(line[...]), "\(line)\n\(dot)")
        }
        #expect(!dot.contains(#""link eth0" -> "network id of vault""#))
        #expect(dot.filter { $0 == "{" }.count == dot.filter { $0 == "}" }.count)
    }

    @Test func `names are escaped`() {
        var map = TopologyMap()
        map.networks = [.make(#"a"b\N"#)]
        #expect(map.dot().contains(#"label="a\"b\\N\nnat""#), "\(map.dot())")
    }

    @Test func `a combining mark saves no quote from that`() {
        var map = TopologyMap()
        map.networks = [.make("x\"\u{301}=1")]
        #expect(map.dot().contains("label=\"x\\\"\u{301}=1\\nnat\""), "\(map.dot())")
    }
}
