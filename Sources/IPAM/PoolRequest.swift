// SPDX-License-Identifier: Apache-2.0

public import Addressing

/// A wish for a pool that makes sense in itself; whether it can be granted depends on the pools there are.
public struct PoolRequest: Hashable, Sendable {
    public let space: AddressSpace
    public let family: AddressFamily
    /// Nil leaves the choice to plugind.
    public let prefix: Prefix?
    /// The prefix length that a chosen pool is to have, from a request such as `0.0.0.0/27` or `::/64`. Nil leaves that
    /// to plugind, too.
    public let size: Int?
    /// The part of the pool that addresses are chosen from.
    public let subPool: Prefix?
    /// The user's `--ipam-opt` and what the engine adds.
    public let options: [String: String]
    /// Those of `options` that are plugind's; what they do not say is for the granting to say. Checked against the pool if
    /// that is named.
    public let poolOptions: PoolOptions

    public init(
        space: String, pool: InterfaceAddress?, subPool: InterfaceAddress?, isIPv6: Bool, options: [String: String]
    ) throws(IPAMError) {
        guard let known = AddressSpace(rawValue: space) else { throw .unknownSpace(space) }
        self.space = known
        self.options = options

        let family: AddressFamily = isIPv6 ? .v6 : .v4
        let wanted = try pool.map { (pool) throws(IPAMError) in try Self.prefix(pool) }
        // A swarm manager sets the flag for no pool, IPv6 or not, so in its space a missing flag says nothing.
        if let wanted, wanted.family != family, known != .global || isIPv6 {
            throw .wrongFamily(wanted, wanted: family)
        }
        self.family = wanted?.family ?? family
        self.poolOptions = try PoolOptions(options, family: self.family, defaults: PoolOptions())

        guard let wanted, !Self.isSize(wanted) else {
            if let subPool { throw .subPoolWithoutPool(subPool) }
            self.prefix = nil
            self.size = wanted?.length
            self.subPool = nil
            return
        }
        if let reserved = ReservedPrefix.overlapping(wanted) {
            throw .reserved(wanted, by: reserved.prefix, for: reserved.purpose)
        }
        self.prefix = wanted
        self.size = nil
        self.subPool = try subPool.map { (subPool) throws(IPAMError) in
            let subPool = try Self.prefix(subPool)
            guard wanted.contains(subPool) else { throw .subPoolOutside(subPool, pool: wanted) }
            guard Pool.window(of: wanted, subPool: subPool) != nil else {
                throw .subPoolUnusable(subPool, pool: wanted)
            }
            return subPool
        }
        try poolOptions.check(against: wanted, subPool: self.subPool)
    }

    private static func prefix(_ text: InterfaceAddress) throws(IPAMError) -> Prefix {
        guard text.address == text.prefix.base else { throw .hostBitsSet(text) }
        return text.prefix
    }

    /// The unspecified address is no network's, so a prefix of it means its length alone. The whole address space is no
    /// size.
    private static func isSize(_ prefix: Prefix) -> Bool {
        prefix.base.isUnspecified && prefix.length > 0
    }
}
