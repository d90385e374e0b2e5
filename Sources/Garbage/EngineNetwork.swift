// SPDX-License-Identifier: Apache-2.0

import Addressing
import SocketClient

/// A network as the engine's API describes it, as far as it is of use. Absent and null are the same there.
struct EngineNetwork: Decodable {
    /// An entry of the list of networks, which does not say which containers are in each.
    struct Name: Decodable {
        let id: NetworkID

        enum CodingKeys: String, CodingKey {
            case id = "Id"
        }
    }

    struct IPAM: Decodable {
        let pools: [Pool]?

        enum CodingKeys: String, CodingKey {
            case pools = "Config"
        }
    }

    struct Pool: Decodable {
        let subnet: String?
        let gateway: String?
        /// By name, as the user gave them.
        let auxiliary: [String: String]?

        enum CodingKeys: String, CodingKey {
            case subnet = "Subnet"
            case gateway = "Gateway"
            case auxiliary = "AuxiliaryAddresses"
        }
    }

    struct Endpoint: Decodable {
        let id: EndpointID
        let ipv4: String?
        let ipv6: String?

        enum CodingKeys: String, CodingKey {
            case id = "EndpointID"
            case ipv4 = "IPv4Address"
            case ipv6 = "IPv6Address"
        }
    }

    let id: NetworkID
    let ipam: IPAM?
    /// By container; one that is in no sandbox yet or any more is called `ep-` and its own id.
    let endpoints: [String: Endpoint]?

    enum CodingKeys: String, CodingKey {
        case id = "Id"
        case ipam = "IPAM"
        case endpoints = "Containers"
    }
}

extension EngineView {
    /// Fails on an address that cannot be read: it could be one of ours.
    mutating func add(_ network: EngineNetwork) throws {
        networks.insert(network.id)
        for pool in network.ipam?.pools ?? [] {
            // The engine keeps a subnet as the user wrote it: an address in it will do. That of the null IPAM is 0.0.0.0/0,
            // which says nothing.
            if let subnet = try value(pool.subnet, of: network.id, InterfaceAddress.init), subnet.prefixLength > 0 {
                subnets.insert(subnet.prefix)
            }
            for text in [pool.gateway] + (pool.auxiliary ?? [:]).values.map(Optional.some) {
                if let address = try value(text, of: network.id, IPAddress.init(withOrWithoutLength:)) {
                    addresses.insert(address)
                }
            }
        }
        for endpoint in (network.endpoints ?? [:]).values {
            endpoints.insert(endpoint.id)
            for text in [endpoint.ipv4, endpoint.ipv6] {
                if let address = try value(text, of: network.id, IPAddress.init(withOrWithoutLength:)) {
                    addresses.insert(address)
                }
            }
        }
    }

    private func value<Value>(_ text: String?, of network: NetworkID, _ parse: (String) -> Value?) throws -> Value? {
        guard let text, !text.isEmpty else { return nil }
        guard let value = parse(text) else {
            throw SocketClientError.unusable("network \(network.short) has ‘\(text)’, which is no address")
        }
        return value
    }
}

extension IPAddress {
    /// The API writes addresses with the length of their prefix and without, depending on the field and the version.
    fileprivate init?(withOrWithoutLength text: String) {
        guard let address = IPAddress(text) ?? InterfaceAddress(text)?.address else { return nil }
        self = address
    }
}
