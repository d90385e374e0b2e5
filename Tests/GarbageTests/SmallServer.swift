// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// An engine's API as small as it gets: an answer for each path, sent as it is told.
final class SmallServer: Sendable {
    /// How an answer goes out.
    enum Answer: Sendable {
        /// In pieces of `size` bytes, chunked, as the engine sends long ones.
        case chunked(String, size: Int)
        /// With a Content-Length.
        case whole(String)
        /// With no length: the end of the connection is that of the answer.
        case untilClosed(String)
        case status(Int, String)
        /// Promised, and cut in the middle.
        case cut(String)
        /// Begun, and never finished.
        case stuck(String)
        /// Not even begun.
        case silence
    }

    let path: String
    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let requests: Requests

    /// Method, path and headers of each request, in their order.
    final class Requests: Sendable {
        let heads = Mutex<[HTTPRequestHead]>([])
    }

    private init(path: String, requests: Requests) {
        self.path = path
        self.requests = requests
    }

    var heads: [HTTPRequestHead] { requests.heads.withLock { $0 } }

    /// Serves the answers while `body` runs.
    static func serving<Result>(
        _ answers: [String: Answer], _ body: (SmallServer) async throws -> Result
    ) async throws -> Result {
        let path = NSTemporaryDirectory() + "plugind-\(UUID().uuidString.prefix(8)).sock"
        let requests = Requests()
        let server = SmallServer(path: path, requests: requests)
        defer { unlink(path) }
        let channel = try await ServerBootstrap(group: server.group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(Handler(answers: answers, requests: requests))
                }
            }
            .bind(unixDomainSocketPath: path).get()
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await body(server))
        } catch {
            result = .failure(error)
        }
        try await channel.close()
        try await server.group.shutdownGracefully()
        return try result.get()
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = HTTPServerRequestPart
        typealias OutboundOut = HTTPServerResponsePart

        let answers: [String: Answer]
        let requests: Requests
        private var head: HTTPRequestHead?

        init(answers: [String: Answer], requests: Requests) {
            self.answers = answers
            self.requests = requests
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            switch unwrapInboundIn(data) {
            case .head(let head):
                self.head = head
                requests.heads.withLock { $0.append(head) }
            case .body: break
            case .end: answer(context)
            }
        }

        private func answer(_ context: ChannelHandlerContext) {
            switch answers[head?.uri ?? ""] {
            case .chunked(let text, let size):
                write(["Transfer-Encoding": "chunked"], context)
                var rest = Array(text.utf8)[...]
                while !rest.isEmpty {
                    body(rest.prefix(size), context)
                    rest = rest.dropFirst(size)
                }
                end(context)
            case .whole(let text):
                write(["Content-Length": "\(text.utf8.count)"], context)
                body(Array(text.utf8)[...], context)
                end(context)
            case .untilClosed(let text):
                write(["Connection": "close"], version: .http1_0, context)
                body(Array(text.utf8)[...], context)
                end(context)
            case .status(let code, let text):
                write(["Content-Length": "\(text.utf8.count)"], status: code, context)
                body(Array(text.utf8)[...], context)
                end(context)
            case .cut(let text):
                write(["Content-Length": "\(text.utf8.count + 1)"], context)
                body(Array(text.utf8)[...], context)
                context.close(promise: nil)
            case .stuck(let text):
                write(["Transfer-Encoding": "chunked"], context)
                body(Array(text.utf8)[...], context)
            case .silence: break
            case nil:
                write(["Content-Length": "0"], status: 404, context)
                end(context)
            }
        }

        private func write(
            _ headers: HTTPHeaders, status: Int = 200, version: HTTPVersion = .http1_1, _ context: ChannelHandlerContext
        ) {
            let head = HTTPResponseHead(version: version, status: .init(statusCode: status), headers: headers)
            context.write(wrapOutboundOut(.head(head)), promise: nil)
        }

        private func body(_ bytes: ArraySlice<UInt8>, _ context: ChannelHandlerContext) {
            context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: bytes)))), promise: nil)
        }

        private func end(_ context: ChannelHandlerContext) {
            // Closing drops what was not written yet.
            context.writeAndFlush(wrapOutboundOut(.end(nil))).assumeIsolated().whenComplete { _ in
                context.close(promise: nil)
            }
        }
    }
}
