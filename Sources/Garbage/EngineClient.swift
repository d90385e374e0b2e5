// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import NIOCore
import NIOHTTP1
import PluginKit
import SocketClient

/// Asks the engine what it knows, over its unix socket, by reading alone: `GET /networks`, `GET /networks/ID` and
/// `GET /containers/json`.
public struct EngineClient: EngineDirectory {
    private let socket: String
    private let deadline: Duration
    private let sizeLimit: Int

    /// `deadline` is for each answer, `sizeLimit`, in bytes, too. An engine that holds locks because it waits for plugind
    /// answers only after that.
    public init(socket: String, deadline: Duration = .seconds(5), sizeLimit: Int = 16 << 20) {
        self.socket = socket
        self.deadline = deadline
        self.sizeLimit = sizeLimit
    }

    public func ask() async throws(EngineError) -> EngineView {
        try await asking(view(by:))
    }

    public func fixedAddresses() async throws(EngineError) -> [FixedAddress] {
        try await asking { client in
            let containers = try await client.get([EngineContainer].self, "/containers/json?all=1")
            return try containers.flatMap { try $0.fixedAddresses }
        }
    }

    func asking<Answer: Sendable>(
        _ questions: (SocketClient) async throws -> Answer
    ) async throws(EngineError) -> Answer {
        do {
            return try await SocketClient.asking(socket, deadline: deadline, sizeLimit: sizeLimit, questions)
        } catch {
            throw EngineError("the engine cannot be asked at \(socket): \(error)")
        }
    }

    private func view(by client: SocketClient) async throws -> EngineView {
        var view = EngineView()
        for network in try await client.get([EngineNetwork.Name].self, "/networks") {
            try view.add(try await client.get(EngineNetwork.self, "/networks/\(network.id)"))
        }
        return view
    }
}

extension SocketClient {
    func get<Answer: Decodable>(_: Answer.Type, _ path: String) async throws -> Answer {
        let question = Question(.GET, path, headers: ["Accept": "application/json"])
        let reply = try await ask(question)
        // A network that was deleted since the list was made, too: what is known changes, so the next pass asks anew.
        guard reply.status == 200 else {
            throw SocketClientError.unusable("\(question) was answered \(reply.status)")
        }
        do {
            return try JSONDecoder().decode(Answer.self, from: Data(reply.body.readableBytesView))
        } catch let error as DecodingError {
            throw SocketClientError.unusable(
                "the answer to \(question) is not what was expected: \(error.words(of: "it"))")
        }
    }
}
