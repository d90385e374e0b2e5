// SPDX-License-Identifier: Apache-2.0

import Addressing
import IPAM
import NetDriver
import Store
import Testing

@testable import Control

@Suite("What the commands print of what there is")
struct ViewTextTests {
    private func names(_ host: ViewedHost) -> EngineNames {
        EngineNames(
            networks: Dictionary(uniqueKeysWithValues: host.state.networks.map { ($0.id, "lan") }),
            endpoints: Dictionary(host.state.endpoints.map { ($0.id, "web") }) { $1 })
    }

    @Test func `networks are a table with their subnets`() async throws {
        let host = try ViewedHost(isIPv6: true)
        #expect(
            NetworkList(networks: try await host.networks()).text(names: names(host), isColoured: false) == """
                NETWORK       NAME  BRIDGE           ENDPOINTS  MODE
                09dff9c378bc  lan   br-09dff9c378bc          1  nat, missing
                  10.0.0.0/16  gateway 10.0.0.1
                  fd12:3456:789a:1::/64  gateway fd12:3456:789a:1::1

                """)
    }

    @Test func `endpoints are a table with their addresses`() async throws {
        let host = try ViewedHost()
        #expect(
            EndpointList(endpoints: try await host.endpoints()).text(names: names(host), isColoured: false) == """
                ENDPOINT      CONTAINER  NETWORK  LINK  STATE
                56e4d91db20d  web        lan      pdh0  missing
                  10.0.0.2  02:00:00:00:00:01  sandbox 1f2e3d4c5b6a

                """)
    }

    @Test func `ports are a table, with what is particular about them`() async throws {
        let host = try ViewedHost()
        var ports = try await host.ports()
        ports[1].clients = [try #require(Prefix("192.0.2.0/24")), try #require(Prefix("fd00::/8"))]
        ports[1].isHeld = true
        #expect(
            PortList(ports: ports).text(names: names(host), isColoured: false) == """
                REACHED AT              PROTO  LEADS TO     HOW        CONTAINER
                0.0.0.0:8080            tcp    10.0.0.2:80  direct     web
                  another program has the host's port
                [::]:8080               tcp    10.0.0.2:80  forwarded  web
                  from 192.0.2.0/24  fd00::/8

                """)
    }

    @Test func `one is told in full`() async throws {
        let host = try ViewedHost()
        let network = try #require(try await host.networks().first)
        let endpoint = try #require(try await host.endpoints().first)
        let detail = EndpointDetail(endpoint: endpoint, network: network, ports: [])
        #expect(
            detail.text(names: names(host), isColoured: false) == """
                endpoint 56e4d91db20dac74f4b1000000
                  container  web
                  network    lan, bridge br-09dff9c378bc
                  state      ready
                  address    10.0.0.2/16
                  mac        02:00:00:00:00:01
                  link       pdh0, missing
                  sandbox    /var/run/docker/netns/1f2e3d4c5b6a
                  attach     move

                """)
        let whole = NetworkDetail(
            network: network, bridgeMAC: endpoint.mac, options: ["plugind.gateway": "none"], endpoints: [])
        #expect(
            whole.text(names: EngineNames(), isColoured: false) == """
                network 09dff9c378bc2a0e5bfce0e5
                  state       ready
                  bridge      br-09dff9c378bc, missing
                  bridge mac  02:00:00:00:00:01
                  mtu         1500
                  internal    no
                  subnet      10.0.0.0/16, nat
                  gateway     10.0.0.1
                  option      plugind.gateway=none

                """)
    }

    @Test func `the status is told in full`() async throws {
        let host = try ViewedHost()
        let counts = await (try IPAM.make()).counts()
        var status = DaemonStatus(.example, try await host.view(), counts)
        status.uptimeSeconds = 93_784
        status.repairs = ["bridge": 1, "address": 2]
        #expect(
            status.text(isColoured: false) == """
                plugind 0.1.0
                  up for          1 d 2 h
                  state           /var/lib/plugind
                  plugin socket   /run/docker/plugins/plugind.sock
                  control socket  /run/plugind/control.sock
                  engine socket   none, the engine is never asked
                  networks        1
                  endpoints       1
                  ports           2
                  pools           0
                  addresses       0
                  rules           0
                  repairs         2 address,  1 bridge
                  owed            1 ports that another program has

                """)
    }

    @Test func `no line is wider than 80 columns, with ten thousand endpoints of either family`() async throws {
        let host = try ViewedHost(endpoints: 10_000, isIPv6: true)
        let long = String(repeating: "long", count: 9)
        let names = EngineNames(
            networks: Dictionary(uniqueKeysWithValues: host.state.networks.map { ($0.id, long) }),
            endpoints: Dictionary(uniqueKeysWithValues: host.state.endpoints.map { ($0.id, long) }))
        let texts = [
            NetworkList(networks: try await host.networks()).text(names: names, isColoured: false),
            EndpointList(endpoints: try await host.endpoints()).text(names: names, isColoured: false),
            PortList(ports: try await host.ports()).text(names: names, isColoured: false),
        ]
        for line in texts.joined().split(separator: "\n") where line.utf8.count > 80 { Issue.record("\(line)") }
        #expect(texts[1].split(separator: "\n").count > 20_000)
    }

    @Test func `nothing is told in words`() {
        #expect(NetworkList(networks: []).text(names: EngineNames(), isColoured: true) == "no networks\n")
        #expect(EndpointList(endpoints: []).text(names: EngineNames(), isColoured: true) == "no endpoints\n")
        #expect(PortList(ports: []).text(names: EngineNames(), isColoured: true) == "no ports\n")
    }

    @Test func `colours change no width`() async throws {
        let host = try ViewedHost()
        let list = EndpointList(endpoints: try await host.endpoints())
        let plain = list.text(names: names(host), isColoured: true).replacing(/\u{1B}\[[0-9]+m/, with: "")
        #expect(plain == list.text(names: names(host), isColoured: false))
    }
}
