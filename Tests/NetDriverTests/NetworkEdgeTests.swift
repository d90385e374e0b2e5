// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Store
import TestSupport
import Testing

@testable import NetDriver

private let bridge = "com.docker.network.bridge."
private let name = "\"br-09dff9c378bc\""

@Suite("Edge of a network")
struct NetworkEdgeTests {
    private func edge(
        _ options: [String: String] = [:], isInternal: Bool = false, subnet6: String? = "fd00:1::/64",
        gateway: String? = "10.0.0.1/24"
    ) throws -> NetworkEdge {
        let request = try NetworkRequest.make(
            gateway: gateway, subnet6: subnet6, isInternal: isInternal, options: options)
        let network = NetworkRecord(
            id: request.id, phase: .ready, bridge: try #require(InterfaceName("br-09dff9c378bc")),
            bridgeMAC: try #require(MACAddress("02:00:00:00:00:01")), mtu: 1500, isInternal: isInternal,
            linkPrefix: "eth", subnets: request.subnets, options: options)
        return NetworkEdge(network: network, edge: try NetworkOptions(options).edge)
    }

    private func words(_ edge: NetworkEdge) -> Set<String> { Set(edge.elements.map(\.words)) }

    /// What every network with these two subnets has.
    private static let basic: Set<String> = [
        "bridges \(name)", "same \(name) . \(name)", "subnets4 \(name) . 10.0.0.0/24",
        "subnets6 \(name) . fd00:1::/64",
    ]
    private static let masqueraded: Set<String> = ["masqueraded ipv4 . \(name)", "masqueraded ipv6 . \(name)"]

    @Test func `a network like most is masqueraded`() throws {
        #expect(words(try edge()) == Self.basic.union(Self.masqueraded))
    }

    @Test func `a network without IPv6 has no subnet of it`() throws {
        let words = words(try edge(subnet6: nil))
        #expect(words.filter { $0.hasPrefix("subnets") } == ["subnets4 \(name) . 10.0.0.0/24"])
    }

    @Test func `an internal network is sealed, and nothing of it leaves to be masqueraded`() throws {
        let sealed: Set = ["sealed ipv4 . \(name)", "sealed ipv6 . \(name)"]
        #expect(words(try edge(isInternal: true)) == Self.basic.union(sealed))
    }

    @Test func `an isolated family is kept off the host, too`() throws {
        let words = words(try edge([bridge + "gateway_mode_ipv6": "isolated"], isInternal: true))
        #expect(
            words == Self.basic.union(["sealed ipv4 . \(name)", "sealed ipv6 . \(name)", "isolated ipv6 . \(name)"]))
    }

    @Test func `a routed family is not masqueraded, and reached at published ports`() throws {
        let words = words(try edge([bridge + "gateway_mode_ipv6": "routed"]))
        #expect(
            words == Self.basic.union(["masqueraded ipv4 . \(name)", "doors ipv6 . \(name) : goto open"]))
    }

    @Test func `an unprotected family is masqueraded, and reached at every port`() throws {
        let words = words(try edge([bridge + "gateway_mode_ipv4": "nat-unprotected"]))
        #expect(words == Self.basic.union(Self.masqueraded).union(["doors ipv4 . \(name) : goto unprotected"]))
    }

    @Test func `without masquerading what leaves keeps its address`() throws {
        #expect(words(try edge([bridge + "enable_ip_masquerade": "false"])) == Self.basic)
        let options = [bridge + "enable_ip_masquerade": "false", "com.docker.network.host_ipv4": "192.0.2.1"]
        #expect(words(try edge(options)) == Self.basic)
    }

    @Test func `what leaves gets the chosen address instead of that of the link`() throws {
        let options = ["com.docker.network.host_ipv4": "192.0.2.1", "com.docker.network.host_ipv6": "2001:db8::1"]
        #expect(
            words(try edge(options))
                == Self.basic.union(["sources4 \(name) : 192.0.2.1", "sources6 \(name) : 2001:db8::1"]))
        let routed = options.merging([bridge + "gateway_mode_ipv4": "routed"]) { $1 }
        #expect(!words(try edge(routed)).contains("sources4 \(name) : 192.0.2.1"))
    }

    @Test func `a closed network, trusted links and blackholes have an element each`() throws {
        let words = words(
            try edge([
                bridge + "enable_icc": "false", bridge + "trusted_host_interfaces": "eth0:wg0",
                "plugind.routes": "blackhole 192.0.2.0/24;10.9.0.0/16 via 10.0.0.2;blackhole 2001:db8::/32",
            ]))
        #expect(
            words
                == Self.basic.union(Self.masqueraded).union([
                    "closed \(name)", "trusted \"eth0\" . \(name)", "trusted \"wg0\" . \(name)",
                    "holes4 \(name) . 192.0.2.0/24", "holes6 \(name) . 2001:db8::/32",
                ]))
    }

    // MARK: Gateways

    private static let ipv4 = InterfaceAddress("10.0.0.2/24")
    private static let ipv6 = InterfaceAddress("fd00:1::2/64")

    @Test(
        arguments: [
            ([:], false, "10.0.0.1", "fd00:1::1"), ([:], true, nil, nil),
            ([bridge + "inhibit_ipv4": "true"], false, "10.0.0.1", "fd00:1::1"),
            ([bridge + "gateway_mode_ipv4": "routed"], false, "10.0.0.1", "fd00:1::1"),
            (["plugind.gateway": "none"], false, nil, nil),
            (["plugind.gateway": "10.0.0.5"], false, "10.0.0.5", "fd00:1::1"),
            (["plugind.gateway": "fd00:1::5"], false, "10.0.0.1", "fd00:1::5"),
            (["plugind.gateway": "10.0.0.5,fd00:1::5"], false, "10.0.0.5", "fd00:1::5"),
            (["plugind.gateway": "10.0.0.5"], true, nil, nil),
            ([bridge + "gateway_mode_ipv4": "isolated"], true, nil, nil),
        ] as [([String: String], Bool, String?, String?)])
    func `the default route goes to the gateway`(
        options: [String: String], isInternal: Bool, ipv4: String?, ipv6: String?
    ) throws {
        let edge = try edge(options, isInternal: isInternal)
        #expect(edge.gateway(of: Self.ipv4)?.description == ipv4)
        #expect(edge.gateway(of: Self.ipv6)?.description == ipv6)
    }

    @Test func `without an address, or without a gateway in its subnet, there is no default route`() throws {
        #expect(try edge().gateway(of: nil) == nil)
        #expect(try edge(gateway: nil).gateway(of: Self.ipv4) == nil)
        #expect(try edge(gateway: nil).gateway(of: Self.ipv6) == IPAddress("fd00:1::1"))
    }

    // MARK: The host

    @Test(
        arguments: [
            ([:], "fd00:1::/64", false, [AddressFamily.v4, .v6]), ([:], nil, false, [.v4]),
            ([:], "fd00:1::/64", true, []),
            ([bridge + "gateway_mode_ipv4": "routed"], nil, false, [.v4]),
            (["plugind.gateway": "none"], nil, false, [.v4]),
        ] as [([String: String], String?, Bool, [AddressFamily])])
    func `the host forwards the network's families`(
        options: [String: String], subnet6: String?, isInternal: Bool, families: [AddressFamily]
    ) throws {
        #expect(try edge(options, isInternal: isInternal, subnet6: subnet6).forwardedFamilies == families)
    }

    @Test(
        arguments: [
            ([:], false, "10.0.0.1/24 fd00:1::1/64", true, true),
            ([bridge + "inhibit_ipv4": "true"], false, "fd00:1::1/64", true, false),
            ([bridge + "gateway_mode_ipv4": "routed"], false, "10.0.0.1/24 fd00:1::1/64", true, false),
            ([bridge + "gateway_mode_ipv4": "nat-unprotected"], false, "10.0.0.1/24 fd00:1::1/64", true, true),
            ([:], true, "10.0.0.1/24 fd00:1::1/64", false, false),
            ([bridge + "gateway_mode_ipv6": "isolated"], true, "10.0.0.1/24", false, false),
        ] as [([String: String], Bool, String, Bool, Bool)])
    func `the bridge is made as the network's edge needs it`(
        options: [String: String], isInternal: Bool, addresses: String, forwards: Bool, isReachedFromLoopback: Bool
    ) async throws {
        let spec = await Bench().driver.bridge(of: try edge(options, isInternal: isInternal).network)
        #expect(spec.addresses.map(\.description).joined(separator: " ") == addresses)
        #expect(spec.isForwarding == forwards && spec.isReachedFromLoopback == isReachedFromLoopback)
    }

    @Test func `of a closed network each port is closed`() async throws {
        let bench = Bench()
        try await bench.start(.make(options: [bridge + "enable_icc": "false"]), .make())
        #expect(bench.firewall.words(in: "closed-ports") == ["closed-ports \"pdh56e4d91db20d\""])
        #expect(bench.firewall.words(in: "closed") == ["closed \(name)"])
        try await bench.driver.deleteEndpoint(.make(), of: .make())
        #expect(bench.firewall.words(in: "closed-ports") == [])
    }
}
