// SPDX-License-Identifier: Apache-2.0

import Glibc
import HTTPTypes
import HummingbirdCore
public import Logging
import NIOCore
import NIOExtras
import NIOPosix
public import ServiceLifecycle

/// Serves HTTP/1.1 on a listening socket: what is asked goes to one function, and what that answers goes out.
///
/// At graceful shutdown the listener and idle connections are closed, requests in hand are finished and answered, and
/// then `run()` returns. A connection may stay idle for ever: closing one just as the engine writes to it would make
/// the engine repeat that request with an empty body.
public struct SocketServer: Service {
    /// The most bytes of a request's body.
    public static let bodyLimit = 1 << 20

    private let listener: CInt
    private let socket: any ListeningSocket
    private let tls: ServerTLS?
    private let logger: Logger
    private let idleTimeout: Duration?
    private let answer: @Sendable (SocketRequest) async -> SocketReply

    /// Serves `socket`, over `tls` if that is given, and removes it in the end if it is this process's own.
    ///
    /// `answer` begins on the thread that serves all connections, so it must not block.
    /// An answer that has begun runs to its end, whatever becomes of its connection and of the server, but for a stream,
    /// which ends with its connection and at graceful shutdown. A connection over
    /// which nothing came for `idleTimeout` is closed; nil lets it stay.
    public init(
        socket: any ListeningSocket, tls: ServerTLS? = nil, logger: Logger, idleTimeout: Duration? = nil,
        answer: @escaping @Sendable (SocketRequest) async -> SocketReply
    ) {
        listener = socket.takeListener()
        self.socket = socket
        self.tls = tls
        self.logger = logger
        self.idleTimeout = idleTimeout
        self.answer = answer
    }

    /// Serves until graceful shutdown. To be called once.
    public func run() async throws {
        defer { removeSocket() }
        // One thread moves small messages faster than they are answered. It decodes requests too, so that nothing is woken
        // before an owner's queue; what takes longer is done there. The shared group would start a thread per core.
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            try await serve(on: group)
        } catch {
            try await group.shutdownGracefully()
            throw error
        }
        try await group.shutdownGracefully()
    }

    private func removeSocket() {
        do throws(SocketError) {
            try socket.remove()
        } catch {
            logger.warning("Cannot remove the socket", error: error)
        }
    }

    private func serve(on group: MultiThreadedEventLoopGroup) async throws {
        let executor = LoopExecutor(group.next())
        let http = HTTP1Channel(
            responder: { request, writer, channel in try await respond(to: request, writer, on: channel) },
            configuration: .init(idleTimeout: idleTimeout.map { TimeAmount($0) }))
        let quiescing = ServerQuiescingHelper(group: group)
        let server = try await ServerBootstrap(group: group)
            .serverChannelInitializer { channel in
                // NIO has just made the queue as short as its default of 128. A client that finds it full gets EAGAIN, and
                // the engine then waits a second or more. The kernel caps this at net.core.somaxconn.
                _ = listen(listener, CInt.max)
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(quiescing.makeServerChannelHandler(channel: channel))
                }
            }
            // A client may close its sending half and still wait for the answer.
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .bind(listener) { channel in
                channel.eventLoop.makeCompletedFuture { try tls?.addHandlers(to: channel, logger: logger) }
                    .flatMap { http.setup(channel: channel, logger: logger) }
            }

        try await withGracefulShutdownHandler {
            try await server.executeThenClose { connections in
                try await withThrowingDiscardingTaskGroup { tasks in
                    for try await connection in connections {
                        tasks.addTask(executorPreference: executor) {
                            await http.handle(value: connection, logger: logger)
                        }
                    }
                }
            }
        } onGracefulShutdown: {
            quiescing.initiateShutdown(promise: nil)
        }
    }

    private func respond(
        to request: Request, _ writer: consuming ResponseWriter, on channel: any Channel
    ) async throws {
        let body = try await request.bodyWithinLimit()
        // Only browsers send one: a page of somebody else would speak for whoever looks at it.
        if request.headers.contains(.origin) {
            let reply = SocketReply(status: 403, contentType: "text/plain", body: Array("not for web pages\n".utf8))
            try await writer.write(reply, closing: true, withoutBody: false, on: channel)
            throw ConnectionEnded()
        }
        let asked = SocketRequest(
            method: request.method.rawValue, path: request.uri.path, query: request.uri.query, body: body)
        // In a task of its own, which nobody cancels. It begins at once, here, and where it goes on is its own affair: the
        // owners have queues, which a task that prefers a thread would leave and enter again at each step.
        let reply = await Task.immediate { await answer(asked) }.value
        try await writer.write(reply, closing: body == nil, withoutBody: request.method == .head, on: channel)
        // Where a body that is too long ends, and the next request begins, is not known.
        if body == nil { throw ConnectionEnded() }
    }
}

/// What a client of a `SocketServer` asks.
public struct SocketRequest: Sendable {
    /// In capitals: `POST`.
    public let method: String
    /// As it was sent, so percent-encoded, without the query.
    public let path: String
    /// What follows the path's question mark, as it was sent.
    public let query: String?
    /// Nil if there are more bytes than `SocketServer.bodyLimit`. The connection then ends with the reply.
    public let body: [UInt8]?

    public init(method: String, path: String, query: String? = nil, body: [UInt8]?) {
        self.method = method
        self.path = path
        self.query = query
        self.body = body
    }
}

/// What a `SocketServer` answers.
public struct SocketReply: Sendable {
    public var status: Int
    public var contentType: String
    /// For status 405: the methods that the path has.
    public var allowed: [String]
    public var body: [UInt8]
    /// In place of `body`.
    public var stream: SocketStream?

    public init(status: Int, contentType: String, allowed: [String] = [], body: [UInt8]) {
        self.status = status
        self.contentType = contentType
        self.allowed = allowed
        self.body = body
    }

    public init(status: Int, contentType: String, stream: SocketStream) {
        self.init(status: status, contentType: contentType, body: [])
        self.stream = stream
    }
}

/// Ends a connection after its last reply. Never seen outside: the channel's handler takes it as the end.
private struct ConnectionEnded: Error {}

extension Request {
    /// So much of a body that is too long is read and thrown away, to let its sender finish and see the reply.
    private static let drainLimit = 16 << 20

    /// The body, or nil if it is too long.
    fileprivate func bodyWithinLimit() async throws -> [UInt8]? {
        var bytes: [UInt8] = []
        var count = 0
        for try await part in body {
            count += part.readableBytes
            if count <= SocketServer.bodyLimit {
                bytes += part.readableBytesView
            } else if count > Self.drainLimit {
                break
            }
        }
        return count <= SocketServer.bodyLimit ? bytes : nil
    }
}

extension ResponseWriter {
    fileprivate consuming func write(
        _ reply: SocketReply, closing: Bool, withoutBody: Bool, on channel: any Channel
    ) async throws {
        var headers: HTTPFields = [.contentType: reply.contentType]
        if reply.stream == nil { headers[.contentLength] = String(reply.body.count) }
        if !reply.allowed.isEmpty { headers[.allow] = reply.allowed.joined(separator: ", ") }
        if closing { headers[.connection] = "close" }
        try await write(
            response: HTTPResponse(status: .init(code: reply.status), headerFields: headers),
            body: withoutBody
                ? ResponseBody()
                : reply.stream?.body(on: channel) ?? ResponseBody(byteBuffer: ByteBuffer(bytes: reply.body)))
    }
}
