// SPDX-License-Identifier: Apache-2.0

/// The protocols whose ports can be published, by their IP protocol number.
public enum TransportProtocol: UInt8, Codable, Hashable, Sendable, CustomStringConvertible {
    case icmp = 1
    case tcp = 6
    case udp = 17
    case sctp = 132

    /// As in `-p 80:80/tcp`.
    public var description: String {
        switch self {
        case .icmp: "icmp"
        case .tcp: "tcp"
        case .udp: "udp"
        case .sctp: "sctp"
        }
    }
}

extension TransportProtocol: Comparable {
    public static func < (lhs: TransportProtocol, rhs: TransportProtocol) -> Bool { lhs.rawValue < rhs.rawValue }
}
