// SPDX-License-Identifier: Apache-2.0

import Addressing
import PluginKit

/// A network needs its gateway or an auxiliary address, or an endpoint needs an address.
struct RequestAddress: PluginMethod, Codable, Hashable {
    static let name = "IpamDriver.RequestAddress"

    var poolID: PoolID
    /// `--gateway`, `--aux-address`, `--ip` or `--ip6`.
    var address: IPAddress?
    var options: [String: String]

    enum CodingKeys: String, CodingKey {
        case poolID = "PoolID"
        case address = "Address"
        case options = "Options"
    }

    struct Reply: Codable, Hashable, Sendable {
        /// With the pool's prefix length: it becomes the netmask.
        var address: InterfaceAddress
        /// The engine does not look at it.
        var data: [String: String] = [:]

        enum CodingKeys: String, CodingKey {
            case address = "Address"
            case data = "Data"
        }
    }
}

extension RequestAddress {
    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        poolID = try container.decode(PoolID.self, forKey: .poolID)
        address = try container.decodeTextIfPresent(IPAddress.self, forKey: .address)
        options = try container.decodeOptions(forKey: .options)
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(poolID, forKey: .poolID)
        try container.encodeOrEmpty(address, forKey: .address)
        try container.encode(options, forKey: .options)
    }
}

extension RequestAddress.Reply {
    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        address = try container.decode(InterfaceAddress.self, forKey: .address)
        data = try container.decodeOptions(forKey: .data)
    }
}

/// An endpoint or a network is gone, or its creation failed.
struct ReleaseAddress: PluginMethod, Codable, Hashable {
    static let name = "IpamDriver.ReleaseAddress"
    typealias Reply = EmptyReply

    var poolID: PoolID
    var address: IPAddress

    enum CodingKeys: String, CodingKey {
        case poolID = "PoolID"
        case address = "Address"
    }
}
