// SPDX-License-Identifier: Apache-2.0

import Addressing
import Foundation
import Logging
import PluginKit
import TestSupport
import Testing

@testable import NetDriver

/// The driver behind the method table, spoken to in JSON.
@Suite("Network methods")
struct MethodTests {
    private let bench = Bench()
    private let table: MethodTable

    private static let network = #""NetworkID": "09dff9c378bc2a0e5bfce0e5""#
    private static let endpoint = network + #", "EndpointID": "56e4d91db20dac74f4b1218b""#

    init() async throws {
        var table = MethodTable(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }) { error in
            (error as? DriverError).map { .init(status: $0.isBadRequest ? 400 : 409, text: $0.description) }
        }
        bench.driver.register(in: &table)
        self.table = table
    }

    private func call(_ method: String, _ fields: String) async -> (status: Int, body: String) {
        let reply = await table.answer(path: "/NetworkDriver.\(method)", body: Array("{\(fields)}".utf8))
        return (reply.status, String(decoding: reply.body, as: UTF8.self))
    }

    private func createNetwork(isInternal: Bool = false) async {
        let reply = await call(
            "CreateNetwork",
            Self.network + #"""
                , "Options": {"com.docker.network.internal": \#(isInternal), "com.docker.network.generic": {}},
                "IPv4Data": [{"Pool": "10.0.0.0/24", "Gateway": "10.0.0.1/24"}], "IPv6Data": []
                """#)
        #expect(reply.status == 200, "\(reply.body)")
    }

    private func createEndpoint(options: String = "", mac: String = "") async -> (status: Int, body: String) {
        await call(
            "CreateEndpoint",
            Self.endpoint + #"""
                , "Interface": {"Address": "10.0.0.2/24", "AddressIPv6": "", "MacAddress": "\#(mac)"},
                "Options": {\#(options)}
                """#)
    }

    private static let ports = #"""
        , "Options": {"com.docker.network.portmap":
            [{"Proto": 6, "IP": "", "Port": 80, "HostIP": "", "HostPort": 8080, "HostPortEnd": 8080}]}
        """#

    @Test func `a MAC address is answered only if the engine gave none`() async {
        await createNetwork()
        #expect(await createEndpoint(mac: "02:11:22:33:44:55").body == #"{"Interface":{}}"#)
        _ = await call("DeleteEndpoint", Self.endpoint)
        #expect(await createEndpoint().body.contains("MacAddress"))
    }

    @Test func `a container that publishes nothing has nothing to be refused`() async {
        await createNetwork()
        _ = await createEndpoint()
        let reply = await call("ProgramExternalConnectivity", Self.endpoint + #", "Options": null"#)
        #expect(reply.status == 200)
        #expect(await call("RevokeExternalConnectivity", Self.endpoint).status == 200)
    }

    @Test func `a port is published and revoked`() async {
        await createNetwork()
        _ = await createEndpoint()
        #expect(await call("ProgramExternalConnectivity", Self.endpoint + Self.ports).status == 200)
        #expect(bench.hostPorts.held == ["tcp 0.0.0.0 8080", "tcp :: 8080 to 10.0.0.2 80"])
        #expect(await call("RevokeExternalConnectivity", Self.endpoint).status == 200)
        #expect(bench.hostPorts.held == [])
    }

    @Test func `an internal network's container gets no gateway, and none from the engine`() async {
        await createNetwork(isInternal: true)
        _ = await createEndpoint()
        let reply = await call("Join", Self.endpoint + #", "SandboxKey": "/var/run/docker/netns/1""#)
        #expect(reply.body.contains(#""DisableGatewayService":true"#))
        #expect(!reply.body.contains(#""Gateway""#))
    }

    @Test(arguments: ["plugind.sticky", "com.docker.network.bridge.name"])
    func `an unknown option of an endpoint is refused`(key: String) async {
        await createNetwork()
        let reply = await createEndpoint(options: #""\#(key)": "x", "com.docker.network.endpoint.sysctls": "a=b""#)
        #expect(reply.status == 400)
        #expect(reply.body.contains("unknown option \(key)"))
    }

    @Test func `a network of the null IPAM has a bridge without an address`() async throws {
        let reply = await call(
            "CreateNetwork",
            Self.network + #", "IPv4Data": [{"AddressSpace": "null", "Pool": "0.0.0.0/0"}], "IPv6Data": []"#)
        #expect(reply.status == 200)
        #expect(bench.kernel.linkNames == ["br-09dff9c378bc"])
        #expect(try bench.kernel.addresses().isEmpty)
    }

    @Test func `a gateway outside of its pool is refused`() async {
        let reply = await call(
            "CreateNetwork", Self.network + #", "IPv4Data": [{"Pool": "10.0.0.0/24", "Gateway": "10.0.1.1/24"}]"#)
        #expect(reply.status == 400)
        #expect(reply.body.contains("gateway 10.0.1.1 is not in the network's pool 10.0.0.0/24"))
    }

    @Test(arguments: ["DeleteNetwork", "Leave", "DeleteEndpoint", "RevokeExternalConnectivity", "EndpointOperInfo"])
    func `what is unknown can be taken back`(method: String) async {
        #expect(await call(method, Self.endpoint).status == 200)
    }
}
