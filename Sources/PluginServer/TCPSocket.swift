// SPDX-License-Identifier: Apache-2.0

import Addressing
import Glibc
import Synchronization

/// A listening TCP socket at one address of the host.
public final class TCPSocket: ListeningSocket {
    /// The address, with the port that it really has.
    public let address: ListenAddress
    private let listener: Mutex<FileDescriptor?>

    public var path: String { address.description }

    /// Claims the address. Port 0 is any that is free.
    public init(_ address: ListenAddress) throws(SocketError) {
        let family = address.address.family == .v6 ? AF_INET6 : AF_INET
        let flags = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
        let descriptor = try FileDescriptor(socket(family, flags, 0), "make a TCP socket")
        guard Self.listen(descriptor.number, at: address) else {
            throw .refused(operation: "listen on \(address)", code: errno)
        }
        self.address = ListenAddress(
            address: address.address, port: Self.port(of: descriptor.number) ?? address.port)
        listener = Mutex(descriptor)
    }

    public func takeListener() -> CInt {
        listener.withLock { listener in
            guard let taken = listener.take() else {
                preconditionFailure("the listener of \(path) was taken before")
            }
            return taken.release()
        }
    }

    /// There is no file.
    public func remove() {}

    private static func listen(_ descriptor: CInt, at address: ListenAddress) -> Bool {
        var on: CInt = 1
        let size = socklen_t(MemoryLayout<CInt>.size)
        // A daemon that starts anew would else wait for the connections of the last one to be forgotten.
        guard setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, size) == 0 else { return false }
        // Connections inherit it: without a timeout of their own, those of a machine that is gone would stay for ever.
        guard setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, size) == 0 else { return false }
        if address.address.family == .v6 {
            // `::` is every IPv6 address, and no other.
            guard setsockopt(descriptor, CInt(IPPROTO_IPV6), IPV6_V6ONLY, &on, size) == 0 else { return false }
        }
        return bind(descriptor, to: address) && Glibc.listen(descriptor, SOMAXCONN) == 0
    }

    /// `sockaddr_in` is family, port, address; `sockaddr_in6` is family, port, flow, address, scope. They are written by
    /// hand, because their C types come to Swift by a module of the event loop's that is not to be imported.
    private static func bind(_ descriptor: CInt, to address: ListenAddress) -> Bool {
        let isV6 = address.address.family == .v6
        var name: (UInt128, UInt128) = (0, 0)
        return withUnsafeMutableBytes(of: &name) { bytes in
            bytes.storeBytes(of: sa_family_t(isV6 ? AF_INET6 : AF_INET), as: sa_family_t.self)
            bytes.storeBytes(of: address.port.bigEndian, toByteOffset: 2, as: UInt16.self)
            for (index, byte) in address.address.bytes.enumerated() { bytes[(isV6 ? 8 : 4) + index] = byte }
            return bytes.withMemoryRebound(to: sockaddr.self) {
                Glibc.bind(descriptor, $0.baseAddress, isV6 ? 28 : 16) == 0
            }
        }
    }

    /// The port is at the same place in both families.
    private static func port(of descriptor: CInt) -> UInt16? {
        var name: (UInt128, UInt128) = (0, 0)
        var size = socklen_t(MemoryLayout<(UInt128, UInt128)>.size)
        return withUnsafeMutableBytes(of: &name) { bytes in
            let result = bytes.withMemoryRebound(to: sockaddr.self) {
                getsockname(descriptor, $0.baseAddress, &size)
            }
            return result == 0 ? UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)) : nil
        }
    }
}
