// SPDX-License-Identifier: Apache-2.0

import HummingbirdCore
import NIOCore
import ServiceLifecycle

/// A reply's body that is written piece by piece, for as long as its maker has something to say.
public struct SocketStream: Sendable {
    /// Writes a piece, and waits while the client takes its time. Throws once the connection has ended.
    public typealias Write = ([UInt8]) async throws -> Void

    private let make: @Sendable (Write) async throws -> Void

    /// `make` writes all of it, and then returns. At graceful shutdown of its task it should do so soon.
    public init(_ make: @escaping @Sendable (_ write: Write) async throws -> Void) {
        self.make = make
    }

    /// After a graceful shutdown has begun, for so long a client may take what is left for it.
    private static let lastWords = TimeAmount.seconds(1)

    /// The body of a reply on `channel`. Neither its end nor the server's waits for a client that does not read.
    func body(on channel: any Channel) -> ResponseBody {
        ResponseBody { writer in
            try await withGracefulShutdownHandler {
                try await make { try await writer.write(ByteBuffer(bytes: $0)) }
                try await writer.finish(nil)
            } onGracefulShutdown: {
                channel.eventLoop.scheduleTask(in: Self.lastWords) { channel.close(promise: nil) }
            }
        }
    }
}
