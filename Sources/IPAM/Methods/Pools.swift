// SPDX-License-Identifier: Apache-2.0

import Addressing
import PluginKit

/// A network is being created and needs a pool, one request per subnet.
struct RequestPool: PluginMethod, Codable, Hashable {
    static let name = "IpamDriver.RequestPool"

    var addressSpace: String
    /// `--subnet`, as the user wrote it: host bits may be set, and `0.0.0.0/27` or `::/64` stands for any of that size.
    var pool: InterfaceAddress?
    /// `--ip-range`.
    var subPool: InterfaceAddress?
    /// `--ipam-opt`.
    var options: [String: String]
    var isIPv6: Bool

    enum CodingKeys: String, CodingKey {
        case addressSpace = "AddressSpace"
        case pool = "Pool"
        case subPool = "SubPool"
        case options = "Options"
        case isIPv6 = "V6"
    }

    struct Reply: Codable, Hashable, Sendable {
        var poolID: PoolID
        var pool: Prefix
        /// May name a gateway, which plugind leaves to the request for one.
        var data: [String: String] = [:]

        enum CodingKeys: String, CodingKey {
            case poolID = "PoolID"
            case pool = "Pool"
            case data = "Data"
        }
    }
}

extension RequestPool {
    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        addressSpace = try container.decode(String.self, forKey: .addressSpace)
        pool = try container.decodeTextIfPresent(InterfaceAddress.self, forKey: .pool)
        subPool = try container.decodeTextIfPresent(InterfaceAddress.self, forKey: .subPool)
        options = try container.decodeOptions(forKey: .options)
        isIPv6 = try container.decodeIfPresent(Bool.self, forKey: .isIPv6) ?? false
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(addressSpace, forKey: .addressSpace)
        try container.encodeOrEmpty(pool, forKey: .pool)
        try container.encodeOrEmpty(subPool, forKey: .subPool)
        try container.encode(options, forKey: .options)
        try container.encode(isIPv6, forKey: .isIPv6)
    }
}

extension RequestPool.Reply {
    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        poolID = try container.decode(PoolID.self, forKey: .poolID)
        pool = try container.decode(Prefix.self, forKey: .pool)
        data = try container.decodeOptions(forKey: .data)
    }
}

/// A network is gone, or its creation failed; the addresses in the pool go with it.
struct ReleasePool: PluginMethod, Codable, Hashable {
    static let name = "IpamDriver.ReleasePool"
    typealias Reply = EmptyReply

    var poolID: PoolID

    enum CodingKeys: String, CodingKey {
        case poolID = "PoolID"
    }
}
