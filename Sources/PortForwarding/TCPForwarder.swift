// SPDX-License-Identifier: Apache-2.0

import Addressing
import Glibc
import HostNetwork
import Logging
import NIOCore
import NIOPosix

/// Accepts the connections to a held port, and forwards each over a connection of its own to the container.
final class TCPForwarder: Sendable {
    /// So many connections at once; more are closed as they come.
    private static let connectionLimit = 4096
    /// Containers are on this host: one that does not answer for so long will not.
    private static let patience = TimeAmount.seconds(10)

    private let server: any Channel
    private let channels: OpenChannels

    /// Blocks until connections are accepted. From then on this owns the socket, which nobody else may keep.
    init(
        _ socket: BoundSocket, to target: PortTarget, on loop: any EventLoop, budget: DescriptorBudget, logger: Logger
    ) throws {
        let channels = OpenChannels(limit: 2 * Self.connectionLimit, budget: budget)
        let acceptance = Acceptance(
            target: try SocketName(target.address, port: target.port).socketAddress(),
            clients: ClientList(prefixes: target.clients), channels: channels, patience: Self.patience, logger: logger)
        // The event loop closes the descriptor that it is given, and `socket` closes its own.
        guard let listener = socket.duplicate() else { throw ForwardingError(code: errno) }
        server = try ServerBootstrap(group: loop)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    // Waits a little when the process has no descriptor left, rather than to try again at once.
                    try channel.pipeline.syncOperations.addHandler(AcceptBackoffHandler())
                }
            }
            .childChannelInitializer { acceptance.accept($0) }
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .withBoundSocket(listener.release())
            .wait()
        self.channels = channels
        // The kernel makes the queue as long as net.core.somaxconn allows.
        guard listen(socket.number, CInt.max) == 0, socket.open() else {
            let code = errno
            end()
            throw ForwardingError(code: code)
        }
    }

    /// Closes the socket and resets all connections, and returns when that is done. Not for the event loop's own thread.
    func end() {
        let closed = server.eventLoop.flatSubmit { [server, channels] in
            channels.reset()
            return server.close()
        }
        _ = try? closed.wait()
    }
}

/// What is done with a new connection.
private struct Acceptance: Sendable {
    let target: SocketAddress
    let clients: ClientList
    let channels: OpenChannels
    let patience: TimeAmount
    let logger: Logger

    /// Connects a client to the container. The client's channel becomes active when that has succeeded, and is closed
    /// if it fails.
    func accept(_ client: any Channel) -> EventLoopFuture<Void> {
        guard let name = SocketName(client.remoteAddress),
            clients.admits(name.address, at: SocketName(client.localAddress)?.address)
        else { return client.eventLoop.makeFailedFuture(Refusal.notAllowed) }
        guard channels.add(client) else { return client.eventLoop.makeFailedFuture(Refusal.tooMany) }
        let connected = client.eventLoop.makeCompletedFuture {
            let (outside, inside) = Relay.pair()
            try client.pipeline.syncOperations.addHandler(outside)
            return NIOLoopBound(inside, eventLoop: client.eventLoop)
        }.flatMap { connect($0, on: client.eventLoop) }
        connected.whenFailure { error in
            logger.debug(
                "Cannot forward a connection", error: error,
                metadata: ["target": "\(target)"])
        }
        return connected
    }

    private func connect(_ relay: NIOLoopBound<Relay>, on loop: any EventLoop) -> EventLoopFuture<Void> {
        ClientBootstrap(group: loop)
            .channelInitializer { [channels] container in
                container.eventLoop.makeCompletedFuture {
                    guard channels.add(container) else { throw Refusal.tooMany }
                    try container.pipeline.syncOperations.addHandler(relay.value)
                }
            }
            .channelOption(.autoRead, value: false)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .connectTimeout(patience)
            .connect(to: target)
            .map { _ in }
    }
}

/// Why a connection is not forwarded.
private enum Refusal: Error {
    case notAllowed
    case tooMany
}
