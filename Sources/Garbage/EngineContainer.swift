// SPDX-License-Identifier: Apache-2.0

import Addressing
import SocketClient

/// A container as the engine's list of containers describes it, as far as it is of use. Absent and null are the same there.
struct EngineContainer: Decodable {
    struct Settings: Decodable {
        let networks: [String: Attachment]?

        enum CodingKeys: String, CodingKey {
            case networks = "Networks"
        }
    }

    /// What the user asked for on one network, and what became of it.
    struct Attachment: Decodable {
        let wish: Wish?
        let endpoint: String?

        enum CodingKeys: String, CodingKey {
            case wish = "IPAMConfig"
            case endpoint = "EndpointID"
        }
    }

    struct Wish: Decodable {
        let ipv4: String?
        let ipv6: String?

        enum CodingKeys: String, CodingKey {
            case ipv4 = "IPv4Address"
            case ipv6 = "IPv6Address"
        }
    }

    let id: String
    let names: [String]?
    let settings: Settings?

    enum CodingKeys: String, CodingKey {
        case id = "Id"
        case names = "Names"
        case settings = "NetworkSettings"
    }

    /// Without the slash that the API puts before it. Those with another slash are links' names for it
    /// (`docker run --link`).
    var name: String? {
        names?.lazy.map { $0.drop { $0 == "/" } }.first { !$0.contains("/") }.map(String.init)
    }

    /// One that does not run has an empty id in the place of each.
    var endpoints: [EndpointID] {
        (settings?.networks ?? [:]).values.compactMap { $0.endpoint.flatMap { EndpointID($0) } }
    }

    /// The addresses that it asks for by number. Fails on one that cannot be read: it could be one of ours.
    var fixedAddresses: [FixedAddress] {
        get throws {
            let wishes = (settings?.networks ?? [:]).values.compactMap(\.wish)
            let texts = wishes.flatMap { [$0.ipv4, $0.ipv6] }.compactMap(\.self).filter { !$0.isEmpty }
            return try texts.map { text in
                guard let address = IPAddress(text) else {
                    throw SocketClientError.unusable(
                        "container \(id.prefix(12)) asks for ‘\(text)’, which is no address")
                }
                return FixedAddress(address: address, name: name)
            }
        }
    }
}
