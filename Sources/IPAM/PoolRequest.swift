// SPDX-License-Identifier: Apache-2.0

public import Addressing

/// A wish for a pool that makes sense in itself; whether it can be granted depends on the pools there are.
public struct PoolRequest: Hashable, Sendable {
    public let space: AddressSpace
    public let family: AddressFamily
    /// Nil leaves the choice to plugind.
    public let prefix: Prefix?
    /// The part of the pool that addresses are chosen from.
    public let subPool: Prefix?
    /// The user's `--ipam-opt` and what the engine adds.
    public let options: [String: String]

    public init(
        space: String, pool: InterfaceAddress?, subPool: InterfaceAddress?, isIPv6: Bool, options: [String: String]
    ) throws(IPAMError) {
        guard let known = AddressSpace(rawValue: space) else { throw .unknownSpace(space) }
        for key in options.keys.sorted() where key.hasPrefix("plugind.") { throw .unknownOption(key) }

        self.space = known
        self.options = options
        let family: AddressFamily = isIPv6 ? .v6 : .v4
        guard let pool else {
            if let subPool { throw .subPoolWithoutPool(subPool) }
            self.family = family
            self.prefix = nil
            self.subPool = nil
            return
        }
        let prefix = try Self.prefix(pool)
        // A swarm manager sets the flag for no pool, IPv6 or not, so in its space a missing flag says nothing.
        guard prefix.family == family || (known == .global && !isIPv6) else {
            throw .wrongFamily(prefix, wanted: family)
        }
        if let reserved = ReservedPrefix.all.first(where: { $0.prefix.overlaps(prefix) }) {
            throw .reserved(prefix, by: reserved.prefix, for: reserved.purpose)
        }
        self.family = prefix.family
        self.prefix = prefix
        self.subPool = try subPool.map { (subPool) throws(IPAMError) in
            let subPool = try Self.prefix(subPool)
            guard prefix.contains(subPool) else { throw .subPoolOutside(subPool, pool: prefix) }
            guard Pool.window(of: prefix, subPool: subPool) != nil else {
                throw .subPoolUnusable(subPool, pool: prefix)
            }
            return subPool
        }
    }

    private static func prefix(_ text: InterfaceAddress) throws(IPAMError) -> Prefix {
        guard text.address == text.prefix.base else { throw .hostBitsSet(text) }
        return text.prefix
    }
}

/// Addresses that no link can have, or that mean something else.
private struct ReservedPrefix {
    let prefix: Prefix
    let purpose: String

    static let all: [ReservedPrefix] = [
        ("0.0.0.0/8", "hosts that have no address yet"),
        ("127.0.0.0/8", "loopback"),
        ("224.0.0.0/4", "multicast"),
        ("::/128", "hosts that have no address yet"),
        ("::1/128", "loopback"),
        ("::ffff:0.0.0.0/96", "IPv4 addresses in IPv6 form"),
        ("ff00::/8", "multicast"),
    ].compactMap { text, purpose in Prefix(text).map { ReservedPrefix(prefix: $0, purpose: purpose) } }
}
