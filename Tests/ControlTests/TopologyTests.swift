// SPDX-License-Identifier: Apache-2.0

import Addressing
import Foundation
import HostNetwork
import IPAM
import NetDriver
import PluginServer
import Store
import Synchronization
import TestSupport
import Testing

@testable import Control

@Suite("The topology over the control API")
struct TopologyTests {
    private static let eth0 = Link(index: 2, name: "eth0", mtu: 1500, isUp: true)

    private func answer(
        _ host: ViewedHost, links: [Link] = [eth0], addresses: [LinkAddress] = [], routes: [Route] = [],
        differences: [HostDifference] = []
    ) async throws -> TopologyAnswer {
        TopologyAnswer(
            HostSurvey(
                view: try await host.view(), differences: differences, links: links, addresses: addresses,
                routes: routes),
            names: [:], conflicts: [])
    }

    @Test func `the answer has all that there is with its problems`() async throws {
        let router = try ViewedHost().router(try IPAM.make())
        let answer = await router.ask("GET", "/v1/topology")
        #expect(answer.hasPrefix(#"200 {"endpoints":[{"attach":"move","bridge":"br-09dff9c378bc","#), "\(answer)")
        #expect(answer.contains(#""problems":["the port is missing, and its sandbox is gone"]"#), "\(answer)")
        #expect(answer.contains(#""problems":["the bridge is missing"]"#), "\(answer)")
        #expect(answer.contains(#""problems":["another program has the host's port"]"#), "\(answer)")
        #expect(answer.hasSuffix(#""problems":["IPv4 is not forwarded"]}"#), "\(answer)")
        let body = try ControlAPI.decode(TopologyAnswer.self, from: Data(answer.dropFirst(4).utf8))
        #expect(try String(decoding: ControlAPI.encode(body), as: UTF8.self) == answer.dropFirst(4))
    }

    @Test func `one network can be asked for`() async throws {
        let router = try ViewedHost().router(try IPAM.make())
        func answer(_ query: String?) async -> String {
            let reply = await router.answer(
                SocketRequest(method: "GET", path: "/v1/topology", query: query, body: []))
            return String(decoding: reply.body, as: UTF8.self)
        }
        #expect(await answer("network=\(ViewedHost.network)") == answer(nil))
        #expect(await answer("network=0000") == #"{"error":"network 0000 is not known to plugind"}"#)
    }

    @Test func `of one network nothing is told that is another's`() async throws {
        var answer = try await answer(try ViewedHost(endpoints: 2))
        let other = try #require(NetworkID("1111"))
        let one = answer.networks[0].status.id
        answer.networks.append(answer.networks[0])
        answer.networks[1].status.id = other
        answer.networks[1].status.bridge = try #require(InterfaceName("br-1111"))
        answer.endpoints[1].status.network = other
        answer.links.append(
            HostLinkStatus(name: "br-1111", state: .up, mtu: 1500, addresses: [], defaultRoutes: []))
        #expect(answer.only(other).networks.map(\.status.id) == [other])
        #expect(answer.only(other).endpoints == [answer.endpoints[1]])
        #expect(answer.only(other).ports.isEmpty)
        #expect(answer.only(one).ports == answer.ports)
        #expect(answer.only(one).links.map(\.name) == ["eth0"])
    }

    @Test func `links have their addresses, masters and default routes`() async throws {
        let address = try #require(InterfaceAddress("192.0.2.10/24"))
        let anywhere = try #require(Prefix("0.0.0.0/0"))
        var port = Link(index: 3, name: "tap0", kind: "tun")
        port.master = 2
        let answer = try await answer(
            try ViewedHost(), links: [Self.eth0, port], addresses: [LinkAddress(link: 2, address: address)],
            routes: [Route(destination: anywhere, link: 2), Route(destination: anywhere, link: 3, table: 7)])
        #expect(answer.links.map(\.addresses) == [[address], []])
        #expect(answer.links.map(\.defaultRoutes) == [["ipv4"], []])
        #expect(answer.links.map(\.master) == [nil, "eth0"])
        #expect(answer.links.map(\.state) == [.up, .down])
        #expect(answer.links.map(\.kind) == [nil, "tun"])
    }

    @Test func `a survey leaves out the endpoints' links, and tells what is wrong in words`() async throws {
        let state = try ViewedHost().state
        let (network, endpoint) = (try #require(state.networks.first), try #require(state.endpoints.first))
        let kernel = FakeKernel()
        kernel.addForeign("eth0", kind: "")
        try kernel.addBridge(
            BridgeSpec(
                name: network.bridge, mac: network.bridgeMAC, mtu: 1500, alias: "plugind:network:\(network.id)",
                addresses: network.subnets.compactMap(\.gateway), isIPv6Enabled: false, isForwarding: true))
        try kernel.addVethPair(
            VethSpec(
                host: endpoint.hostLink, sandbox: endpoint.sandboxLink, bridge: network.bridge,
                sandboxMAC: endpoint.mac, mtu: 1500, alias: "plugind:endpoint:\(endpoint.id)"))
        kernel.state.withLock { state in
            state.addresses = []
            state.links["pdh0"]?.master = nil
            state.links["pdh0"]?.isUp = false
        }
        let driver = Driver(
            state: state, store: FakeStore(state), kernel: kernel, firewall: FakeFirewall(),
            hostPorts: FakeHostPorts(), makeMAC: { network.bridgeMAC }, logger: .silent)
        let survey = try await driver.survey()
        #expect(survey.links.map(\.name).sorted() == ["br-09dff9c378bc", "eth0"])
        #expect(
            survey.differences.map(\.problems) == [
                ["IPv4 is not forwarded"], ["address 10.0.0.1/16 is missing"],
                ["the link is down", "the port is not in the network's bridge"],
            ])
    }
}

@Suite("What a drawing of the topology shows")
struct TopologyMapTests {
    private func answer(endpoints count: Int, marked: Set<Int> = []) async throws -> TopologyAnswer {
        let host = try ViewedHost(endpoints: count)
        return TopologyAnswer(
            problems: [], links: [], networks: try await host.networks().map { Marked($0, problems: []) },
            endpoints: try await host.endpoints().enumerated().map { number, endpoint in
                Marked(endpoint, problems: marked.contains(number) ? ["it is wrong"] : [])
            }, ports: [])
    }

    @Test(arguments: [(20, 20, 0), (21, 21, 0), (22, 20, 2), (200, 20, 180)])
    func `a large network is shortened`(count: Int, shown: Int, hidden: Int) async throws {
        let map = TopologyMap(try await answer(endpoints: count), names: EngineNames(), showsAll: false)
        let network = try #require(map.networks.first)
        #expect((network.containers.count, network.hiddenContainers) == (shown, hidden))
        #expect(map.counts == ["1 network", "\(count) containers", "0 published ports", "0 problems"])
    }

    @Test func `what has problems is shown besides, and all if all is wanted`() async throws {
        let answer = try await answer(endpoints: 200, marked: [3, 150, 199])
        let network = try #require(TopologyMap(answer, names: EngineNames(), showsAll: false).networks.first)
        #expect((network.containers.count, network.hiddenContainers) == (23, 177))
        #expect(network.containers.count { $0.hasProblems } == 3)
        let all = TopologyMap(answer, names: EngineNames(), showsAll: true)
        #expect(all.networks.first?.containers.count == 200)
    }

    @Test func `names are the engine's, in their order, and a container is the same in all its networks`() async throws
    {
        var answer = try await answer(endpoints: 3)
        let ids = answer.endpoints.map(\.status.id)
        let (lan, other) = (answer.networks[0].status.id, try #require(NetworkID("1111")))
        answer.networks.append(answer.networks[0])
        answer.networks[1].status.id = other
        answer.endpoints[1].status.network = other
        let names = EngineNames(
            networks: [lan: "lan", other: "b\u{1B}[2J"], endpoints: [ids[0]: "web", ids[1]: "web", ids[2]: "db"])
        let map = TopologyMap(answer, names: names, showsAll: false)
        #expect(map.networks.map(\.name) == ["b?[2J", "lan"])
        #expect(map.networks.map { $0.containers.map(\.name) } == [["web"], ["db", "web"]])
        #expect(map.networks.map { $0.containers.map(\.otherNetworks) } == [[["lan"]], [[], ["b?[2J"]]])
    }

    @Test func `links that do nothing are left out, ports of others are told with them`() async throws {
        var answer = try await answer(endpoints: 1)
        func link(_ name: String, up: Bool = true, master: String? = nil, routes: [String] = []) -> HostLinkStatus {
            HostLinkStatus(
                name: name, state: up ? .up : .down, mtu: 1500, master: master,
                addresses: ["fe80::1/64", "192.0.2.10/24"].compactMap { up ? InterfaceAddress($0) : nil },
                defaultRoutes: routes)
        }
        answer.links = [
            link("sit0", up: false), link("docker0"), link("veth1", master: "docker0"),
            link("br-09dff9c378bc"), link("tap0", master: "br-09dff9c378bc"), link("eth0", routes: ["ipv4", "ipv6"]),
        ]
        let map = TopologyMap(answer, names: EngineNames(), showsAll: false)
        #expect(map.uplinks.map(\.routeWords) == ["default route of IPv4 and IPv6"])
        #expect(map.links.map(\.name) == ["docker0"])
        #expect(map.links.first?.ports == ["veth1"])
        #expect(map.links.first?.addresses == ["192.0.2.10/24"])
        #expect(map.hiddenLinks == 1)
        #expect(map.networks.first?.guests.map(\.name) == ["tap0"])
    }

    @Test func `ten thousand endpoints are drawn in time`() async throws {
        let answer = try await answer(endpoints: 10_000)
        let map = TopologyMap(answer, names: EngineNames(), showsAll: true)
        let text = map.text(on: .init(width: 100, isColoured: true, isUnicode: true))
        #expect(text.split(separator: "\n").count == 10_003)
        #expect(map.svg().utf8.count > 1_000_000 && map.dot().utf8.count > 1_000_000)
    }
}
