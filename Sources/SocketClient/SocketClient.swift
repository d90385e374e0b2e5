// SPDX-License-Identifier: Apache-2.0

import Glibc
public import NIOCore
public import NIOHTTP1
import NIOPosix

/// Asks a server of HTTP/1.1 that listens on a unix socket: a connection for each question.
public struct SocketClient: Sendable {
    /// Everything that was answered.
    public struct Reply: Sendable {
        public let status: Int
        public let body: ByteBuffer
    }

    /// What is asked.
    public struct Question: Sendable {
        public var method: HTTPMethod
        public var path: String
        public var headers: HTTPHeaders
        public var body: ByteBuffer?

        /// `headers` need not have what HTTP itself asks for.
        public init(_ method: HTTPMethod, _ path: String, headers: HTTPHeaders = [:], body: ByteBuffer? = nil) {
            self.method = method
            self.path = path
            self.headers = headers
            self.body = body
        }
    }

    private let socket: String
    private let deadline: Duration
    private let sizeLimit: Int
    private let group: MultiThreadedEventLoopGroup

    /// Gives `questions` a client of `socket`, for as long as they take. `deadline` is for each answer, and so is
    /// `sizeLimit`, in bytes.
    ///
    /// Throws what `questions` throw; the client's own failures are `SocketClientError` and `CancellationError`.
    public static func asking<Result: Sendable>(
        _ socket: String, deadline: Duration, sizeLimit: Int,
        _ questions: (SocketClient) async throws -> Result
    ) async throws -> Result {
        // One thread, for as long as it is needed.
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let client = SocketClient(socket: socket, deadline: deadline, sizeLimit: sizeLimit, group: group)
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await questions(client))
        } catch {
            result = .failure(error)
        }
        // Fails only for a group that was shut down before.
        try? await group.shutdownGracefully()
        return try result.get()
    }

    /// Asks, and waits for the whole answer.
    public func ask(_ question: Question) async throws -> Reply {
        try await exchange(question) { inbound, _ in try await collect(inbound, question) }
    }

    /// Asks, and gives each part of the answer's body to `take` as it comes, until the answer or the task ends.
    ///
    /// The deadline is for the answer to begin. One that does not say 200 is returned, as a whole.
    public func follow(
        _ question: Question, _ take: (ByteBuffer) async throws -> Void
    ) async throws -> Reply? {
        try await exchange(question) { inbound, begun in
            var parts = inbound.makeAsyncIterator()
            guard case .head(let head)? = try await parts.next() else { throw ended(question) }
            begun()
            var refusal = ByteBuffer()
            while let part = try await parts.next() {
                switch part {
                case .head: throw ended(question)
                case .body(var bytes) where head.status != .ok:
                    try check(refusal.readableBytes + bytes.readableBytes, question)
                    refusal.writeBuffer(&bytes)
                case .body(let bytes): try await take(bytes)
                case .end: return head.status == .ok ? nil : Reply(status: Int(head.status.code), body: refusal)
                }
            }
            try Task.checkCancellation()
            throw ended(question)
        }
    }

    /// Sends a question over a connection of its own, and lets `read` read the answer: within the deadline, unless it says
    /// that the answer has begun and may take its time.
    private func exchange<Value>(
        _ question: Question, _ read: (Inbound, _ begun: () -> Void) async throws -> Value
    ) async throws -> Value {
        let start = ContinuousClock.now
        let connection = try await connect()
        let timer = connection.channel.eventLoop.scheduleTask(in: TimeAmount(deadline)) {
            connection.channel.close(promise: nil)
        }
        defer { timer.cancel() }
        var isTimed = true
        func isLate() -> Bool { isTimed && start.duration(to: .now) >= deadline }
        do {
            return try await connection.executeThenClose { inbound, outbound in
                try await send(question, outbound)
                let value = try await read(inbound) {
                    timer.cancel()
                    isTimed = false
                }
                // An answer whose end is that of the connection looks complete when the timer has cut it.
                guard !isLate() else { throw ChannelError.eof }
                return value
            }
        } catch  where isLate() {
            throw SocketClientError.unusable("\(question) was not answered within \(deadline)")
        } catch let error as IOError {
            throw SocketClientError.unusable(String(cString: strerror(error.errnoCode)))
        } catch is HTTPParserError {
            throw SocketClientError.unusable("the answer to \(question) is no HTTP")
        }
    }

    private typealias Connection = NIOAsyncChannel<HTTPClientResponsePart, HTTPClientRequestPart>
    private typealias Inbound = NIOAsyncChannelInboundStream<HTTPClientResponsePart>

    private func connect() async throws -> Connection {
        do {
            return try await ClientBootstrap(group: group)
                .connectTimeout(TimeAmount(deadline))
                .connect(unixDomainSocketPath: socket) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHTTPClientHandlers()
                        return try Connection(wrappingChannelSynchronously: channel)
                    }
                }
        } catch let error as IOError {
            throw SocketClientError.notConnected(
                code: error.errnoCode, reason: String(cString: strerror(error.errnoCode)))
        } catch SocketAddressError.unixDomainSocketPathTooLong {
            throw SocketClientError.notConnected(code: nil, reason: "the path is too long for a socket")
        } catch {
            throw SocketClientError.notConnected(code: nil, reason: "\(error)")
        }
    }

    /// All at once: a server that has read the head of a question without a body may have answered it, and closed the
    /// connection, before a second write.
    private func send(
        _ question: Question, _ outbound: NIOAsyncChannelOutboundWriter<HTTPClientRequestPart>
    ) async throws {
        var headers = question.headers
        headers.add(name: "Host", value: "localhost")
        headers.add(name: "Connection", value: "close")
        if let body = question.body { headers.add(name: "Content-Length", value: "\(body.readableBytes)") }
        let head = HTTPRequestHead(version: .http1_1, method: question.method, uri: question.path, headers: headers)
        let body = question.body.map { [HTTPClientRequestPart.body(.byteBuffer($0))] } ?? []
        try await outbound.write(contentsOf: [.head(head)] + body + [.end(nil)])
    }

    private func collect(
        _ inbound: Inbound, _ question: Question
    ) async throws -> Reply {
        var status: HTTPResponseStatus?
        var body = ByteBuffer()
        for try await part in inbound {
            switch part {
            case .head(let head): status = head.status
            case .body(var bytes):
                try check(body.readableBytes + bytes.readableBytes, question)
                body.writeBuffer(&bytes)
            case .end:
                if let status { return Reply(status: Int(status.code), body: body) }
            }
        }
        try Task.checkCancellation()
        throw ended(question)
    }

    private func check(_ size: Int, _ question: Question) throws(SocketClientError) {
        guard size <= sizeLimit else {
            throw .unusable("the answer to \(question) is longer than \(sizeLimit) bytes")
        }
    }

    private func ended(_ question: Question) -> SocketClientError {
        .unusable("the connection ended before \(question) was answered")
    }
}

extension SocketClient.Question: CustomStringConvertible {
    /// `GET /networks`
    public var description: String { "\(method) \(path)" }
}

/// Why a question has no answer, in words.
public enum SocketClientError: Error, CustomStringConvertible {
    /// `code` is the errno of connect(2), where that is what failed.
    case notConnected(code: CInt?, reason: String)
    /// No answer came in time, or none that can be used.
    case unusable(String)

    public var description: String {
        switch self {
        case .notConnected(_, let reason), .unusable(let reason): reason
        }
    }
}
