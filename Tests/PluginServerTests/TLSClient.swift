// SPDX-License-Identifier: Apache-2.0

import Addressing
import NIOCore
import NIOPosix
import NIOSSL

@testable import PluginServer

/// A client over TCP: what it gets for what it sends, until the server closes or a reply is complete.
struct TLSClient {
    let address: ListenAddress
    /// Nil for a client that speaks no TLS.
    var configuration: TLSConfiguration?

    /// One that trusts the CA of `certificates` and shows the certificate `name`, if that is given.
    init(_ address: ListenAddress, _ certificates: Certificates, showing name: String? = nil) throws {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates(
            try NIOSSLCertificate.fromPEMFile(certificates.path(Certificates.authority)))
        if let name {
            configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(certificates.path(name))
                .map { .certificate($0) }
            configuration.privateKey = .privateKey(
                try NIOSSLPrivateKey(file: certificates.key(name), format: .pem))
        }
        self.address = address
        self.configuration = configuration
    }

    /// One that speaks no TLS.
    init(plain address: ListenAddress) {
        self.address = address
    }

    /// A connection, before anything was sent.
    func connect() async throws -> NIOAsyncChannel<ByteBuffer, ByteBuffer> {
        let context = try configuration.map { try NIOSSLContext(configuration: $0) }
        return try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connect(host: address.address.description, port: Int(address.port)) { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let context {
                        try channel.pipeline.syncOperations.addHandler(
                            NIOSSLClientHandler(context: context, serverHostname: nil))
                    }
                    return try NIOAsyncChannel(wrappingChannelSynchronously: channel)
                }
            }
    }

    /// What comes for `request` until it ends in a brace, as the replies here do, or the server closes.
    func answer(to request: String) async throws -> String {
        try await connect().executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: request))
            var answer = ""
            for try await part in inbound {
                answer += String(buffer: part)
                if answer.hasSuffix("}") { break }
            }
            return answer
        }
    }
}
