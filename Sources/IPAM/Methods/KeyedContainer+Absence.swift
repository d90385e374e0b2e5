// SPDX-License-Identifier: Apache-2.0

import Addressing

/// The protocol writes "" for what is absent; older and newer engines also send null or leave the field out.
extension KeyedDecodingContainer {
    func decodeOptions(forKey key: Key) throws -> [String: String] {
        try decodeIfPresent([String: String].self, forKey: key) ?? [:]
    }
}

extension KeyedEncodingContainer {
    mutating func encodeOrEmpty(_ value: (some StringCodable)?, forKey key: Key) throws {
        try encode(value?.description ?? "", forKey: key)
    }
}
