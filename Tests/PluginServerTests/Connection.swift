// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A client's connection to a unix socket that says exactly what it is told to.
final class Connection: Sendable {
    private let descriptor: CInt

    init(to path: String) throws {
        descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
        var patience = timeval(tv_sec: 120, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let result = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else {
            // The descriptor is closed all the same: an instance that was once complete is deinitialised.
            throw ConnectionError(description: "connect to \(path): \(String(cString: strerror(errno)))")
        }
    }

    deinit { close(descriptor) }

    func send(_ text: String) async throws {
        try await send(Array(text.utf8))
    }

    func send(_ bytes: [UInt8]) async throws {
        try await blocking { [descriptor] in
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes {
                    Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL))
                }
                guard count > 0 else {
                    throw ConnectionError(description: "send: \(String(cString: strerror(errno)))")
                }
                rest = rest.dropFirst(count)
            }
        }
    }

    /// Says that nothing more will be sent.
    func finish() {
        shutdown(descriptor, CInt(SHUT_WR))
    }

    /// The next reply. `toHead`: it has no body, whatever its length says.
    func reply(toHead: Bool = false) async throws -> HTTPReply {
        try await blocking { [self] in
            var head = ""
            while !head.hasSuffix("\r\n\r\n") {
                guard let byte = try readByte() else {
                    throw ConnectionError(description: "closed after “\(head)”")
                }
                head.unicodeScalars.append(Unicode.Scalar(byte))
            }
            var reply = HTTPReply(head: head)
            for _ in 0..<(toHead ? 0 : reply.length) {
                guard let byte = try readByte() else {
                    throw ConnectionError(description: "closed within the body")
                }
                reply.body.append(byte)
            }
            return reply
        }
    }

    /// True once the server has closed its side, false if it says something instead.
    func isClosedByServer() async throws -> Bool {
        try await blocking { [self] in try readByte() == nil }
    }

    private func readByte() throws -> UInt8? {
        var byte: UInt8 = 0
        let count = recv(descriptor, &byte, 1, 0)
        guard count >= 0 else {
            throw ConnectionError(description: "receive: \(String(cString: strerror(errno)))")
        }
        return count == 0 ? nil : byte
    }

    /// Runs what blocks on a thread of its own: the shared pool has only as many as there are cores.
    private func blocking<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            Thread { continuation.resume(with: Result { try body() }) }.start()
        }
    }
}

struct ConnectionError: Error, CustomStringConvertible {
    let description: String
}

struct HTTPReply: Sendable {
    let status: Int
    /// By lower-case name.
    let headers: [String: String]
    var body: [UInt8] = []

    var text: String { String(decoding: body, as: UTF8.self) }
    var length: Int { headers["content-length"].flatMap { Int($0) } ?? 0 }

    init(head: String) {
        let lines = head.components(separatedBy: "\r\n")
        status = Int(lines[0].split(separator: " ")[1]) ?? 0
        headers = lines.dropFirst().reduce(into: [:]) { headers, line in
            let parts = line.split(separator: ":", maxSplits: 1).map(String.init)
            if parts.count == 2 {
                headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
            }
        }
    }
}
