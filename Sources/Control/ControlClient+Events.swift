// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1
import SocketClient

extension ControlClient {
    /// Gives each event that is asked for, and the JSON that it came in, to `take`.
    ///
    /// Returns once all were taken; of a question that follows, once plugind ends the answer, which it does when it stops.
    public func events(
        _ question: EventQuestion, _ take: @escaping @Sendable (EventEntry, String) -> Void
    ) async throws(ControlFailure) {
        let query = question.query
        let path = query.isEmpty ? "/events" : "/events?\(query)"
        do {
            let asked = try self.question(.GET, path, nil)
            try await SocketClient.asking(socket, deadline: deadline, sizeLimit: Self.sizeLimit) { client in
                var lines = LineReader()
                let refusal = try await client.follow(asked) { bytes in
                    for line in lines.read(bytes) {
                        let entry = try ControlAPI.decode(EventEntry.self, from: line.utf8)
                        take(entry, line)
                    }
                }
                if let refusal { throw self.refusal(refusal, .GET, path) }
            }
        } catch let error as DecodingError {
            throw unexpected(error, .GET, path)
        } catch SocketClientError.unusable(let reason) where question.isFollowing {
            // It did not come to its end.
            throw .notReachable(socket: socket, reason: reason)
        } catch {
            throw failure(error)
        }
    }
}

/// Puts lines together from pieces that end anywhere.
struct LineReader {
    private var rest: [UInt8] = []

    /// The lines that are complete now, without those that are empty.
    mutating func read(_ piece: ByteBuffer) -> [String] {
        rest += piece.readableBytesView
        var lines: [String] = []
        var start = rest.startIndex
        while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
            if end > start { lines.append(String(decoding: rest[start..<end], as: UTF8.self)) }
            start = end + 1
        }
        rest.removeFirst(start)
        return lines
    }
}
