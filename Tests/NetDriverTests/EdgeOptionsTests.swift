// SPDX-License-Identifier: Apache-2.0

import Addressing
import Testing

@testable import NetDriver

private let bridge = "com.docker.network.bridge."
private let host = "com.docker.network."

@Suite("Options of a network's edge")
struct EdgeOptionsTests {
    private func edge(_ options: [String: String]) throws -> EdgeOptions { try NetworkOptions(options).edge }

    @Test func `without options the network masquerades, publishes on the host, and is its containers' gateway`() throws
    {
        let edge = try edge([:])
        #expect(edge.gatewayModeIPv4 == .nat && edge.gatewayModeIPv6 == .nat && edge.isMasquerading)
        #expect(edge.allowsInside && !edge.inhibitsIPv4 && edge.gateway == .bridge && edge.routes == [])
        #expect(edge.bindingIPv4 == nil && edge.sourceIPv4 == nil && edge.sourceIPv6 == nil && edge.trustedLinks == [])
        #expect(edge.publishMode == nil && edge.clients == nil)
    }

    @Test(arguments: [
        ("nat", GatewayMode.nat), ("nat-unprotected", .natUnprotected), ("routed", .routed), ("isolated", .isolated),
    ])
    func `each family has its gateway mode`(word: String, mode: GatewayMode) throws {
        #expect(try edge([bridge + "gateway_mode_ipv4": word]).mode(.v4) == mode)
        #expect(try edge([bridge + "gateway_mode_ipv4": word]).mode(.v6) == .nat)
        #expect(try edge([bridge + "gateway_mode_ipv6": word]).mode(.v6) == mode)
    }

    @Test(arguments: ["1", "t", "T", "true", "TRUE", "True", "0", "f", "F", "false", "FALSE", "False"])
    func `yes and no are said as for the built-in driver`(word: String) throws {
        let isTrue = ["1", "t"].contains(word.lowercased().prefix(1))
        #expect(try edge([bridge + "enable_ip_masquerade": word]).isMasquerading == isTrue)
        #expect(try edge([bridge + "enable_icc": word]).allowsInside == isTrue)
        #expect(try edge([bridge + "inhibit_ipv4": word]).inhibitsIPv4 == isTrue)
    }

    @Test func `addresses are those of the family`() throws {
        let edge = try edge([
            bridge + "host_binding_ipv4": "192.0.2.1", host + "host_ipv4": "192.0.2.2",
            host + "host_ipv6": "2001:db8::2",
        ])
        #expect(edge.bindingIPv4 == IPAddress("192.0.2.1"))
        #expect(edge.source(.v4) == IPAddress("192.0.2.2") && edge.source(.v6) == IPAddress("2001:db8::2"))
    }

    @Test func `to bind to 0.0.0.0 is to bind to no one address`() throws {
        #expect(try edge([bridge + "host_binding_ipv4": "0.0.0.0"]).bindingIPv4 == nil)
    }

    @Test func `lists have spaces where they please`() throws {
        let edge = try edge([
            bridge + "trusted_host_interfaces": "eth0: wg-1.2",
            "plugind.publish.allow": "10.0.0.0/8 , 192.168.1.7,fd00::1",
            "plugind.gateway": "10.0.0.5, fd00::5", "plugind.publish": "respect-host",
            "plugind.routes": " 10.9.0.0/16 via 10.0.0.2 ; blackhole 192.0.2.0/24;192.0.2.7 via 10.0.0.3",
        ])
        #expect(edge.trustedLinks == [InterfaceName("eth0"), InterfaceName("wg-1.2")])
        #expect(edge.clients == (try [.make("10.0.0.0/8"), .make("192.168.1.7/32"), .make("fd00::1/128")]))
        #expect(edge.gateway == .addresses(try [.make("10.0.0.5"), .make("fd00::5")]))
        #expect(edge.publishMode == .respectHost)
        #expect(
            edge.routes == [
                .via(try .make("10.9.0.0/16"), try .make("10.0.0.2")), .blackhole(try .make("192.0.2.0/24")),
                .via(try .make("192.0.2.7/32"), try .make("10.0.0.3")),
            ])
    }

    @Test func `the default way of publishing can be said, and that there is no gateway`() throws {
        #expect(try edge(["plugind.publish": "direct"]).publishMode == .direct)
        #expect(try edge(["plugind.gateway": "none"]).gateway == .none)
    }

    private static let modes = "not one of nat, nat-unprotected, routed, isolated"
    private static let refusals = [
        (bridge + "gateway_mode_ipv4", "bridged", modes), (bridge + "gateway_mode_ipv6", "NAT", modes),
        (bridge + "enable_ip_masquerade", "yes", "neither true nor false"),
        (bridge + "enable_icc", "", "neither true nor false"),
        (bridge + "inhibit_ipv4", "tRUE", "neither true nor false"),
        (bridge + "host_binding_ipv4", "::1", "not an IPv4 address"),
        (bridge + "host_binding_ipv4", "192.0.2.1/24", "not an IPv4 address"),
        (bridge + "host_binding_ipv4", "224.0.0.1", "that is a group's address"),
        (host + "host_ipv4", "fd00::1", "not an IPv4 address"),
        (host + "host_ipv6", "192.0.2.1", "not an IPv6 address"),
        (host + "host_ipv4", "0.0.0.0", "nothing leaves the host with that address"),
        (host + "host_ipv4", "127.0.0.1", "nothing leaves the host with that address"),
        (host + "host_ipv6", "::1", "nothing leaves the host with that address"),
        (host + "host_ipv6", "ff02::1", "that is a group's address"),
        (bridge + "trusted_host_interfaces", "", "not a list of links’ names separated by ‘:’"),
        (bridge + "trusted_host_interfaces", "eth0:", "not a list of links’ names separated by ‘:’"),
        (
            bridge + "trusted_host_interfaces", "eth*",
            "‘eth*’ is not a link's name (letters, digits, ‘-’, ‘_’, ‘.’)"
        ),
        (
            bridge + "trusted_host_interfaces", "eth0:sixteen-bytes-is",
            "‘sixteen-bytes-is’ is not a link's name (letters, digits, ‘-’, ‘_’, ‘.’)"
        ),
        ("plugind.publish", "", "not one of direct, respect-host"),
        ("plugind.publish", "host", "not one of direct, respect-host"),
        ("plugind.publish.allow", "", "not a list of addresses or prefixes separated by ‘,’"),
        ("plugind.publish.allow", "10.0.0.0/8,,::1", "not a list of addresses or prefixes separated by ‘,’"),
        ("plugind.publish.allow", "10.0.0.0/33", "‘10.0.0.0/33’ is neither an address nor a prefix"),
        ("plugind.publish.allow", "example.org", "‘example.org’ is neither an address nor a prefix"),
        ("plugind.publish.allow", "10.0.0.1/8", "‘10.0.0.1/8’ has host bits set; the prefix is 10.0.0.0/8"),
        ("plugind.gateway", "", "not a list of addresses separated by ‘,’"),
        ("plugind.gateway", "router", "‘router’ is neither ‘none’ nor an address of a gateway"),
        ("plugind.gateway", "none,10.0.0.5", "‘none’ is neither ‘none’ nor an address of a gateway"),
        ("plugind.gateway", "0.0.0.0", "‘0.0.0.0’ is neither ‘none’ nor an address of a gateway"),
        ("plugind.gateway", "ff02::1", "‘ff02::1’ is neither ‘none’ nor an address of a gateway"),
        ("plugind.gateway", "127.0.0.1", "‘127.0.0.1’ is neither ‘none’ nor an address of a gateway"),
        ("plugind.gateway", "10.0.0.5,10.0.0.6", "more than one gateway of a family"),
        ("plugind.routes", "", "not a list of routes separated by ‘;’"),
        ("plugind.routes", "blackhole 192.0.2.0/24;", "not a list of routes separated by ‘;’"),
        ("plugind.routes", "10.9.0.0/16", "‘10.9.0.0/16’ is neither ‘PREFIX via ADDRESS’ nor ‘blackhole PREFIX’"),
        (
            "plugind.routes", "10.9.0.0/16 dev eth0",
            "‘10.9.0.0/16 dev eth0’ is neither ‘PREFIX via ADDRESS’ nor ‘blackhole PREFIX’"
        ),
        ("plugind.routes", "10.9.0.1/16 via 10.0.0.2", "‘10.9.0.1/16’ has host bits set; the prefix is 10.9.0.0/16"),
        ("plugind.routes", "blackhole lan", "‘lan’ is neither an address nor a prefix"),
        ("plugind.routes", "10.9.0.0/16 via fd00::2", "‘fd00::2’ is not an address of the family of 10.9.0.0/16"),
        ("plugind.routes", "10.9.0.0/16 via router", "‘router’ is not an address of the family of 10.9.0.0/16"),
        ("plugind.routes", "0.0.0.0/0 via 10.0.0.2", "the default route is set with plugind.gateway"),
        ("plugind.routes", "blackhole ::/0", "the default route is set with plugind.gateway"),
        ("plugind.routes", "blackhole 10.9.0.0/16;10.9.0.0/16 via 10.0.0.2", "10.9.0.0/16 is there twice"),
        ("plugind.routes", "blackhole 10.9.0.0/16;blackhole 10.9.1.0/24", "10.9.1.0/24 overlaps 10.9.0.0/16"),
    ]

    @Test(arguments: refusals)
    func `what cannot be meant is refused with its reason`(key: String, value: String, reason: String) {
        let error = #expect(throws: DriverError.self) { try edge([key: value]) }
        #expect(error?.description == "option \(key)=\(value): \(reason)")
        #expect(error?.isBadRequest == true)
    }

    @Test func `a route may be within a blackhole, and within another route`() throws {
        let text = "blackhole 10.9.0.0/16;10.9.1.0/24 via 10.0.0.2;10.9.1.0/25 via 10.0.0.3"
        #expect(try edge(["plugind.routes": text]).routes.count == 3)
    }

    // MARK: What does not go together

    @Test(arguments: ["4", "6"]) func `only an internal network can be isolated`(family: String) throws {
        let key = bridge + "gateway_mode_ipv\(family)"
        let edge = try edge([key: "isolated"])
        let error = #expect(throws: DriverError.self) { try edge.check(isInternal: false, subnets: []) }
        #expect(error?.description == "option \(key)=isolated: only for internal networks (--internal)")
        #expect(throws: Never.self) { try edge.check(isInternal: true, subnets: []) }
    }

    @Test(arguments: [
        ("plugind.gateway", "10.0.0.5", ""), ("plugind.gateway", "none", ""),
        ("plugind.gateway", "fd00::5", "option plugind.gateway=fd00::5: in no subnet of the network"),
        ("plugind.gateway", "10.0.1.5", "option plugind.gateway=10.0.1.5: in no subnet of the network"),
        (
            "plugind.routes", "10.9.0.0/16 via 10.0.0.2;10.8.0.0/16 via 10.0.1.2",
            "option plugind.routes=10.8.0.0/16 via 10.0.1.2: 10.0.1.2 is in no subnet of the network"
        ),
        ("plugind.routes", "10.9.0.0/16 via 10.0.0.2;blackhole 10.8.0.0/16", ""),
    ])
    func `gateways are on the link`(key: String, value: String, words: String) throws {
        let options = try edge([key: value])
        var refusal = ""
        do { try options.check(isInternal: false, subnets: [.make("10.0.0.0/24")]) } catch { refusal = "\(error)" }
        #expect(refusal == words)
    }

    @Test func `a network that does not go together is not made`() async throws {
        let bench = Bench()
        let error = await #expect(throws: DriverError.self) {
            try await bench.driver.createNetwork(.make(options: ["plugind.gateway": "10.0.1.5"]))
        }
        #expect(error?.description == "option plugind.gateway=10.0.1.5: in no subnet of the network")
        #expect(try bench.isClean())
    }

    // MARK: Gateways

    @Test(
        arguments: [
            ([:], true, true), ([bridge + "gateway_mode_ipv4": "isolated"], false, true),
            ([bridge + "gateway_mode_ipv6": "isolated"], true, false), (["plugind.gateway": "none"], true, true),
            ([bridge + "inhibit_ipv4": "true"], true, true),
            (["plugind.gateway": "none", bridge + "inhibit_ipv4": "true"], false, true),
            (["plugind.gateway": "10.0.0.5", bridge + "inhibit_ipv4": "true"], true, true),
            ([bridge + "gateway_mode_ipv4": "routed"], true, true),
        ] as [([String: String], Bool, Bool)])
    func `a gateway's address is needed where somebody has it`(
        options: [String: String], ipv4: Bool, ipv6: Bool
    ) throws {
        let edge = try edge(options)
        #expect(edge.needsGateway(.v4) == ipv4 && edge.needsGateway(.v6) == ipv6)
    }

    @Test(
        arguments: [
            ([:], true, true), ([bridge + "inhibit_ipv4": "1"], false, true),
            ([bridge + "gateway_mode_ipv4": "isolated"], false, true),
            ([bridge + "gateway_mode_ipv6": "isolated"], true, false),
        ] as [([String: String], Bool, Bool)])
    func `the bridge has no address that it is not to have`(
        options: [String: String], ipv4: Bool, ipv6: Bool
    ) throws {
        let edge = try edge(options)
        #expect(edge.hasBridgeAddress(.v4) == ipv4 && edge.hasBridgeAddress(.v6) == ipv6)
    }
}
