// SPDX-License-Identifier: Apache-2.0

import HTTPTypes
import HummingbirdCore
public import Logging
import NIOCore
import NIOExtras
import NIOPosix
public import PluginKit
public import ServiceLifecycle

/// Serves a method table over HTTP/1.1 on a listening socket.
///
/// At graceful shutdown the listener and idle connections are closed, requests in hand are finished and answered, and
/// then `run()` returns. A connection may stay idle for ever: closing one just as the engine writes to it would make
/// the engine repeat that request with an empty body.
public struct PluginServer: Service {
    private let listener: CInt
    private let socket: UnixSocket?
    private let methods: MethodTable
    private let logger: Logger

    /// Serves `socket` and removes it in the end.
    public init(socket: UnixSocket, methods: MethodTable, logger: Logger) {
        listener = socket.takeListener()
        self.socket = socket
        self.methods = methods
        self.logger = logger
    }

    /// Serves a descriptor that listens already, such as one a service manager passed, and closes it in the end.
    public init(listener: CInt, methods: MethodTable, logger: Logger) {
        self.listener = listener
        socket = nil
        self.methods = methods
        self.logger = logger
    }

    /// Serves until graceful shutdown. To be called once.
    public func run() async throws {
        defer { removeSocket() }
        // One thread moves small messages faster than methods answer them, which they do elsewhere. The shared group
        // would start a thread per core.
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
            try socket?.remove()
        } catch {
            logger.warning("Cannot remove the socket", error: error)
        }
    }

    private func serve(on group: MultiThreadedEventLoopGroup) async throws {
        let http = HTTP1Channel(
            responder: { request, writer, _ in try await respond(to: request, writer) },
            configuration: .init(idleTimeout: nil))
        let quiescing = ServerQuiescingHelper(group: group)
        let server = try await ServerBootstrap(group: group)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(quiescing.makeServerChannelHandler(channel: channel))
                }
            }
            // A client may close its sending half and still wait for the answer.
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .bind(listener) { channel in http.setup(channel: channel, logger: logger) }

        try await withGracefulShutdownHandler {
            try await server.executeThenClose { connections in
                try await withThrowingDiscardingTaskGroup { tasks in
                    for try await connection in connections {
                        tasks.addTask { await http.handle(value: connection, logger: logger) }
                    }
                }
            }
        } onGracefulShutdown: {
            quiescing.initiateShutdown(promise: nil)
        }
    }

    private func respond(to request: Request, _ writer: consuming ResponseWriter) async throws {
        guard let body = try await request.bodyWithinLimit() else {
            try await writer.write(
                .failure(status: 400, text: "the request body has more than \(Request.bodyLimit) bytes"),
                with: [.connection: "close"])
            throw ConnectionEnded()
        }
        guard request.method == .post else {
            let reply = PluginReply.failure(status: 405, text: "\(request.method) is not allowed, only POST is")
            return try await writer.write(reply, with: [.allow: "POST"], withoutBody: request.method == .head)
        }
        // A method that has begun runs to its end, whatever becomes of the connection and of this task.
        let path = request.uri.path
        let reply = await Task { await methods.answer(path: path, body: body) }.value
        try await writer.write(reply)
    }
}

/// Ends a connection after its last reply. Never seen outside: the channel's handler takes it as the end.
private struct ConnectionEnded: Error {}

extension Request {
    fileprivate static let bodyLimit = 1 << 20
    /// So much of a body that is too long is read and thrown away, to let its sender finish and see the reply.
    private static let drainLimit = 16 << 20

    /// The body, or nil if it is too long.
    fileprivate func bodyWithinLimit() async throws -> [UInt8]? {
        var bytes: [UInt8] = []
        var count = 0
        for try await part in body {
            count += part.readableBytes
            if count <= Self.bodyLimit {
                bytes += part.readableBytesView
            } else if count > Self.drainLimit {
                break
            }
        }
        return count <= Self.bodyLimit ? bytes : nil
    }
}

extension ResponseWriter {
    fileprivate consuming func write(
        _ reply: PluginReply, with headers: HTTPFields = [:], withoutBody: Bool = false
    ) async throws {
        var headers = headers
        headers[.contentType] = "application/vnd.docker.plugins.v1.2+json"
        headers[.contentLength] = String(reply.body.count)
        try await write(
            response: HTTPResponse(status: .init(code: reply.status), headerFields: headers),
            body: withoutBody ? ResponseBody() : ResponseBody(byteBuffer: ByteBuffer(bytes: reply.body)))
    }
}
