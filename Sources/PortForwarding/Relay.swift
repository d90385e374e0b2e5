// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// One of the two channels of a forwarded connection: what comes in here goes out at the other.
///
/// Nothing is read here while the other's buffer is full, so a slow reader slows its writer down and what is held in
/// between is limited. The channels must not read by themselves, and must allow half-closure.
final class Relay: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var context: ChannelHandlerContext?
    /// Each knows the other until one of them is removed.
    private var other: Relay?

    private init() {}

    /// Both must be on the same event loop.
    static func pair() -> (Relay, Relay) {
        let (one, other) = (Relay(), Relay())
        one.other = other
        other.other = one
        return (one, other)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        // A channel that never became active has not been inactive before.
        other?.finish(.all)
        other?.other = nil
        other = nil
        self.context = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        readOn()
        other?.readOn()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let receiver = other?.context else { return }
        receiver.write(wrapOutboundOut(unwrapInboundIn(data)), promise: nil)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        other?.context?.flush()
        readOn()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        other?.readOn()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed { other?.finish(.output) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        other?.finish(.all)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    /// Asks for more, if the other can take it; otherwise it asks when it can.
    private func readOn() {
        guard let context, context.channel.isActive, let receiver = other?.context?.channel, receiver.isActive,
            receiver.isWritable
        else { return }
        context.read()
    }

    /// Closes the channel, or its sending half, once all that was written has gone out.
    ///
    /// Not by `close` alone: that throws away what is not yet written, also when it is to close the sending half of a
    /// channel whose receiving half is closed.
    private func finish(_ mode: CloseMode) {
        guard let context else { return }
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { _ in context.close(mode: mode, promise: nil) }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: written)
    }
}
