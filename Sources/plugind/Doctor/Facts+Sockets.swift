// SPDX-License-Identifier: Apache-2.0

import Diagnosis
import FoundationEssentials
import Glibc
import NIOCore
import NIOHTTP1
import SocketClient

extension Facts.PluginSocket.State {
    /// Calls the plugin as the engine does.
    init(of path: String) async {
        guard path.hasPrefix("/") else {
            self = .unknown("only unix sockets are looked at")
            return
        }
        do throws(SocketClientError) {
            let reply = try await SocketClient.answer(
                at: path, to: SocketClient.Question(.POST, "/Plugin.Activate", body: ByteBuffer()))
            self =
                reply.status == 200 && String(buffer: reply.body).contains("Implements")
                ? .answering : .silent("/Plugin.Activate is answered \(reply.status)")
        } catch .notConnected(ENOENT, _) {
            self = .missing
        } catch .notConnected(ECONNREFUSED, _) {
            self = .dead
        } catch .notConnected(EAGAIN, _) {
            self = .silent("its queue is full")
        } catch .notConnected(_, let reason) {
            self = .unknown(reason)
        } catch {
            self = .silent("\(error)")
        }
    }
}

extension Facts.Engine {
    private struct Version: Decodable {
        let version: String

        enum CodingKeys: String, CodingKey {
            case version = "Version"
        }
    }

    static func version(at path: String) async -> Fact<String> {
        do throws(SocketClientError) {
            let reply = try await SocketClient.answer(at: path, to: SocketClient.Question(.GET, "/version"))
            guard reply.status == 200,
                let version = try? JSONDecoder().decode(Version.self, from: Data(reply.body.readableBytesView))
            else { return .unknown("GET /version is answered \(reply.status), and not as an engine does") }
            return .known(version.version)
        } catch {
            return .unknown("\(error)")
        }
    }
}

extension SocketClient {
    fileprivate static func answer(
        at socket: String, to question: Question
    ) async throws(SocketClientError) -> Reply {
        do {
            return try await asking(socket, deadline: .seconds(5), sizeLimit: 1 << 20) { try await $0.ask(question) }
        } catch let error as SocketClientError {
            throw error
        } catch {
            throw .unusable("\(error)")
        }
    }
}
