// SPDX-License-Identifier: Apache-2.0

import Logging
import NIOCore
import NIOSSL
import NIOTLS

/// Ends a connection whose TLS handshake takes too long, and logs one that failed.
///
/// Until its handshake is done a client is a stranger. Connections may stay idle for ever, but not those of strangers.
final class HandshakeWatch: ChannelInboundHandler {
    typealias InboundIn = NIOAny

    private let patience: Duration
    private let peer: String
    private let logger: Logger
    private var deadline: Scheduled<Void>?

    /// `peer` is who it is, for the log.
    init(peer: String, patience: Duration, logger: Logger) {
        self.peer = peer
        self.patience = patience
        self.logger = logger
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        deadline = context.eventLoop.scheduleTask(in: TimeAmount(patience)) { [patience, peer, logger] in
            Self.log("the handshake took longer than \(patience)", peer: peer, logger)
            channel.close(promise: nil)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case TLSUserEvent.handshakeCompleted = event { deadline?.cancel() }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case NIOSSLError.handshakeFailed(let reason) = error {
            Self.log("\(HandshakeFailure(reason))", peer: peer, logger)
        }
        context.fireErrorCaught(error)
    }

    private static func log(_ reason: String, peer: String, _ logger: Logger) {
        logger.info("Refused a connection", metadata: ["peer": "\(peer)", "reason": "\(reason)"])
    }
}
