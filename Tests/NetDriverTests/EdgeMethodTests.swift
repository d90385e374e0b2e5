// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Logging
import PluginKit
import TestSupport
import Testing

@testable import NetDriver

/// What is about a network's edge, behind the method table and in JSON.
@Suite("Network methods about the edge")
struct EdgeMethodTests {
    private let bench = Bench()
    private let table: MethodTable

    private static let network = #""NetworkID": "09dff9c378bc2a0e5bfce0e5""#
    private static let endpoint = network + #", "EndpointID": "56e4d91db20dac74f4b1218b""#
    private static let bridge = "com.docker.network.bridge."

    init() async throws {
        var table = MethodTable(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }) { error in
            if let error = error as? HostPortError { return .init(status: 409, text: error.description) }
            return (error as? DriverError).map { .init(status: $0.isBadRequest ? 400 : 409, text: $0.description) }
        }
        bench.driver.register(in: &table)
        self.table = table
    }

    private func call(_ method: String, _ fields: String) async -> (status: Int, body: String) {
        let reply = await table.answer(path: "/NetworkDriver.\(method)", body: Array("{\(fields)}".utf8))
        return (reply.status, String(decoding: reply.body, as: UTF8.self))
    }

    private static func generic(_ options: [String: String], isInternal: Bool = false) -> String {
        let members = options.map { #""\#($0)": "\#($1)""# }.joined(separator: ", ")
        return #"""
            "Options": {"com.docker.network.internal": \#(isInternal), "com.docker.network.generic": {\#(members)}}
            """#
    }

    /// A network and an endpoint with both families.
    private func start(_ options: [String: String] = [:], isInternal: Bool = false, of endpoint: String = "") async {
        let network = await call(
            "CreateNetwork",
            Self.network + ", " + Self.generic(options, isInternal: isInternal) + #"""
                , "IPv4Data": [{"Pool": "10.0.0.0/24", "Gateway": "10.0.0.1/24"}],
                "IPv6Data": [{"Pool": "fd00:1::/64", "Gateway": "fd00:1::1/64"}]
                """#)
        #expect(network.status == 200, "\(network.body)")
        let reply = await createEndpoint(endpoint)
        #expect(reply.status == 200, "\(reply.body)")
    }

    private func createEndpoint(_ options: String) async -> (status: Int, body: String) {
        await call(
            "CreateEndpoint",
            Self.endpoint + #"""
                , "Interface": {"Address": "10.0.0.2/24", "AddressIPv6": "fd00:1::2/64", "MacAddress": ""},
                "Options": {\#(options)}
                """#)
    }

    private func join() async -> String {
        let reply = await call("Join", Self.endpoint + #", "SandboxKey": "/var/run/docker/netns/1", "Options": {}"#)
        #expect(reply.status == 200)
        return reply.body
    }

    private static func binding(
        _ transport: Int = 6, _ port: Int = 80, host: String = "", _ first: Int = 8080, _ last: Int = 8080
    ) -> String {
        #"""
        {"Proto": \#(transport), "IP": "", "Port": \#(port), "HostIP": "\#(host)", "HostPort": \#(first),
            "HostPortEnd": \#(last)}
        """#
    }

    private static func portmap(_ bindings: String...) -> String {
        #""com.docker.network.portmap": [\#(bindings.joined(separator: ", "))]"#
    }

    private func program(_ options: String) async -> (status: Int, body: String) {
        await call("ProgramExternalConnectivity", Self.endpoint + #", "Options": {\#(options)}"#)
    }

    // MARK: Gateways

    @Test func `engines are to ask whether gateways are needed`() async {
        #expect(await call("GetCapabilities", "").body.contains(#""GwAllocChecker":true"#))
    }

    @Test(
        arguments: [
            ([:], false, false, false), ([:], true, false, false),
            ([bridge + "gateway_mode_ipv4": "isolated"], true, true, false),
            ([bridge + "gateway_mode_ipv6": "isolated"], true, false, true),
            (["plugind.gateway": "none", bridge + "inhibit_ipv4": "true"], false, true, false),
            (["plugind.gateway": "none"], false, false, false),
        ] as [([String: String], Bool, Bool, Bool)])
    func `the engine is told for which family no gateway is needed`(
        options: [String: String], isInternal: Bool, skipsIPv4: Bool, skipsIPv6: Bool
    ) async {
        let reply = await call("GwAllocCheck", Self.generic(options, isInternal: isInternal))
        #expect(reply.status == 200)
        #expect(reply.body.contains(#""SkipIPv4":\#(skipsIPv4)"#) && reply.body.contains(#""SkipIPv6":\#(skipsIPv6)"#))
    }

    @Test func `an option that cannot be meant is refused when the engine asks for gateways`() async {
        let reply = await call("GwAllocCheck", Self.generic(["plugind.gateway": "router"]))
        #expect(reply.status == 400)
        #expect(reply.body.contains("‘router’ is neither ‘none’ nor an address of a gateway"))
    }

    @Test func `a network is its containers' gateway`() async {
        await start()
        let body = await join()
        #expect(body.contains(#""Gateway":"10.0.0.1""#) && body.contains(#""GatewayIPv6":"fd00:1::1""#))
        #expect(!body.contains("StaticRoutes") || body.contains(#""StaticRoutes":[]"#))
        #expect(!body.contains("DisableGatewayService"))
    }

    @Test func `another gateway is said to containers`() async {
        await start(["plugind.gateway": "10.0.0.5"])
        let body = await join()
        #expect(body.contains(#""Gateway":"10.0.0.5""#) && body.contains(#""GatewayIPv6":"fd00:1::1""#))
    }

    @Test func `where there is to be no gateway there is none of the engine's either`() async {
        await start(["plugind.gateway": "none"])
        let body = await join()
        #expect(!body.contains(#""Gateway""#) && !body.contains(#""GatewayIPv6""#))
        #expect(body.contains(#""DisableGatewayService":true"#))
    }

    @Test func `routes are said to containers, blackholes are not`() async {
        await start(["plugind.routes": "10.9.0.0/16 via 10.0.0.9;blackhole 192.0.2.0/24;2001:db8::/32 via fd00:1::9"])
        let reply = await join()
        #expect(reply.contains(#"{"Destination":"10.9.0.0/16","NextHop":"10.0.0.9","RouteType":0}"#), "\(reply)")
        #expect(reply.contains(#"{"Destination":"2001:db8::/32","NextHop":"fd00:1::9","RouteType":0}"#))
        #expect(!reply.contains("192.0.2.0"))
        #expect(bench.firewall.words(in: "holes4") == ["holes4 \"br-09dff9c378bc\" . 192.0.2.0/24"])
    }

    @Test func `a container without an address of a family gets no route of it`() async {
        await start(["plugind.routes": "10.9.0.0/16 via 10.0.0.9;2001:db8::/32 via fd00:1::9"])
        _ = await call("DeleteEndpoint", Self.endpoint)
        _ = await call("CreateEndpoint", Self.endpoint + #", "Interface": {"AddressIPv6": "fd00:1::2/64"}"#)
        let reply = await join()
        #expect(!reply.contains("10.9.0.0") && reply.contains("2001:db8::/32"))
        #expect(!reply.contains(#""Gateway""#) && reply.contains(#""GatewayIPv6":"fd00:1::1""#))
    }

    // MARK: Ports

    @Test func `ports are published and taken back`() async {
        await start()
        _ = await join()
        let ports = Self.portmap(
            Self.binding(), Self.binding(17, 53, host: "127.0.0.1", 5353, 5353), Self.binding(132, 9, 0, 0))
        for _ in 1...2 {
            let reply = await program(ports)
            #expect(reply.status == 200, "\(reply.body)")
            #expect(
                bench.hostPorts.held == [
                    "sctp 0.0.0.0 32768", "sctp :: 32768 to fd00:1::2 9", "tcp 0.0.0.0 8080",
                    "tcp :: 8080 to fd00:1::2 80", "udp 127.0.0.1 5353",
                ])
        }
        for _ in 1...2 {
            #expect(await call("RevokeExternalConnectivity", Self.endpoint).status == 200)
            #expect(bench.hostPorts.held == [])
        }
    }

    @Test func `a range of the host's ports for one of the container's is a choice`() async {
        await start()
        bench.hostPorts.takeByOther(8080)
        #expect(await program(Self.portmap(Self.binding(6, 80, 8080, 8090))).status == 200)
        #expect(bench.hostPorts.held.first == "tcp 0.0.0.0 8081")
        // Engines leave the end out, or say it.
        #expect(await program(Self.portmap(Self.binding(6, 80, 9000, 0))).status == 200)
        #expect(bench.hostPorts.held.first == "tcp 0.0.0.0 9000")
    }

    @Test(arguments: [
        (binding(1), "cannot publish icmp container port 80: icmp has no ports"),
        (binding(6, 0), "cannot publish tcp container port 0: a container has no port 0"),
        (
            binding(17, host: "224.0.0.1"),
            "cannot publish udp container port 80 at 224.0.0.1: that is a group's address"
        ),
        (
            binding(6, 80, 8090, 8080),
            "cannot publish tcp container port 80 at host ports 8090 to 8080: the range is reversed"
        ),
        (
            binding(6, 80, 0, 8080),
            "cannot publish tcp container port 80 at host ports 0 to 8080: the range is reversed"
        ),
    ])
    func `a port that cannot be meant is refused, before and when it is published`(
        binding: String, words: String
    ) async {
        await start()
        let reply = await program(Self.portmap(binding))
        #expect(reply.status == 400 && reply.body.contains(words), "\(reply.body)")
        _ = await call("DeleteEndpoint", Self.endpoint)
        let early = await createEndpoint(Self.portmap(binding))
        #expect(early.status == 400 && early.body.contains(words), "\(early.body)")
    }

    @Test func `a port that is taken is refused when the endpoint is made`() async {
        await start()
        _ = await call("DeleteEndpoint", Self.endpoint)
        bench.hostPorts.takeByOther(8080)
        let reply = await createEndpoint(Self.portmap(Self.binding()))
        #expect(reply.status == 409)
        #expect(reply.body.contains("cannot publish tcp port 0.0.0.0:8080: the port is in use on this host"))
    }

    @Test func `where another endpoint serves IPv6 this one does not`() async {
        await start()
        _ = await call("DeleteEndpoint", Self.endpoint)
        _ = await call("CreateEndpoint", Self.endpoint + #", "Interface": {"Address": "10.0.0.2/24"}"#)
        let flag = #", "com.docker.network.driver.private.no_proxy_6to4": true"#
        let ports = Self.portmap(Self.binding(), Self.binding(6, 81, host: "::1", 8081, 8081))
        let reply = await program(ports + flag)
        #expect(reply.status == 200, "\(reply.body)")
        #expect(bench.hostPorts.held == ["tcp 0.0.0.0 8080"])
    }

    // MARK: Clients

    @Test func `an endpoint has clients of its own`() async {
        await start(of: #""plugind.publish.allow": "192.0.2.7""#)
        #expect(await program(Self.portmap(Self.binding())).status == 200)
        #expect(bench.firewall.words(in: "clients4") == ["clients4 10.0.0.2 . 192.0.2.7/32"])
    }

    @Test(arguments: [
        (
            #""plugind.publish.allow": "lan""#,
            "option plugind.publish.allow=lan: ‘lan’ is neither an address nor a prefix"
        ),
        (#""plugind.publish.allow": 7"#, "not a text"),
        (#""plugind.publish": "direct""#, "unknown option plugind.publish; known are: plugind.publish.allow"),
    ])
    func `clients that cannot be meant are refused`(option: String, words: String) async {
        await start()
        _ = await call("DeleteEndpoint", Self.endpoint)
        let reply = await createEndpoint(option)
        #expect(reply.status == 400 && reply.body.contains(words), "\(reply.body)")
    }
}
