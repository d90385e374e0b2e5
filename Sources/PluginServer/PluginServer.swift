// SPDX-License-Identifier: Apache-2.0

public import Logging
public import PluginKit
public import ServiceLifecycle

/// Serves a method table to the engine on a listening socket, as `SocketServer` does.
public struct PluginServer: Service {
    private let server: SocketServer

    /// Serves `socket`, over `tls` if that is given, and removes it in the end if it is this process's own.
    public init(socket: any ListeningSocket, tls: ServerTLS? = nil, methods: MethodTable, logger: Logger) {
        server = SocketServer(socket: socket, tls: tls, logger: logger) { request in
            guard let body = request.body else {
                return SocketReply(
                    .failure(status: 400, text: "the request body has more than \(SocketServer.bodyLimit) bytes"))
            }
            guard request.method == "POST" else {
                let text = "\(request.method) is not allowed, only POST is"
                return SocketReply(.failure(status: 405, text: text), allowed: ["POST"])
            }
            return SocketReply(await methods.answer(path: request.path, body: body))
        }
    }

    /// Serves until graceful shutdown. To be called once.
    public func run() async throws {
        try await server.run()
    }
}

extension SocketReply {
    fileprivate init(_ reply: PluginReply, allowed: [String] = []) {
        self.init(
            status: reply.status, contentType: "application/vnd.docker.plugins.v1.2+json", allowed: allowed,
            body: reply.body)
    }
}
