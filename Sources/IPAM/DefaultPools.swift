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

        /// How many pools there are in the block. Saturates where the number does not fit.
        var poolCount: UInt128 {
            let bits = poolLength - base.length
            return bits < 128 ? 1 << UInt128(bits) : .max
        }

        /// The lowest pool that no address of `taken` is in.
        func firstPool(avoiding taken: AddressSet) -> Prefix? {
            var candidate = Prefix(base: base.base, length: poolLength)
            while let pool = candidate {
                guard let obstacle = taken.firstRange(reaching: pool.first.bits),
                    obstacle.lowerBound <= pool.last.bits
                else { return pool }
                candidate = self.pool(after: obstacle.upperBound)
            }
            return nil
        }

        /// The pool that follows the one that `bits` is in, if it is in the block.
        private func pool(after bits: UInt128) -> Prefix? {
            guard bits < base.last.bits,
                let address = IPAddress(family: base.family, bits: bits),
                let pool = Prefix(containing: address, length: poolLength),
                pool.last < base.last,
                let next = IPAddress(family: base.family, bits: pool.last.bits + 1)
            else { return nil }
            return Prefix(base: next, length: poolLength)
        }
    }

    public var ipv4: [Block]
    /// If nil, a unique local /48 (RFC 4193) is made once for this host and cut into pools of /64.
    public var ipv6: [Block]?

    public init(ipv4: [Block], ipv6: [Block]?) {
        self.ipv4 = ipv4
        self.ipv6 = ipv6
    }

    /// What the engine's own driver uses: 172.17.0.0/16 to 172.31.0.0/16, then 192.168.0.0/16 in pools of /20.
    public static let standard: DefaultPools = {
        let large = (17...31).compactMap { (second: UInt32) in
            Prefix(base: IPAddress(v4: 172 << 24 | second << 16), length: 16)
        }
        let small = Prefix(base: IPAddress(v4: 192 << 24 | 168 << 16), length: 16)
        return DefaultPools(
            ipv4: large.compactMap { Block(base: $0, poolLength: 16) }
                + [small].compactMap { $0.flatMap { Block(base: $0, poolLength: 20) } },
            ipv6: nil)
    }()
}
