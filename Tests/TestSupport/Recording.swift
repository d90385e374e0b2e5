// SPDX-License-Identifier: Apache-2.0

import Foundation
public import PluginKit

/// What a real engine and a recording plugin said to each other, in order.
public struct Recording: Sendable, CustomStringConvertible {
    /// The engine's version and the scenario, such as `28.5.2-run-publish`.
    public let name: String
    public let exchanges: [Exchange]

    public var description: String { name }

    /// One request and what the plugin answered.
    public struct Exchange: Decodable, Sendable {
        /// Such as `/NetworkDriver.Join`.
        public let path: String
        /// Nil for an empty body.
        public let request: JSONValue?
        /// Nil where the plugin answered nothing, text where it answered no JSON.
        public let response: JSONValue?
        /// Nil where the plugin closed the connection instead.
        public let status: Int?
        /// The name of the recording it is from.
        public fileprivate(set) var scenario = ""

        enum CodingKeys: String, CodingKey {
            case path, request, response, status
        }

        /// Whether the plugin answered in the way a plugin answers.
        public var isSuccess: Bool {
            guard status == 200, case .object(let members)? = response else {
                return false
            }
            return members["Err"] == nil && members["Error"] == nil
        }

        public func isOf(_ method: (some PluginMethod).Type) -> Bool {
            path == "/\(method.name)"
        }
    }

    /// Every recording, by name.
    public static let all: Result<[Recording], any Error> = Result {
        let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("Fixtures/recordings")
        return try FileManager.default.contentsOfDirectory(at: directory, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "jsonl" }.sorted { $0.path < $1.path }.map(Recording.init(contentsOf:))
    }

    /// Every exchange of every recording.
    public static func exchanges() throws -> [Exchange] {
        try all.get().flatMap(\.exchanges)
    }

    public static func exchanges(of method: (some PluginMethod).Type) throws -> [Exchange] {
        try exchanges().filter { $0.isOf(method) }
    }

    private init(contentsOf file: URL) throws {
        let name = file.deletingPathExtension().lastPathComponent
        self.name = name
        exchanges = try Data(contentsOf: file).split(separator: UInt8(ascii: "\n")).map { line in
            var exchange = try JSONDecoder().decode(Exchange.self, from: line)
            exchange.scenario = name
            return exchange
        }
    }
}
