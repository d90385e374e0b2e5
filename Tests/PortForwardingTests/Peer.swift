// SPDX-License-Identifier: Apache-2.0

import Addressing
import Foundation

@testable import PortForwarding

/// Somebody else's socket: a client, a container, or a program that wants the same port. It waits for 20 s at most.
final class Peer: Sendable {
    let descriptor: CInt

    private init(taking descriptor: CInt) throws {
        guard descriptor >= 0 else { throw PeerError("socket") }
        self.descriptor = descriptor
        var patience = timeval(tv_sec: 120, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    /// Binds to an address; a TCP socket listens as well. Port 0 leaves the number to the kernel.
    convenience init(
        _ transport: TransportProtocol, at address: IPAddress, port: UInt16 = 0, sharing: Bool = false
    ) throws {
        let kind = transport == .tcp ? SOCK_STREAM : SOCK_DGRAM
        try self.init(taking: socket(address.family.number, CInt(kind.rawValue), 0))
        var one: CInt = 1
        if sharing { setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<CInt>.size)) }
        guard SocketName(address, port: port).withPointer({ bind(descriptor, $0, $1) }) == 0 else {
            throw PeerError("bind")
        }
        guard transport != .tcp || listen(descriptor, 16) == 0 else { throw PeerError("listen") }
    }

    /// Connects to an address, if need be from a certain one.
    convenience init(
        _ transport: TransportProtocol, to address: IPAddress, port: UInt16, from source: IPAddress? = nil
    ) throws {
        let kind = transport == .tcp ? SOCK_STREAM : SOCK_DGRAM
        try self.init(taking: socket(address.family.number, CInt(kind.rawValue), 0))
        if let source, SocketName(source, port: 0).withPointer({ bind(descriptor, $0, $1) }) != 0 {
            throw PeerError("bind")
        }
        guard SocketName(address, port: port).withPointer({ connect(descriptor, $0, $1) }) == 0 else {
            throw PeerError("connect")
        }
    }

    /// The next connection.
    func accept() throws -> Peer {
        try Peer(taking: Foundation.accept(descriptor, nil, nil))
    }

    var port: UInt16 {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutableBytes(of: &storage) { bytes in
            bytes.withMemoryRebound(to: sockaddr.self) { _ = getsockname(descriptor, $0.baseAddress, &size) }
            return SocketName(UnsafeRawBufferPointer(bytes))?.port ?? 0
        }
    }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        repeat {
            let count = rest.withUnsafeBytes {
                Foundation.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
            }
            guard count >= 0 else { throw PeerError("send") }
            rest = rest.dropFirst(count)
        } while !rest.isEmpty
    }

    /// Says that nothing more will be sent.
    func finish() { shutdown(descriptor, CInt(SHUT_WR)) }

    /// Ends a connection with a reset; the descriptor stays.
    func reset() {
        // AF_UNSPEC, which is 0.
        var nobody = sockaddr()
        connect(descriptor, &nobody, socklen_t(MemoryLayout<sockaddr>.size))
    }

    /// What comes next, whole if it is a datagram; empty at the end of a connection.
    func receive(atMost limit: Int = 1 << 16) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: limit)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        guard count >= 0 else { throw PeerError("receive") }
        return Array(bytes.prefix(count))
    }

    func text() throws -> String { String(decoding: try receive(), as: UTF8.self) }

    /// All that comes until the end of the connection, read in pieces of a size.
    func rest(atMost limit: Int = 1 << 16) throws -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let bytes = try receive(atMost: limit)
            guard !bytes.isEmpty else { return all }
            all += bytes
        }
    }

    /// The next datagram, and who sent it.
    func datagram() throws -> (text: String, sender: SocketName) {
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let (count, name) = withUnsafeMutableBytes(of: &storage) { name in
            let count = name.withMemoryRebound(to: sockaddr.self) {
                recvfrom(descriptor, &bytes, bytes.count, 0, $0.baseAddress, &size)
            }
            return (count, SocketName(UnsafeRawBufferPointer(name)))
        }
        guard count >= 0, let name else { throw PeerError("receive") }
        return (String(decoding: bytes.prefix(count), as: UTF8.self), name)
    }

    func send(_ text: String, to name: SocketName) throws {
        let bytes = Array(text.utf8)
        guard name.withPointer({ sendto(descriptor, bytes, bytes.count, 0, $0, $1) }) == bytes.count else {
            throw PeerError("send")
        }
    }

    /// True once the other side has ended the connection, orderly or not; false if it says something instead.
    func isEnded() throws -> Bool {
        do {
            return try receive().isEmpty
        } catch let error as PeerError where error.code == ECONNRESET {
            return true
        }
    }

    /// Whether one of these events is there within a time.
    func waits(for events: CInt, milliseconds: CInt) -> Bool {
        var poll = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        return Foundation.poll(&poll, 1, milliseconds) > 0
    }
}

struct PeerError: Error, CustomStringConvertible {
    let operation: String
    let code: CInt

    init(_ operation: String) {
        code = errno
        self.operation = operation
    }

    var description: String { "\(operation): \(String(cString: strerror(code)))" }
}

/// Runs what blocks on a thread of its own: the shared pool has only as many as there are cores.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        Thread { continuation.resume(with: Result { try body() }) }.start()
    }
}

/// Asks again and again until the answer is yes, for two minutes at most.
func eventually(_ condition: () -> Bool) async throws -> Bool {
    let deadline = ContinuousClock.now + .seconds(120)
    while ContinuousClock.now < deadline {
        if condition() { return true }
        try await Task.sleep(for: .milliseconds(5))
    }
    return condition()
}
