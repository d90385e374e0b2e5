// SPDX-License-Identifier: Apache-2.0

import Addressing
import Glibc

/// The host's address in a datagram, as the kernel tells it and takes it: `in_pktinfo` and `in6_pktinfo` of ip(7) and
/// ipv6(7), in a control message, whose layout C has only as macros (cmsg(3)).
struct PacketInfo {
    /// Unspecified leaves the choice to the kernel.
    var address: IPAddress
    /// The link of a link-local address; otherwise 0, which stands for any.
    var link: UInt32

    /// Enough for either family.
    static let room = size(.v6)

    private static let header = aligned(MemoryLayout<cmsghdr>.size)

    /// Of the whole control message.
    static func size(_ family: AddressFamily) -> Int {
        header + aligned(dataSize(family))
    }

    init(address: IPAddress, link: UInt32) {
        self.address = address
        self.link = link
    }

    /// Finds it in what `recvmsg` wrote.
    init?(_ control: UnsafeRawBufferPointer) {
        var rest = control[...]
        while rest.count >= Self.header {
            let message = UnsafeRawBufferPointer(rebasing: rest)
            let header = message.loadUnaligned(as: cmsghdr.self)
            guard header.cmsg_len >= Self.header, header.cmsg_len <= message.count else { return nil }
            let data = UnsafeRawBufferPointer(rebasing: message[Self.header..<Int(header.cmsg_len)])
            switch (header.cmsg_level, header.cmsg_type) {
            case (CInt(IPPROTO_IP), IP_PKTINFO) where data.count >= Self.dataSize(.v4):
                // ipi_spec_dst: unlike ipi_addr it is an address of the host also if the datagram was a broadcast.
                let bits = UInt32(bigEndian: data.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
                self.init(address: IPAddress(v4: bits), link: 0)
                return
            case (CInt(IPPROTO_IPV6), IPV6_PKTINFO) where data.count >= Self.dataSize(.v6):
                let address = IPAddress(v6: UInt128(bigEndian: data.loadUnaligned(as: UInt128.self)))
                let link = data.loadUnaligned(fromByteOffset: 16, as: UInt32.self)
                self.init(
                    address: address.isMulticast ? IPAddress(v6: 0) : address, link: address.isLinkLocal ? link : 0)
                return
            default:
                rest = rest.dropFirst(Self.aligned(Int(header.cmsg_len)))
            }
        }
        return nil
    }

    /// Writes it as one control message, to zeroed memory of its size.
    func write(to memory: UnsafeMutableRawPointer) {
        let family = address.family
        var header = cmsghdr()
        header.cmsg_len = Self.header + Self.dataSize(family)
        header.cmsg_level = CInt(family == .v4 ? IPPROTO_IP : IPPROTO_IPV6)
        header.cmsg_type = family == .v4 ? IP_PKTINFO : IPV6_PKTINFO
        memory.storeBytes(of: header, as: cmsghdr.self)
        let data = memory + Self.header
        switch family {
        case .v4:
            data.storeBytes(
                of: UInt32(truncatingIfNeeded: address.bits).bigEndian, toByteOffset: 4, as: UInt32.self)
        case .v6:
            data.storeBytes(of: address.bits.bigEndian, as: UInt128.self)
            data.storeBytes(of: link, toByteOffset: 16, as: UInt32.self)
        }
    }

    /// `in_pktinfo` is a link, the address to answer from and the address in the header; `in6_pktinfo` an address and
    /// a link.
    private static func dataSize(_ family: AddressFamily) -> Int {
        switch family {
        case .v4: 12
        case .v6: 20
        }
    }

    private static func aligned(_ size: Int) -> Int {
        let alignment = MemoryLayout<Int>.size
        return (size + alignment - 1) / alignment * alignment
    }
}

extension IPAddress {
    /// In fe80::/10.
    fileprivate var isLinkLocal: Bool { family == .v6 && bits >> 118 == 0x3fa }
}
