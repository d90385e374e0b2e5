// SPDX-License-Identifier: Apache-2.0

import Foundation
import Yams

/// `docs/control-api.yaml`, read.
struct APIDocument {
    typealias Object = [String: Any]

    let text: String
    /// An operation's method and path, such as `GET /v1/pools`.
    let operations: [String: Object]
    let schemas: [String: Object]

    init() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../docs/control-api.yaml")
        text = try String(contentsOf: file, encoding: .utf8)
        // Refuses a key that is there twice.
        guard let document = try Yams.load(yaml: text) as? Object,
            let paths = document["paths"] as? [String: [String: Object]],
            let components = document["components"] as? Object,
            let schemas = components["schemas"] as? [String: Object]
        else { throw Malformed() }
        self.schemas = schemas
        operations = paths.reduce(into: [:]) { operations, path in
            for (method, operation) in path.value { operations["\(method.uppercased()) \(path.key)"] = operation }
        }
    }

    /// What the body of a good answer is, or the lines of it.
    func reply(of operation: String) -> Schema? {
        let responses = operations[operation]?["responses"] as? [String: Object]
        return responses.flatMap { $0["200"] ?? $0["201"] }.flatMap(schema(inContentOf:))
    }

    func request(of operation: String) -> Schema? {
        (operations[operation]?["requestBody"] as? Object).flatMap(schema(inContentOf:))
    }

    /// The parameters after the question mark.
    func query(of operation: String) -> [String] {
        let parameters = operations[operation]?["parameters"] as? [Object] ?? []
        return parameters.filter { $0["in"] as? String == "query" }.compactMap { $0["name"] as? String }
    }

    /// What a reference leads to; what stands beside it is said of this place alone.
    fileprivate func resolved(_ object: Object) -> Object {
        guard let name = (object["$ref"] as? String)?.split(separator: "/").last, let target = schemas[String(name)]
        else { return object }
        return resolved(target).merging(object.filter { $0.key != "$ref" }) { $1 }
    }

    func schema(named name: String) -> Schema? { schemas[name].map { Schema($0, of: self) } }

    private func schema(inContentOf body: Object) -> Schema? {
        let content = body["content"] as? [String: Object]
        return (content?.values.first?["schema"] as? Object).map { Schema($0, of: self) }
    }
}

/// What some JSON looks like, by the document.
struct Schema {
    typealias Object = APIDocument.Object

    /// Nil if the document does not say it.
    let type: String?
    let properties: [String: Schema]
    let required: Set<String>
    /// Lists of properties that are there in turn: one of `name` and `mac`, say.
    let alternatives: [Set<String>]
    private let item: Object?
    private let others: Object?
    private let values: [Any]
    private let examples: [Any]
    private let document: APIDocument

    init(_ given: Object, of document: APIDocument) {
        self.document = document
        let object = document.resolved(given)
        let parts = (object["allOf"] as? [Object] ?? []).map { Schema($0, of: document) }
        let own = (object["properties"] as? [String: Object] ?? [:]).mapValues { Schema($0, of: document) }
        type = object["type"] as? String ?? parts.first?.type
        properties = parts.reduce(own) { $0.merging($1.properties) { own, _ in own } }
        required = parts.reduce(Set(object["required"] as? [String] ?? [])) { $0.union($1.required) }
        alternatives =
            (object["oneOf"] as? [Object] ?? []).map { Set($0["required"] as? [String] ?? []) }
            + parts.flatMap(\.alternatives)
        item = object["items"] as? Object
        others = object["additionalProperties"] as? Object
        values = object["enum"] as? [Any] ?? []
        examples = object["examples"] as? [Any] ?? []
    }

    var inAlternatives: Set<String> { alternatives.reduce(into: []) { $0.formUnion($1) } }
    /// That of a list's items.
    var items: Schema? { item.map { Schema($0, of: document) } }
    /// That of what an object has under names that are not fixed.
    var additional: Schema? { others.map { Schema($0, of: document) } }
    /// The only texts that it can be; empty if there is no list of them.
    var texts: [String] { values.map { "\($0)" } }
    /// Texts, of which one will be such as is meant here.
    var samples: [String] {
        guard texts.isEmpty else { return texts }
        return examples.map { "\($0)" } + [
            "text", "10.0.0.0/24", "10.0.0.1", "br-1", "02:00:00:00:00:01", "09dff9c378bc2a0e5bfce0e5",
            "plugind-local/10.0.0.0/24",
        ]
    }
}
