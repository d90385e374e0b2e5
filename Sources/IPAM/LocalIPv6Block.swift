// SPDX-License-Identifier: Apache-2.0

import Addressing
import Store

/// The /48 that IPv6 pools come from where none are configured: made once per host, at the first need.
struct LocalIPv6Block {
    static let settingKey = "ipam.local-ipv6-block"

    private var random: any RandomNumberGenerator & Sendable
    private var made: Prefix?
    /// False from making it until a change that carries it was stored.
    var isStored: Bool

    init(settings: [String: String], random: any RandomNumberGenerator & Sendable) throws(IPAMError) {
        self.random = random
        isStored = false
        guard let text = settings[Self.settingKey] else { return }
        guard let prefix = Prefix(text), prefix.family == .v6, prefix.length <= 64 else {
            throw .unreadableState("setting \(Self.settingKey) is ‘\(text)’")
        }
        made = prefix
        isStored = true
    }

    /// The block; the same one from the first call on, even if it could not be stored yet.
    mutating func prefix() -> Prefix {
        if let made { return made }
        // RFC 4193 section 3.2: fd, 40 random bits, then what is left to the site.
        let globalID = UInt128(random.next() >> 24)
        guard let prefix = Prefix(base: IPAddress(v6: 0xfd << 120 | globalID << 80), length: 48) else {
            preconditionFailure("the low 80 bits are zero")
        }
        made = prefix
        return prefix
    }

    /// What must be stored along with the first pool that is taken from the block.
    var unstoredChange: Change? {
        guard !isStored, let made else { return nil }
        return .putSetting(key: Self.settingKey, value: made.description)
    }
}
