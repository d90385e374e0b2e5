// SPDX-License-Identifier: Apache-2.0

import Addressing
import Glibc
import HostNetwork

/// A socket that has a port at one address for itself, and at first drops everything that comes.
///
/// **TCP** listens. `bind` alone keeps nobody out: two sockets with SO_REUSEADDR may bind the same port, and the first
/// of them that listens has it. SO_REUSEADDR itself is needed, since remnants of earlier connections (TIME_WAIT) would
/// make `bind` fail for a minute without it; it does not let anybody share a port with a socket that listens.
///
/// **UDP** has no such remnants. Without SO_REUSEADDR here nobody can share the port, whatever they set.
///
/// The socket filter keeps the kernel from answering for a socket that only holds the port: without it a SYN that came
/// past the packet filter would be given a connection that nobody serves. It is attached before `bind`, so nothing
/// arrives before it. For a TCP socket that takes CAP_NET_ADMIN, at least from Linux 6.18 on (seen there).
final class BoundSocket: Sendable {
    private let descriptor: Descriptor
    /// With the number that the kernel chose, if it was to choose.
    let port: UInt16

    /// Port 0 leaves the number to the kernel. Nil if the kernel does not know the transport, so nobody can have the
    /// port: SCTP is a module that may be missing.
    init?(_ transport: TransportProtocol, _ address: IPAddress, port: UInt16) throws(HostPortError) {
        func refusal(_ code: CInt) -> HostPortError {
            HostPortError(transport, address, port: port == 0 ? nil : port, code: code)
        }
        guard let kind = transport.socketKind else { throw refusal(EPROTONOSUPPORT) }
        guard let socket = Descriptor(openSocket(address.family, kind, protocol: CInt(transport.rawValue))) else {
            let code = errno
            if transport == .sctp, [EPROTONOSUPPORT, ESOCKTNOSUPPORT].contains(code) { return nil }
            throw refusal(code)
        }
        if address.family == .v6, !socket.set(CInt(IPPROTO_IPV6), IPV6_V6ONLY, to: 1) { throw refusal(errno) }
        if transport == .tcp, !socket.set(SOL_SOCKET, SO_REUSEADDR, to: 1) { throw refusal(errno) }
        guard attachFilter(socket) else { throw refusal(errno) }
        let result = SocketName(address, port: port).withPointer { bind(socket.number, $0, $1) }
        guard result == 0 else { throw refusal(errno) }
        // EADDRINUSE comes from here if somebody with SO_REUSEADDR began to listen since.
        if kind == SOCK_STREAM, listen(socket.number, 1) != 0 { throw refusal(errno) }
        guard let name = SocketName(of: socket) else { throw refusal(errno) }
        descriptor = socket
        self.port = name.port
    }

    /// The descriptor, which stays this socket's.
    var number: CInt { descriptor.number }

    /// Ends the dropping: what comes from now on is received.
    func open() -> Bool {
        descriptor.set(SOL_SOCKET, SO_DETACH_FILTER, to: 0)
    }

    /// Another descriptor of the same socket, which then lives for as long as either.
    func duplicate() -> Descriptor? {
        Descriptor(fcntl(descriptor.number, F_DUPFD_CLOEXEC, 0))
    }

    /// Sets a socket option. Returns false, with errno, if the kernel refuses.
    func set(_ level: CInt, _ option: CInt, to value: CInt) -> Bool {
        descriptor.set(level, option, to: value)
    }
}

/// A socket that neither blocks nor is inherited; -1, with errno, if the kernel refuses.
func openSocket(_ family: AddressFamily, _ kind: __socket_type, protocol number: CInt) -> CInt {
    socket(family.number, CInt(kind.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), number)
}

/// Makes a socket drop everything. Returns false, with errno, if the kernel refuses.
private func attachFilter(_ socket: borrowing Descriptor) -> Bool {
    var instruction = FilterInstruction()
    return withUnsafeMutablePointer(to: &instruction) { instruction in
        var program = FilterProgram(count: 1, instructions: instruction)
        let size = socklen_t(MemoryLayout<FilterProgram>.size)
        return setsockopt(socket.number, SOL_SOCKET, SO_ATTACH_FILTER, &program, size) == 0
    }
}

/// `struct sock_filter` of linux/filter.h, which Glibc's module leaves out. This one says `ret #0`: keep no byte.
private struct FilterInstruction {
    var code: UInt16 = 0x06  // BPF_RET | BPF_K
    var ifTrue: UInt8 = 0
    var ifFalse: UInt8 = 0
    var value: UInt32 = 0
}

/// `struct sock_fprog`. Swift lays out scalars and pointers in the order and with the alignment of C.
private struct FilterProgram {
    var count: UInt16
    var instructions: UnsafeMutablePointer<FilterInstruction>
}

extension TransportProtocol {
    /// Nil if it has no ports.
    fileprivate var socketKind: __socket_type? {
        switch self {
        case .icmp: nil
        case .tcp, .sctp: SOCK_STREAM
        case .udp: SOCK_DGRAM
        }
    }
}
