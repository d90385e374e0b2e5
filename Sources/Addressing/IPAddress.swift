// SPDX-License-Identifier: Apache-2.0

/// An IPv4 or IPv6 address. Every IPv4 address sorts before every IPv6 address.
public struct IPAddress: Hashable, Sendable {
    public let family: AddressFamily
    /// The address as a number; IPv4 uses the low 32 bits.
    public let bits: UInt128

    public init(v4 bits: UInt32) {
        self.family = .v4
        self.bits = UInt128(bits)
    }

    public init(v6 bits: UInt128) {
        self.family = .v6
        self.bits = bits
    }

    /// Fails if `bits` has more bits than an address of the family.
    public init?(family: AddressFamily, bits: UInt128) {
        guard bits <= family.hostMask(prefixLength: 0) else { return nil }
        self.init(family: family, checkedBits: bits)
    }

    /// For bits that come from an address of the same family.
    init(family: AddressFamily, checkedBits bits: UInt128) {
        self.family = family
        self.bits = bits
    }

    /// Takes 4 or 16 bytes in network order.
    public init?(bytes: [UInt8]) {
        let family: AddressFamily
        switch bytes.count {
        case 4: family = .v4
        case 16: family = .v6
        default: return nil
        }
        self.init(family: family, checkedBits: bytes.reduce(0) { $0 << 8 | UInt128($1) })
    }

    /// 4 or 16 bytes in network order.
    public var bytes: [UInt8] {
        stride(from: family.width - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: bits >> UInt128($0)) }
    }

    /// In 127.0.0.0/8, or ::1.
    public var isLoopback: Bool {
        switch family {
        case .v4: bits >> 24 == 127
        case .v6: bits == 1
        }
    }

    /// In 224.0.0.0/4 or ff00::/8.
    public var isMulticast: Bool {
        switch family {
        case .v4: bits >> 28 == 0xe
        case .v6: bits >> 120 == 0xff
        }
    }

    /// 0.0.0.0 or ::.
    public var isUnspecified: Bool { bits == 0 }
}

extension IPAddress: Comparable {
    public static func < (lhs: IPAddress, rhs: IPAddress) -> Bool {
        lhs.family == rhs.family ? lhs.bits < rhs.bits : lhs.family == .v4
    }
}
