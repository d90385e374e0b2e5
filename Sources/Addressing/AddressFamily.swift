// SPDX-License-Identifier: Apache-2.0

/// IPv4 or IPv6.
public enum AddressFamily: String, Hashable, Sendable, Codable, CustomStringConvertible {
    case v4, v6

    /// Bits in an address.
    public var width: Int {
        switch self {
        case .v4: 32
        case .v6: 128
        }
    }

    /// `IPv4` or `IPv6`, for sentences.
    public var description: String {
        switch self {
        case .v4: "IPv4"
        case .v6: "IPv6"
        }
    }

    /// The bits of the host part under a prefix of `length`, which is at most `width`.
    func hostMask(prefixLength length: Int) -> UInt128 {
        // A shift by 128 gives 0, so /0 of IPv6 needs no case of its own.
        (1 << UInt128(width - length)) &- 1
    }
}
