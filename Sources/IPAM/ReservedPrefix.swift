// SPDX-License-Identifier: Apache-2.0

import Addressing

/// Addresses that no link can have, or that mean something else.
struct ReservedPrefix {
    let prefix: Prefix
    let purpose: String

    /// The first that has an address of `prefix`.
    static func overlapping(_ prefix: Prefix) -> ReservedPrefix? {
        all.first { $0.prefix.overlaps(prefix) }
    }

    private static let all: [ReservedPrefix] = [
        ("0.0.0.0/8", "hosts that have no address yet"),
        ("127.0.0.0/8", "loopback"),
        ("224.0.0.0/4", "multicast"),
        ("::/128", "hosts that have no address yet"),
        ("::1/128", "loopback"),
        ("::ffff:0.0.0.0/96", "IPv4 addresses in IPv6 form"),
        ("ff00::/8", "multicast"),
    ].compactMap { text, purpose in Prefix(text).map { ReservedPrefix(prefix: $0, purpose: purpose) } }
}
