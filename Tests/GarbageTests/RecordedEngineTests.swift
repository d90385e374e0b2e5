// SPDX-License-Identifier: Apache-2.0

import Addressing
import Foundation
import PluginKit
import Testing

@testable import Garbage

/// What real engines answered about the same networks and containers.
@Suite("An engine's answers, recorded")
struct RecordedEngineTests {
    private struct Recorded: Decodable {
        let list: JSONValue
        let networks: [String: JSONValue]
    }

    private static let directory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Fixtures/engine-api")

    @Test(arguments: ["20.10.24", "28.5.2"]) func `they say what the engine knows`(version: String) async throws {
        let file = Self.directory.appending(path: "\(version)-networks.json")
        let recorded = try JSONDecoder().decode(Recorded.self, from: Data(contentsOf: file))
        var answers = ["/networks": try Self.answer(recorded.list)]
        for (id, network) in recorded.networks { answers["/networks/\(id)"] = try Self.answer(network) }

        let view = try await SmallServer.serving(answers) { server in
            try await EngineClient(socket: server.path, deadline: .seconds(600)).ask()
        }
        #expect(Set(view.networks.map(\.description)) == Set(recorded.networks.keys))
        #expect(view.endpoints.count == 4, "a stopped container has no endpoint")
        let subnets = Set(view.subnets.map(\.description))
        #expect(subnets.isSuperset(of: ["10.77.0.0/24", "fd77::/64", "10.78.0.0/24", "10.79.0.0/24", "10.80.0.0/24"]))
        #expect(!subnets.contains("0.0.0.0/0"), "the null IPAM's subnet is none")
        let addresses = Set(view.addresses.map(\.description))
        #expect(
            addresses.isSuperset(of: ["10.77.0.9", "10.77.0.50", "10.77.0.254"]),
            "auxiliary address, container, gateway that the user named")
        #expect(!addresses.contains("10.80.0.1"), "a gateway that nobody named is not in the answer")
    }

    private static func answer(_ value: JSONValue) throws -> SmallServer.Answer {
        .chunked(String(decoding: try JSONEncoder().encode(value), as: UTF8.self), size: 1000)
    }
}
