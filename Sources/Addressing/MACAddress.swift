// SPDX-License-Identifier: Apache-2.0

/// A 48-bit link address, written `02:11:22:33:44:55`.
public struct MACAddress: Hashable, Sendable {
    /// The address as a number, in the low 48 bits.
    private let bits: UInt64

    private init(bits: UInt64) {
        self.bits = bits
    }

    /// Takes 6 bytes in the order they are sent.
    public init?(bytes: [UInt8]) {
        guard bytes.count == 6 else { return nil }
        self.init(bits: bytes.reduce(0) { $0 << 8 | UInt64($1) })
    }

    /// 6 bytes in the order they are sent.
    public var bytes: [UInt8] {
        [40, 32, 24, 16, 8, 0].map { UInt8(truncatingIfNeeded: bits >> $0) }
    }

    /// True for group addresses, broadcast among them: a link cannot have one.
    public var isMulticast: Bool { bits >> 40 & 1 != 0 }

    /// True if no manufacturer assigned the address.
    public var isLocallyAdministered: Bool { bits >> 40 & 2 != 0 }

    /// A unicast, locally administered address.
    public static func random(using generator: inout some RandomNumberGenerator) -> MACAddress {
        let bits = UInt64.random(in: 0..<1 << 48, using: &generator)
        return MACAddress(bits: bits & ~(1 << 40) | 2 << 40)
    }
}

extension MACAddress: Comparable {
    public static func < (lhs: MACAddress, rhs: MACAddress) -> Bool { lhs.bits < rhs.bits }
}

extension MACAddress: StringCodable {
    /// Accepts six pairs of hexadecimal digits of either case with colons between.
    public init?(_ description: String) {
        var rest = description.utf8[...]
        var bits: UInt64 = 0
        for position in 0..<6 {
            guard position == 0 || rest.pop(UInt8(ascii: ":")), let byte = rest.popHexByte() else { return nil }
            bits = bits << 8 | UInt64(byte)
        }
        guard rest.isEmpty else { return nil }
        self.init(bits: bits)
    }

    /// Lower case.
    public var description: String {
        String(unsafeUninitializedCapacity: 17) { text in
            for position in 0..<17 {
                let digit = Int(truncatingIfNeeded: bits >> (44 - 4 * (position - position / 3))) & 15
                text[position] = position % 3 == 2 ? UInt8(ascii: ":") : Self.digits[digit]
            }
            return 17
        }
    }

    private static let digits = Array("0123456789abcdef".utf8)
}
