// SPDX-License-Identifier: Apache-2.0

import Addressing
import IPAM

/// An identity in JSON is one field of the object that it belongs to: `name`, a container's, or `mac`.
enum IdentityField: String, CodingKey {
    case name
    case mac
}

extension Identity {
    init(fieldsOf decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: IdentityField.self)
        let name = try container.decodeIfPresent(String.self, forKey: .name)
        let mac = try container.decodeIfPresent(MACAddress.self, forKey: .mac)
        switch (name, mac) {
        case (let name?, nil):
            guard let identity = Identity(name), case .name = identity else {
                throw DecodingError.dataCorruptedError(
                    forKey: .name, in: container, debugDescription: "‘\(name)’ is not a container's name")
            }
            self = identity
        case (nil, let mac?):
            guard let identity = Identity(mac.description) else {
                throw DecodingError.dataCorruptedError(
                    forKey: .mac, in: container, debugDescription: "no link can have \(mac)")
            }
            self = identity
        default:
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "expected one of the fields name and mac"))
        }
    }

    func encodeFields(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: IdentityField.self)
        switch self {
        case .name(let name): try container.encode(name, forKey: .name)
        case .mac(let mac): try container.encode(mac, forKey: .mac)
        }
    }
}
