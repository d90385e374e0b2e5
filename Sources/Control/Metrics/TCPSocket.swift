// SPDX-License-Identifier: Apache-2.0

import Addressing
import Glibc
import PluginServer
import Synchronization

/// A listening TCP socket at one address of the host.
final class TCPSocket: ListeningSocket {
    /// The address, with the port that it really has.
    let address: MetricsAddress
    /// -1 when it was taken.
    private let listener: Mutex<CInt>

    var path: String { address.description }

    /// Claims the address. Port 0 is any that is free.
    init(_ address: MetricsAddress) throws(SocketError) {
        let family = address.address.family == .v6 ? AF_INET6 : AF_INET
        let flags = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue) | CInt(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(family, flags, 0)
        guard descriptor >= 0 else { throw .refused(operation: "make a TCP socket", code: errno) }
        guard Self.listen(descriptor, at: address) else {
            let code = errno
            close(descriptor)
            throw .refused(operation: "listen on \(address)", code: code)
        }
        self.address = MetricsAddress(address: address.address, port: Self.port(of: descriptor) ?? address.port)
        listener = Mutex(descriptor)
    }

    deinit {
        let descriptor = takeListener()
        if descriptor >= 0 { close(descriptor) }
    }

    func takeListener() -> CInt {
        listener.withLock { descriptor in
            defer { descriptor = -1 }
            return descriptor
        }
    }

    /// There is no file.
    func remove() {}

    private static func listen(_ descriptor: CInt, at address: MetricsAddress) -> Bool {
        var on: CInt = 1
        let size = socklen_t(MemoryLayout<CInt>.size)
        // A daemon that starts anew would else wait for the connections of the last one to be forgotten.
        guard setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, size) == 0 else { return false }
        let isBound: Bool
        switch address.address.family {
        case .v4:
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = address.port.bigEndian
            name.sin_addr.s_addr = UInt32(truncatingIfNeeded: address.address.bits).bigEndian
            isBound = bind(descriptor, &name)
        case .v6:
            // `::` is every IPv6 address, and no other.
            guard setsockopt(descriptor, CInt(IPPROTO_IPV6), IPV6_V6ONLY, &on, size) == 0 else { return false }
            var name = sockaddr_in6()
            name.sin6_family = sa_family_t(AF_INET6)
            name.sin6_port = address.port.bigEndian
            withUnsafeMutableBytes(of: &name.sin6_addr) { $0.copyBytes(from: address.address.bytes) }
            isBound = bind(descriptor, &name)
        }
        return isBound && Glibc.listen(descriptor, SOMAXCONN) == 0
    }

    private static func bind<Name>(_ descriptor: CInt, _ name: inout Name) -> Bool {
        withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.bind(descriptor, $0, socklen_t(MemoryLayout<Name>.size)) == 0
            }
        }
    }

    /// The port is at the same place in both families.
    private static func port(of descriptor: CInt) -> UInt16? {
        var name = sockaddr_in6()
        var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let isKnown = withUnsafeMutablePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) == 0 }
        }
        return isKnown ? UInt16(bigEndian: name.sin6_port) : nil
    }
}
