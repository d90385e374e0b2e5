// SPDX-License-Identifier: Apache-2.0

public import Addressing

/// A part of the address space that the host uses: an address of one of its links, or a route.
public struct OccupiedPrefix: Hashable, Sendable {
    public var prefix: Prefix
    /// In words: `address 10.0.0.1/24 of eth0`, `route 10.0.0.0/8 via tun0`.
    public var what: String
    /// The address itself, if it is one of a link.
    public var address: IPAddress?
    public var link: String?
    /// False for a route that leads over a gateway.
    public var isOnLink: Bool

    public init(
        prefix: Prefix, what: String, address: IPAddress? = nil, link: String? = nil, isOnLink: Bool = false
    ) {
        self.prefix = prefix
        self.what = what
        self.address = address
        self.link = link
        self.isOnLink = isOnLink
    }

    /// An address of a link. Nil for loopback and link-local ones: every host has them, and no pool is in the way.
    public init?(_ address: InterfaceAddress, of link: String) {
        guard !address.address.isLoopback, !Self.isLinkLocal(address.prefix) else { return nil }
        self.init(
            prefix: address.prefix, what: "address \(address) of \(link)", address: address.address, link: link,
            isOnLink: true)
    }

    /// A route of any table; `table` is nil for the main one. Nil for default routes, for their halves, by which a VPN
    /// takes the default route (0.0.0.0/1 and 128.0.0.0/1, ::/1 and 8000::/1), and for link-local ones.
    public init?(routeTo destination: Prefix, gateway: IPAddress?, link: String?, table: UInt32?) {
        guard destination.length > 1, !Self.isLinkLocal(destination) else { return nil }
        let way = [gateway?.description, link].compactMap(\.self).joined(separator: " on ")
        self.init(
            prefix: destination,
            what: "route \(destination)" + (way.isEmpty ? "" : " via \(way)") + (table.map { " in table \($0)" } ?? ""),
            link: link, isOnLink: gateway == nil && link != nil)
    }

    /// In fe80::/10 (RFC 4291 section 2.5.6).
    private static func isLinkLocal(_ prefix: Prefix) -> Bool {
        prefix.family == .v6 && prefix.length >= 10 && prefix.base.bits >> 118 == 0x3fa
    }
}
