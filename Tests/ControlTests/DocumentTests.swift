// SPDX-License-Identifier: Apache-2.0

import Foundation
import IPAM
import NetDriver
import PluginServer
import Testing

@testable import Control

/// `docs/control-api.yaml` against what is served.
@Suite("Control API's document")
struct DocumentTests {
    private let document: APIDocument

    init() throws {
        document = try APIDocument()
    }

    /// What each operation is answered with; `GET /v1/events` in each line.
    private static let replies: [(String, any (Codable & Sendable).Type)] = [
        ("GET /health", Health.self),
        ("GET /v1/audit", AuditList.self),
        ("GET /v1/conflicts", ConflictList.self),
        ("GET /v1/endpoints", EndpointList.self),
        ("GET /v1/endpoints/{id}", EndpointDetail.self),
        ("GET /v1/events", EventEntry.self),
        ("GET /v1/networks", NetworkList.self),
        ("GET /v1/networks/{id}", NetworkDetail.self),
        ("GET /v1/networks/{id}/endpoints", EndpointList.self),
        ("GET /v1/pools", PoolList.self),
        ("GET /v1/pools/{id}", PoolStatus.self),
        ("GET /v1/ports", PortList.self),
        ("GET /v1/reservations", ReservationList.self),
        ("GET /v1/status", DaemonStatus.self),
        ("GET /v1/topology", TopologyAnswer.self),
        ("POST /v1/gc", GarbageAnswer.self),
        ("POST /v1/reconcile", ReconcileAnswer.self),
        ("POST /v1/reload", ReloadAnswer.self),
        ("POST /v1/pools/{id}/exclusions", ExclusionAnswer.self),
        ("POST /v1/reservations", ReservationList.self),
        ("DELETE /v1/pools/{id}/exclusions", ExclusionAnswer.self),
        ("DELETE /v1/reservations/{address}", ReservationEntry.self),
    ]

    private static let requests: [(String, any (Codable & Sendable).Type)] = [
        ("POST /v1/pools/{id}/exclusions", ExclusionRequest.self),
        ("DELETE /v1/pools/{id}/exclusions", ExclusionRequest.self),
        ("POST /v1/reservations", ReservationRequest.self),
    ]

    @Test func `it has the paths and methods that the router has`() throws {
        let served = ControlRouter.make(try IPAM.make()).routes.map(\.description)
        #expect(document.operations.keys.sorted() == served.sorted())
        // Prometheus's text has no fields.
        #expect(Self.replies.map(\.0).sorted() == served.filter { $0 != "GET /metrics" }.sorted())
    }

    @Test func `it has the parameters that the router takes`() async throws {
        let router = ControlRouter.make(try IPAM.make())
        for route in router.routes {
            let known = document.query(of: route.description).joined(separator: ", ")
            let words = known.isEmpty ? "\(route.path) takes none" : "known are \(known)"
            let reply = await router.answer(
                SocketRequest(method: route.method, path: route.path, query: "nonsense=1", body: []))
            let refusal = try ControlAPI.decode(Refusal.self, from: reply.body)
            #expect(refusal.error == "unknown parameter ‘nonsense’; \(words)", "\(route)")
        }
    }

    @Test(arguments: replies.map(\.0)) func `answers are as it says`(operation: String) throws {
        let type = try #require(Self.replies.first { $0.0 == operation }?.1)
        try compare(type, with: try #require(document.reply(of: operation), "\(operation) has no schema"))
    }

    @Test func `bodies of requests are as it says`() throws {
        let documented = document.operations.keys.filter { document.request(of: $0) != nil }
        #expect(documented.sorted() == Self.requests.map(\.0).sorted())
        for (operation, type) in Self.requests {
            try compare(type, with: try #require(document.request(of: operation)))
        }
    }

    @Test func `a refusal is as it says`() throws {
        try compare(Refusal.self, with: try #require(document.schema(named: "Refusal")))
    }

    @Test func `each schema is used`() throws {
        for name in document.schemas.keys {
            #expect(document.text.contains("\"#/components/schemas/\(name)\""), "\(name) is not referred to")
        }
    }

    @Test func `each case of an enumeration is somewhere in it`() throws {
        let differences = SchemaDifferences()
        for (operation, type) in Self.replies {
            try note(type, against: try #require(document.reply(of: operation)), in: differences)
        }
        #expect(differences.cases[String(reflecting: Reach.Way.self)] != nil)
        for (type, cases) in differences.cases { #expect(cases.documented.count == cases.count, "\(type)") }
    }

    private func compare(_ type: any Codable.Type, with schema: Schema) throws {
        let differences = SchemaDifferences()
        try note(type, against: schema, in: differences)
        differences.finish()
        #expect(Set(differences.all).sorted() == [], "\(type)")
    }

    /// Makes a value of what the schema says, and JSON of the value.
    private func note<Value: Codable>(
        _ type: Value.Type, against schema: Schema, in differences: SchemaDifferences
    ) throws {
        for choice in 0...1 {
            let decoder = SchemaDecoder(schema: schema, differences: differences, choice: choice)
            do {
                let value = try Value(from: decoder)
                let json = try JSONSerialization.jsonObject(with: Data(ControlAPI.encode(value)))
                differences.note(json, against: schema)
            } catch {
                differences.note([], "a \(type) cannot be made of what it says: \(error)")
            }
        }
    }
}
