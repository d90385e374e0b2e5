// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc
import PluginKit

/// One connection to a server, over which one request is repeated. It allocates next to nothing, so that what is counted
/// is the server's.
final class SocketCaller: Sendable {
    private let descriptor: CInt
    private let request: [UInt8]
    /// A call waits for the answer, on a thread that nobody else waits for.
    private let queue = DispatchQueue(label: "caller")

    init(path: String, _ call: Call) throws {
        let head = """
            POST \(call.path) HTTP/1.1\r\nHost: plugin.moby.localhost\r\nUser-Agent: Go-http-client/1.1\r
            Content-Length: \(call.body.count)\r\nAccept: application/vnd.docker.plugins.v1.2+json\r\n\r\n
            """
        request = Array(head.utf8) + call.body
        descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let connected = withUnsafePointer(to: address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard connected == 0 else { throw Unfit(what: "connect to \(path): \(String(cString: strerror(errno)))") }
    }

    deinit { close(descriptor) }

    /// Sends the request and takes its answer so many times.
    func call(times: Int) async throws {
        try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
            queue.async { [self] in
                done.resume(
                    with: Result {
                        try withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
                            for _ in 0..<times { try call(buffer) }
                        }
                    })
            }
        }
    }

    private func call(_ buffer: UnsafeMutableRawBufferPointer) throws {
        let sent = request.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
        guard sent == request.count else { throw Unfit(what: "send: \(String(cString: strerror(errno)))") }
        var length = 0
        repeat {
            guard length < buffer.count else { throw Unfit(what: "an answer is too long") }
            let received = recv(descriptor, buffer.baseAddress?.advanced(by: length), buffer.count - length, 0)
            guard received > 0 else { throw Unfit(what: "recv: \(String(cString: strerror(errno)))") }
            length += received
        } while !Self.isWhole(UnsafeRawBufferPointer(rebasing: buffer[..<length]))
    }

    /// Whether an answer is all there. Answers of the methods that are measured are objects, which end with a brace, and
    /// have none inside a text.
    private static func isWhole(_ answer: UnsafeRawBufferPointer) -> Bool {
        guard answer.last == UInt8(ascii: "}") else { return false }
        return answer.count { $0 == UInt8(ascii: "{") } == answer.count { $0 == UInt8(ascii: "}") }
    }
}
