// SPDX-License-Identifier: Apache-2.0

import Addressing
import Glibc
import NIOCore

/// One end of a connection: an address and a port, which is what the kernel calls a socket's name.
struct SocketName: Hashable, Sendable {
    var address: IPAddress
    var port: UInt16
    /// The link that a link-local IPv6 address is on; otherwise 0.
    var scope: UInt32 = 0

    init(_ address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }

    /// Reads what the kernel wrote; nil if it is not of IPv4 or IPv6.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.size(.v4) else { return nil }
        switch CInt(bytes.loadUnaligned(as: sa_family_t.self)) {
        case AF_INET:
            address = IPAddress(v4: UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
        case AF_INET6 where bytes.count >= Self.size(.v6):
            address = IPAddress(v6: UInt128(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt128.self)))
            scope = bytes.loadUnaligned(fromByteOffset: 24, as: UInt32.self)
        default: return nil
        }
        port = UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
    }

    /// The name of a bound socket; nil, with errno, if the kernel refuses.
    init?(of socket: borrowing Descriptor) {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let name = withUnsafeMutableBytes(of: &storage) { bytes -> SocketName? in
            let result = bytes.withMemoryRebound(to: sockaddr.self) {
                getsockname(socket.number, $0.baseAddress, &size)
            }
            return result == 0 ? SocketName(UnsafeRawBufferPointer(bytes)) : nil
        }
        guard let name else { return nil }
        self = name
    }

    init?(_ address: NIOCore.SocketAddress?) {
        guard let address else { return nil }
        let name = address.withSockAddr { SocketName(UnsafeRawBufferPointer(start: $0, count: $1)) }
        guard let name else { return nil }
        self = name
    }

    /// The same for an event loop, which needs no scope here.
    func socketAddress() throws -> NIOCore.SocketAddress {
        try NIOCore.SocketAddress(packedIPAddress: ByteBuffer(bytes: address.bytes), port: Int(port))
    }

    /// Calls `body` with what `bind`, `connect` and `sendmsg` take.
    ///
    /// `sockaddr_in` is family, port, address; `sockaddr_in6` is family, port, flow, address, scope. They are written by
    /// hand, because their C types come to Swift by a module of the event loop's that is not to be imported.
    func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        var name: (UInt128, UInt128) = (0, 0)
        return withUnsafeMutableBytes(of: &name) { bytes in
            bytes.storeBytes(of: sa_family_t(address.family.number), as: sa_family_t.self)
            bytes.storeBytes(of: port.bigEndian, toByteOffset: 2, as: UInt16.self)
            switch address.family {
            case .v4:
                let bits = UInt32(truncatingIfNeeded: address.bits).bigEndian
                bytes.storeBytes(of: bits, toByteOffset: 4, as: UInt32.self)
            case .v6:
                bytes.storeBytes(of: address.bits.bigEndian, toByteOffset: 8, as: UInt128.self)
                bytes.storeBytes(of: scope, toByteOffset: 24, as: UInt32.self)
            }
            return bytes.withMemoryRebound(to: sockaddr.self) { names in
                // Not empty, so it has an address.
                body(UnsafePointer(names.baseAddress.unsafelyUnwrapped), socklen_t(Self.size(address.family)))
            }
        }
    }

    private static func size(_ family: AddressFamily) -> Int {
        switch family {
        case .v4: 16
        case .v6: 28
        }
    }
}

extension AddressFamily {
    /// `AF_INET` or `AF_INET6`.
    var number: CInt {
        switch self {
        case .v4: AF_INET
        case .v6: AF_INET6
        }
    }
}
