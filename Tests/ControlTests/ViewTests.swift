// SPDX-License-Identifier: Apache-2.0

import Addressing
import IPAM
import NetDriver
import Store
import Testing

@testable import Control

@Suite("What there is, over the control API")
struct ViewTests {
    private static let network =
        #"{"bridge":"br-09dff9c378bc","endpoints":1,"id":"09dff9c378bc2a0e5bfce0e5","internal":false,"#
        + #""link":"missing","mtu":1500,"state":"ready","#
        + #""subnets":[{"gateway":"10.0.0.1","mode":"nat","subnet":"10.0.0.0/16"}]}"#
    private static let endpoint =
        #"{"attach":"move","bridge":"br-09dff9c378bc","container":"web","hostLink":"pdh0","#
        + #""id":"56e4d91db20dac74f4b1000000","ipv4":"10.0.0.2/16","link":"missing","mac":"02:00:00:00:00:01","#
        + #""network":"09dff9c378bc2a0e5bfce0e5","#
        + #""sandbox":"/var/run/docker/netns/1f2e3d4c5b6a","state":"ready"}"#
    private static let ports = [("0.0.0.0", "direct"), ("::", "forwarded")].map { host, how in
        #"{"container":"web","containerAddress":"10.0.0.2","containerPort":80,"endpoint":"56e4d91db20dac74f4b1000000","#
            + #""held":false,"hostAddress":"\#(host)","hostPort":8080,"how":"\#(how)","#
            + #""network":"09dff9c378bc2a0e5bfce0e5","protocol":"tcp"}"#
    }.joined(separator: ",")

    /// With one endpoint, whose address `web` holds.
    private func router() async throws -> ControlRouter {
        let ipam = try IPAM.make()
        let pool = try await ipam.pool("10.0.0.0/16")
        try await ipam.address("10.0.0.2", in: pool, name: "web")
        return try ViewedHost().router(ipam)
    }

    @Test func `networks, endpoints and ports are listed`() async throws {
        let router = try await router()
        #expect(await router.ask("GET", "/v1/networks") == #"200 {"networks":[\#(Self.network)]}"#)
        let endpoints = #"200 {"endpoints":[\#(Self.endpoint)]}"#
        #expect(await router.ask("GET", "/v1/endpoints") == endpoints)
        #expect(await router.ask("GET", "/v1/networks/\(ViewedHost.network)/endpoints") == endpoints)
        #expect(await router.ask("GET", "/v1/ports") == #"200 {"ports":[\#(Self.ports)]}"#)
    }

    @Test func `one is told with all about it`() async throws {
        let router = try await router()
        #expect(
            await router.ask("GET", "/v1/networks/\(ViewedHost.network)")
                == #"200 {"bridgeMAC":"02:00:00:00:00:01","endpoints":[\#(Self.endpoint)],"#
                + #""network":\#(Self.network),"options":{}}"#)
        #expect(
            await router.ask("GET", "/v1/endpoints/\(ViewedHost.first)")
                == #"200 {"endpoint":\#(Self.endpoint),"network":\#(Self.network),"ports":[\#(Self.ports)]}"#)
    }

    @Test func `what is not known is 404`() async throws {
        let router = try await router()
        for path in ["/networks/0000", "/networks/0000/endpoints"] {
            #expect(
                await router.ask("GET", "/v1\(path)") == #"404 {"error":"network 0000 is not known to plugind"}"#)
        }
        #expect(
            await router.ask("GET", "/v1/endpoints/0000")
                == #"404 {"error":"endpoint 0000 is not known to plugind"}"#)
        #expect(
            await router.ask("GET", "/v1/endpoints/a%20b")
                == #"400 {"error":"‘a b’ in the path is not the id of an endpoint"}"#)
    }

    @Test func `the status counts what there is`() async throws {
        let answer = try await router().ask("GET", "/v1/status")
        let begin =
            #"200 {"addresses":1,"controlSocket":"/run/plugind/control.sock","endpoints":1,"networks":1,"#
            + #""owed":{"deletions":0,"ports":1,"reconciliation":false,"releases":0,"repairs":0,"rules":false},"#
            + #""pluginSocket":"/run/docker/plugins/plugind.sock","pools":1,"ports":2,"repairs":{},"rules":0,"#
            + #""stateDirectory":"/var/lib/plugind","uptimeSeconds":"#
        #expect(answer.hasPrefix(begin), "\(answer)")
        #expect(answer.hasSuffix(#","version":"0.1.0"}"#), "\(answer)")
    }

    @Test func `a name of another pool's holder is not taken for a container's`() async throws {
        let ipam = try IPAM.make()
        let pool = try await ipam.pool("10.0.0.0/24")
        try await ipam.address("10.0.0.2", in: pool, name: "other")
        let answer = try await ViewedHost().router(ipam).ask("GET", "/v1/endpoints")
        #expect(!answer.contains("other"), "\(answer)")
    }
}

@Suite("What somebody may mean")
struct FindingTests {
    private static func find(_ text: String, engine: Bool = true) async throws -> Finding {
        let host = try ViewedHost(endpoints: 3)
        let address = try #require(InterfaceAddress("10.0.0.2/16"))
        let (network, last) = (try #require(NetworkID(ViewedHost.network)), try #require(host.state.endpoints.last))
        let names = EngineNames(networks: [network: "lan"], endpoints: [last.id: "db"])
        return try Finding(
            text, networks: try await host.networks(), endpoints: try await host.endpoints([address: "web"]),
            names: engine ? names : EngineNames())
    }

    @Test(arguments: ["09dff9c378bc2a0e5bfce0e5", "09d", "br-09dff9c378bc", "lan", "10.0.0.1"])
    func `a network is found by id, its beginning, bridge, name and gateway`(text: String) async throws {
        let found = try await Self.find(text)
        #expect(found.networks.map(\.description) == [ViewedHost.network])
        #expect(found.endpoints.isEmpty)
    }

    @Test(arguments: [
        ("56e4d91db20dac74f4b1000000", 0), ("web", 0), ("10.0.0.2", 0), ("pdh1", 1), ("10.0.0.3", 1), ("db", 2),
        ("56e4d91db20dac74f4b1000002", 2),
    ])
    func `an endpoint is found by id, container, address and link`(text: String, number: Int) async throws {
        let found = try await Self.find(text)
        #expect(found.endpoints.map(\.description) == ["56e4d91db20dac74f4b100000\(number)"])
        #expect(found.networks.isEmpty)
    }

    @Test func `all that have a MAC address are meant`() async throws {
        #expect(try await Self.find("02:00:00:00:00:01").endpoints.count == 3)
    }

    @Test(arguments: [
        ("nobody", "‘nobody’ is no id, name or address of a network or an endpoint"),
        (
            "56e4",
            "‘56e4’ begins several ids: endpoint 56e4d91db20d, endpoint 56e4d91db20d, endpoint 56e4d91db20d"
        ),
        ("", "nothing is called ‘’"),
    ])
    func `what cannot be found is told`(text: String, words: String) async throws {
        let failure = await failure { try await Self.find(text) }
        #expect(failure?.description == words)
    }

    @Test func `without the engine its names are not known`() async throws {
        let failure = await failure { try await Self.find("lan", engine: false) }
        #expect(failure?.exitCode == 1)
    }
}
