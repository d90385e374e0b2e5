// SPDX-License-Identifier: Apache-2.0

import Addressing
import IPAM
import NetDriver
import Store

/// What all callers quarrel about: few pools, networks and endpoints, chosen so that they get into each other's way.
enum Shared {
    struct Pool: Sendable {
        let space: AddressSpace
        let prefix: Prefix
        let subPool: Prefix?
    }

    static let pools: [Pool] = [
        ("10.100.0.0/28", nil), ("10.100.0.0/29", nil), ("10.100.0.8/29", "10.100.0.12/30"), ("10.100.0.16/30", nil),
        ("10.100.0.20/31", nil), ("10.100.0.22/32", nil), ("10.100.0.0/27", "10.100.0.16/28"),
        ("172.20.0.32/27", nil), ("172.20.2.0/26", "172.20.2.0/28"), ("fd00:100::/124", nil), ("fd00:100::/125", nil),
        ("fd00:100::10/127", nil),
    ].flatMap { (prefix: String, subPool: String?) in
        AddressSpace.allCases.compactMap { space in
            Prefix(prefix).map { Pool(space: space, prefix: $0, subPool: subPool.flatMap { Prefix($0) }) }
        }
    }

    /// The first two have the same addresses, the next two the same bridge, the next the bridge of a stranger's link, the
    /// last its address.
    static let networks: [NetworkRequest] = [
        ("a000000000000000", "10.101.0.0/24"), ("a111111111111111", "10.101.0.0/16"),
        ("a222222222222222", "10.102.0.0/24"), ("a222222222223333", "10.103.0.0/24"),
        (takenNetwork.description, "10.104.0.0/24"), ("a555555555555555", "10.200.9.0/24"),
    ].compactMap { id, subnet in
        guard let id = NetworkID(id), let prefix = Prefix(subnet),
            let first = IPAddress(family: .v4, bits: prefix.base.bits + 1)
        else { return nil }
        return NetworkRequest(
            id: id,
            subnets: [.init(prefix: prefix, gateway: InterfaceAddress(address: first, prefixLength: prefix.length))],
            options: directNetworks.contains(id.description) ? NetworkRequest.direct : [:])
    }

    private static let directNetworks = ["a111111111111111", "a222222222222222"]

    static let takenNetwork = NetworkID("a444444444444444") ?? networks[0].id

    /// What is published, and where.
    static let hostPorts: ClosedRange<UInt16> = 8080...8099
    static let hostAddresses = ["127.0.0.1", "192.0.2.7", "::1"].compactMap { IPAddress($0) }

    static func has(_ id: EndpointID) -> Bool { identifiers.contains(id) }
    private static let identifiers = Set(endpoints.map(\.id))

    static let sandboxes = (0..<3).map { "/run/netns/\($0)" }

    /// Two in each of the first four networks.
    static let endpoints: [EndpointRequest] = (0..<8).compactMap { index in
        let network = networks[index % 4]
        guard let id = EndpointID("e\(index)00000000000000"), let subnet = network.subnets.first,
            let address = IPAddress(family: .v4, bits: subnet.prefix.base.bits + 2 + UInt128(index / 4))
        else { return nil }
        return EndpointRequest(
            id: id, network: network.id,
            ipv4: InterfaceAddress(address: address, prefixLength: subnet.prefix.length))
    }
}

extension NetworkRequest {
    /// The options of networks whose links are made in the sandboxes.
    static let direct = ["plugind.attach": "direct"]
}

extension PoolRequest {
    /// What becomes of addresses after their release has a reference model of its own: here they are kept for nobody.
    init(_ space: AddressSpace, _ prefix: Prefix?, subPool: Prefix? = nil, family: AddressFamily) throws {
        let whole = { (prefix: Prefix) in InterfaceAddress(address: prefix.base, prefixLength: prefix.length) }
        try self.init(
            space: space.rawValue, pool: prefix.flatMap(whole), subPool: subPool.flatMap(whole),
            isIPv6: family == .v6, options: ["plugind.sticky": "off"])
    }
}
