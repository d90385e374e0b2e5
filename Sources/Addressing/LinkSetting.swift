// SPDX-License-Identifier: Apache-2.0

/// A sysctl of one link, whatever it is called: `net.ipv4.conf.IFNAME.log_martians=1`.
///
/// The form is that of the engine's endpoint option `com.docker.network.endpoint.sysctls`; its client writes all of an
/// option in small letters at times.
public struct LinkSetting: Hashable, Sendable {
    /// `ipv4`, `ipv6` or `mpls`.
    public let family: String
    /// `conf` or `neigh`.
    public let table: String
    public let key: String
    public let value: String

    /// Where it is below /proc/sys: `net/ipv4/conf/eth0/log_martians`.
    public func path(of link: InterfaceName) -> String { "net/\(family)/\(table)/\(link)/\(key)" }
}

extension LinkSetting: StringCodable {
    public init?(_ description: String) {
        let sides = description.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let parts = sides[0].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard sides.count == 2, !sides[1].isEmpty, parts.count == 5, parts[0] == "net",
            parts[3].uppercased() == "IFNAME",
            ["ipv4", "ipv6", "mpls"].contains(parts[1]), ["conf", "neigh"].contains(parts[2]),
            !parts[4].isEmpty, parts[4].utf8.allSatisfy({ $0 == 0x5f || $0.isAlphanumeric }),
            sides[1].utf8.allSatisfy({ (0x20...0x7e).contains($0) })
        else { return nil }
        self.init(family: parts[1], table: parts[2], key: parts[4], value: String(sides[1]))
    }

    public var description: String { "net.\(family).\(table).IFNAME.\(key)=\(value)" }
}

extension UInt8 {
    fileprivate var isAlphanumeric: Bool {
        (0x30...0x39).contains(self) || (0x41...0x5a).contains(self) || (0x61...0x7a).contains(self)
    }
}
