// SPDX-License-Identifier: Apache-2.0

/// A block of addresses, such as `10.0.0.0/24`. Its host bits are zero.
public struct Prefix: Hashable, Sendable {
    /// The first address.
    public let base: IPAddress
    public let length: Int

    /// Fails if host bits are set or `length` is out of range.
    public init?(base: IPAddress, length: Int) {
        guard let prefix = Prefix(containing: base, length: length), prefix.base == base else { return nil }
        self = prefix
    }

    /// The block of `length` that `address` is in. Fails if `length` is out of range.
    public init?(containing address: IPAddress, length: Int) {
        let family = address.family
        guard (0...family.width).contains(length) else { return nil }
        let bits = address.bits & ~family.hostMask(prefixLength: length)
        self.base = IPAddress(family: family, checkedBits: bits)
        self.length = length
    }

    public var family: AddressFamily { base.family }

    /// The bits of the host part; the number of addresses less one, which unlike their number always fits.
    public var hostMask: UInt128 { family.hostMask(prefixLength: length) }

    public var first: IPAddress { base }
    public var last: IPAddress { IPAddress(family: family, checkedBits: base.bits | hostMask) }

    public func contains(_ address: IPAddress) -> Bool {
        family == address.family && address.bits & ~hostMask == base.bits
    }

    /// True for the block itself, too.
    public func contains(_ other: Prefix) -> Bool {
        length <= other.length && contains(other.base)
    }

    public func overlaps(_ other: Prefix) -> Bool {
        contains(other) || other.contains(self)
    }
}

extension Prefix: Comparable {
    /// By base; of two with one base the larger block comes first.
    public static func < (lhs: Prefix, rhs: Prefix) -> Bool {
        lhs.base == rhs.base ? lhs.length < rhs.length : lhs.base < rhs.base
    }
}

extension Prefix: StringCodable {
    public init?(_ description: String) {
        guard let address = InterfaceAddress(description) else { return nil }
        self.init(base: address.address, length: address.prefixLength)
    }

    public var description: String { "\(base)/\(length)" }
}
