// SPDX-License-Identifier: Apache-2.0

import Addressing
import Foundation
import Logging
import NetDriver
import PluginKit
import Testing

@Suite("Network driver's requests that cannot be understood")
struct WireRefusalTests {
    private static let endpoint = #""NetworkID": "n1", "EndpointID": "e1""#
    private static let port = #""Proto": 6, "Port": 80, "HostPort": 0, "HostPortEnd": 0"#

    private static func endpoint(options: String) -> String {
        #"{\#(endpoint), "Options": {\#(options)}}"#
    }

    private static func binding(_ members: String) -> String {
        endpoint(options: #""com.docker.network.portmap": [{\#(port)}, {\#(members)}]"#)
    }

    private static let portmap = "Options.com.docker.network.portmap"

    @Test(
        arguments: [
            ("CreateNetwork", "{}", "field NetworkID is missing"),
            ("CreateNetwork", #"{"NetworkID": ""}"#, "NetworkID: ‘’ is not a valid NetworkID"),
            ("CreateNetwork", #"{"NetworkID": "../etc"}"#, "NetworkID: ‘../etc’ is not a valid NetworkID"),
            (
                "CreateNetwork", #"{"NetworkID": "n1", "IPv4Data": [{}, {"Pool": "10.0.0.1/24"}]}"#,
                "IPv4Data[1].Pool: ‘10.0.0.1/24’ is not a valid Prefix"
            ),
            (
                "CreateNetwork", #"{"NetworkID": "n1", "IPv6Data": [{"AuxAddresses": {"router": "fd00::1"}}]}"#,
                "IPv6Data[0].AuxAddresses.router: ‘fd00::1’ is not a valid InterfaceAddress"
            ),
            (
                "CreateNetwork", #"{"NetworkID": "n1", "Options": {"com.docker.network.internal": "true"}}"#,
                "Options.com.docker.network.internal: expected true or false"
            ),
            (
                "CreateNetwork",
                #"{"NetworkID": "n1", "Options": {"com.docker.network.generic": {"com.docker.network.driver.mtu": 9000}}}"#,
                "Options.com.docker.network.generic.com.docker.network.driver.mtu: expected a string"
            ),
            ("CreateEndpoint", #"{"NetworkID": "n1"}"#, "field EndpointID is missing"),
            (
                "CreateEndpoint", #"{\#(endpoint), "Interface": {"Address": "10.0.0.300/24"}}"#,
                "Interface.Address: ‘10.0.0.300/24’ is not a valid InterfaceAddress"
            ),
            (
                "CreateEndpoint", #"{\#(endpoint), "Interface": {"MacAddress": "02:11"}}"#,
                "Interface.MacAddress: ‘02:11’ is not a valid MACAddress"
            ),
            (
                "CreateEndpoint", endpoint(options: #""com.docker.network.endpoint.macaddress": "02:11:22:33:44:55""#),
                "Options.com.docker.network.endpoint.macaddress: ‘02:11:22:33:44:55’ is not a MAC address in base64"
            ),
            (
                "CreateEndpoint", endpoint(options: #""com.docker.network.endpoint.dnsservers": [1]"#),
                "Options.com.docker.network.endpoint.dnsservers[0]: expected a string"
            ),
            ("CreateEndpoint", binding(#""Proto": "tcp""#), "\(portmap)[1].Proto: expected a number"),
            (
                "CreateEndpoint", binding(#""Proto": 7"#),
                "\(portmap)[1].Proto: expected 6 (TCP), 17 (UDP), 132 (SCTP) or 1 (ICMP), found 7"
            ),
            (
                "CreateEndpoint", binding(#""Proto": 6, "Port": 65536"#),
                "\(portmap)[1].Port: expected a whole number from 0 to 65535"
            ),
            (
                "Join", #"{\#(endpoint), "Options": {}}"#,
                "field SandboxKey is missing"
            ),
            ("Leave", #"["n1", "e1"]"#, "the request body: expected an object"),
        ]
    )
    func `a refusal names the field`(method: String, body: String, text: String) async throws {
        let reply = await table().answer(path: "/NetworkDriver.\(method)", body: Array(body.utf8))
        let keys = try JSONDecoder().decode([String: String].self, from: Data(reply.body))
        #expect(reply.status == 400)
        #expect(keys == ["Err": text, "Error": text])
    }

    @Test func `options that are null or missing are none`() throws {
        for options in ["", #", "Options": null"#, #", "Options": {}"#] {
            let network = try decoded(CreateNetwork.self, #"{"NetworkID": "n1", "IPv6Data": null\#(options)}"#)
            #expect(network.options == CreateNetwork.Options())
            let endpoint = try decoded(CreateEndpoint.self, "{\(Self.endpoint)\(options)}")
            #expect(endpoint.options == EndpointOptions())
        }
    }

    @Test func `what the user asks of an endpoint beyond what is known is kept`() throws {
        let request = try decoded(CreateEndpoint.self, Self.endpoint(options: #""a": "b", "c": [1]"#))
        #expect(request.options.others == ["a": .string("b"), "c": .list([.integer(1)])])
    }

    @Test func `a MAC address among the options is base64`() throws {
        let body = Self.endpoint(options: #""com.docker.network.endpoint.macaddress": "AhEiM0RV""#)
        #expect(try decoded(CreateEndpoint.self, body).options.macAddress == MACAddress("02:11:22:33:44:55"))
    }

    private func decoded<Method: PluginMethod>(_ method: Method.Type, _ text: String) throws -> Method {
        try JSONDecoder().decode(method, from: Data(text.utf8))
    }

    private func table() -> MethodTable {
        var table = MethodTable(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, explain: { _ in nil })
        table.on(CreateNetwork.self) { _ in EmptyReply() }
        table.on(CreateEndpoint.self) { _ in CreateEndpoint.Reply() }
        table.on(Join.self) { _ in Join.Reply(link: nil) }
        table.on(Leave.self) { _ in EmptyReply() }
        return table
    }
}
