// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Control

@Suite("The topology on a terminal")
struct TopologyTextTests {
    private func text(
        _ map: TopologyMap, width: Int = 80, isColoured: Bool = false, isUnicode: Bool = true
    ) -> String {
        map.text(on: .init(width: width, isColoured: isColoured, isUnicode: isUnicode))
    }

    @Test func `it is a tree in which problems are marked`() {
        #expect(
            text(.make()) == """
                ● host  2 networks, 2 containers, 2 published ports, 2 problems
                ├─● eth0  up  default route of IPv4  192.0.2.10/24  mtu 1500
                ├─● docker0  bridge  up  172.17.0.1/16  mtu 1500  port veth1
                ├─● lan  nat by eth0  br-lan  10.0.0.1/24  mtu 1500
                │ ├─! ada  10.0.0.3  detached  pdh56e4d91db20d  02:42:0a:00:00:02
                │ │   ! the port is not in the network's bridge
                │ └─● web  10.0.0.2  fd00::2  pdh56e4d91db20d  02:42:0a:00:00:02  also in vault
                │   ├─ 0.0.0.0:8080/tcp → 10.0.0.2:80  direct  from 192.0.2.0/24
                │   └─! [::]:8080/tcp → [fd00::2]:80  forwarded
                │       ! another program has the host's port
                └─● vault  internal  br-vault  10.0.1.1/24  mtu 1500

                """)
    }

    @Test func `it is drawn in ASCII where the terminal knows no more`() {
        var map = TopologyMap()
        map.networks = [.make("größe", containers: [.published()], hidden: 180)]
        #expect(
            text(map, isUnicode: false) == """
                o host
                |- no default route
                `-o gr??e  nat  br-gr??e  mtu 1500
                  |-o web  10.0.0.2  fd00::2  pdh56e4d91db20d  02:42:0a:00:00:02  also in vault
                  | |- 0.0.0.0:8080/tcp -> 10.0.0.2:80  direct  from 192.0.2.0/24
                  | `-! [::]:8080/tcp -> [fd00::2]:80  forwarded
                  |     ! another program has the host's port
                  `- ... and 180 more containers (--all shows all)

                """)
    }

    @Test(arguments: [40, 60, 80, 132]) func `no line is wider than the terminal`(width: Int) {
        var map = TopologyMap.make()
        let long = String(repeating: "a-long-name.", count: 20)
        map.problems = ["a sentence of many words that says what is wrong with the host as a whole, and why it is so"]
        map.networks[0].problems = [String(repeating: "x", count: 200)]
        map.networks[0].containers += [
            .make(long, addresses: ["10.0.0.4", "fd12:3456:789a:bcde:f012:3456:789a:bcde"]),
            .make("网络容器的名字很长很长很长很长很长很长很长很长很长很长很长很长很长很长很长"),
        ]
        map.networks.append(.make(long))
        for line in text(map, width: width).split(separator: "\n") {
            #expect(String(line).columns <= width, "\(line)")
        }
    }

    @Test func `colours are only there if they are wanted`() {
        #expect(!text(.make()).contains("\u{1B}"))
        let text = text(.make(), isColoured: true)
        #expect(text.contains("\u{1B}[31m! \u{1B}[0m\u{1B}[1mada\u{1B}[0m"), "\(text)")
        #expect(text.contains("\u{1B}[31m! the port is not in the network's bridge\u{1B}[0m"), "\(text)")
    }

    @Test func `what a terminal would obey is not passed on to it`() {
        #expect("a\u{1B}[2Jb\u{202E}c\nd\u{7F}".printable == "a?[2Jb?c?d?")
        #expect("größe 网络".printable == "größe 网络")
        #expect(("größe".columns, "网络".columns, "🐳".columns) == (5, 4, 2))
    }
}

@Suite("Parts in lines")
struct PackingTests {
    @Test func `they fill lines and stay whole`() {
        #expect(Packing.texts(of: ["abc", "def", "", "ghi"], width: 8, separator: "  ") == ["abc  def", "ghi"])
        #expect(Packing.texts(of: [], width: 8, separator: "  ") == [""])
    }

    @Test func `what is longer than a line is broken`() {
        #expect(Packing.texts(of: ["ab", "0123456789abc"], width: 10, separator: "  ") == ["ab  012345", "6789abc"])
        #expect(Packing.texts(of: ["网络网络网络"], width: 5, separator: "  ") == ["网络", "网络", "网络"])
        #expect(
            Packing.sentence("a word-that-is-long is here", width: 8) == ["a", "word-tha", "t-is-lon", "g is", "here"])
    }
}
