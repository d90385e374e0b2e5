// SPDX-License-Identifier: Apache-2.0

public import Addressing

/// Where pools come from that the requester does not name.
public struct DefaultPools: Hashable, Sendable {
    /// A part of the address space that is cut into pools of one size.
    public struct Block: Hashable, Sendable {
        public let base: Prefix
        /// The prefix length of each pool.
        public let poolLength: Int

        /// Fails if a pool would be larger than the block or smaller than an address.
        public init?(base: Prefix, poolLength: Int) {
            guard (base.length...base.family.width).contains(poolLength) else { return nil }
            self.base = base
            self.poolLength = poolLength
        }

        /// A block as the configuration has it, in the engine's own form: `base` is a subnet such as `10.0.0.0/8`, `size`
        /// the prefix length of each pool.
        public init(base text: String, size: Int) throws(DefaultPoolProblem) {
            guard let given = InterfaceAddress(text) else {
                throw DefaultPoolProblem("base ‘\(text)’ is not a subnet such as 10.0.0.0/8 or fd00::/48")
            }
            let base = given.prefix
            guard base.base == given.address else {
                throw DefaultPoolProblem("base \(given) is an address in a subnet, not a subnet; did you mean \(base)?")
            }
            if let reserved = ReservedPrefix.overlapping(base) {
                throw DefaultPoolProblem(
                    "base \(base) cannot be used: \(reserved.prefix) is reserved for \(reserved.purpose)")
            }
            guard let block = Self(base: base, poolLength: size) else {
                let width = base.family.width
                let sizes = base.length < width ? "\(base.length) to \(width)" : "\(width)"
                throw DefaultPoolProblem(
                    "size \(size) does not fit base \(base): it is the prefix length of each pool, \(sizes)")
            }
            self = block
        }
    }

    public var ipv4: [Block]
    /// If nil, a unique local /48 (RFC 4193) is made once for this host and cut into pools of /64.
    public var ipv6: [Block]?

    public init(ipv4: [Block], ipv6: [Block]?) {
        self.ipv4 = ipv4
        self.ipv6 = ipv6
    }

    /// These blocks in their order; where there is none of a family, the standard ones of that family.
    public init(_ blocks: [Block]) {
        let (ipv4, ipv6) = (blocks.filter { $0.base.family == .v4 }, blocks.filter { $0.base.family == .v6 })
        self.init(
            ipv4: ipv4.isEmpty ? Self.standard.ipv4 : ipv4, ipv6: ipv6.isEmpty ? Self.standard.ipv6 : ipv6)
    }

    /// The blocks of the engine's own driver, 172.17.0.0/16 to 172.31.0.0/16 and 192.168.0.0/16, in pools of /24: so they
    /// are enough for 4096 networks, and not for 31.
    public static let standard: DefaultPools = {
        let bases =
            (17...31).compactMap { (second: UInt32) in
                Prefix(base: IPAddress(v4: 172 << 24 | second << 16), length: 16)
            } + [Prefix(base: IPAddress(v4: 192 << 24 | 168 << 16), length: 16)].compactMap(\.self)
        return DefaultPools(ipv4: bases.compactMap { Block(base: $0, poolLength: 24) }, ipv6: nil)
    }()
}

extension DefaultPools.Block {
    /// The lowest pool of `length` that has no address of any of `obstacles`. Nil if there is none, or if a pool would be
    /// larger than the block.
    func firstPool(of length: Int, avoiding obstacles: [AddressSet]) -> Prefix? {
        guard length >= base.length else { return nil }
        var candidate = Prefix(base: base.base, length: length)
        while let pool = candidate {
            // What is in the way is passed over as a whole, be it a thousand pools.
            let inTheWay = obstacles.compactMap { obstacle -> UInt128? in
                guard let range = obstacle.firstRange(reaching: pool.first.bits), range.lowerBound <= pool.last.bits
                else { return nil }
                return range.upperBound
            }
            guard let last = inTheWay.max() else { return pool }
            candidate = self.pool(of: length, after: last)
        }
        return nil
    }

    /// The pool that follows the one that `bits` is in, if it is in the block.
    private func pool(of length: Int, after bits: UInt128) -> Prefix? {
        guard bits < base.last.bits,
            let address = IPAddress(family: base.family, bits: bits),
            let pool = Prefix(containing: address, length: length),
            pool.last < base.last,
            let next = IPAddress(family: base.family, bits: pool.last.bits + 1)
        else { return nil }
        return Prefix(base: next, length: length)
    }
}

/// Why a block of the configuration cannot be used, in words.
public struct DefaultPoolProblem: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
