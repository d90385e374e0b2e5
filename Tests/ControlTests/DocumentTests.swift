// SPDX-License-Identifier: Apache-2.0

import Addressing
import Foundation
import IPAM
import NetDriver
import Store
import Testing

@testable import Control

/// `docs/control-api.yaml` against what is served.
@Suite("Control API's document")
struct DocumentTests {
    /// Each key of the document with those that it is in, such as `["paths", "/v1/pools", "get"]`.
    private let keys: Set<[String]>

    init() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../docs/control-api.yaml")
        var path: [(indent: Int, key: String)] = []
        var keys: Set<[String]> = []
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
            let text = line.drop { $0 == " " }
            guard let colon = text.firstIndex(of: ":"), !text.hasPrefix("- "), !text.hasPrefix("#") else { continue }
            let indent = line.count - text.count
            path.removeAll { $0.indent >= indent }
            path.append((indent, text[..<colon].filter { $0 != "\"" }))
            keys.insert(path.map(\.key))
        }
        self.keys = keys
    }

    private func children(of path: [String]) -> Set<String> {
        Set(keys.filter { $0.count == path.count + 1 && $0.starts(with: path) }.compactMap(\.last))
    }

    @Test func `it has the paths and methods that the router has`() throws {
        let documented = children(of: ["paths"]).flatMap { path in
            children(of: ["paths", path]).map { "\($0.uppercased()) \(path)" }
        }
        #expect(documented.sorted() == ControlRouter.make(try IPAM.make()).routes.map(\.description).sorted())
    }

    @Test func `it has the fields that are sent`() throws {
        let reservation = try Reservation.make("web", "10.0.0.5")
        let id = try #require(PoolID("plugind-local/10.0.0.0/24"))
        let subnet = try #require(Prefix("10.0.0.0/24"))
        var entry = ReservationEntry(ListedReservation.make(reservation, .pool(id)))
        let status = PoolStatus(.make(id: id, subnet: subnet))
        expect("PoolStatus", has: try fields(of: status))
        expect("PoolList", has: try fields(of: PoolList(pools: [])))
        expect("ConflictList", has: try fields(of: ConflictList(conflicts: [])))
        expect("ReservationList", has: try fields(of: ReservationList(reservations: [])))
        expect("Refusal", has: try fields(of: Refusal(error: "")))
        expect("AuditList", has: try fields(of: AuditList(entries: [])))
        expect(
            "AuditEntry",
            has: try fields(of: AuditEntry(AuditRecord(time: 0, subject: "", decision: "", reason: ""))))
        let garbage = GarbageAnswer(GarbageTests.report())
        expect("GarbageAnswer", has: try fields(of: garbage))
        expect("GarbageSuspect", has: try fields(of: try #require(garbage.suspects.first)))
        expect("ReconcileAnswer", has: try fields(of: ReconcileAnswer(dryRun: true, differences: [])))
        let difference = HostDifference(subject: "host", link: "br-1", repairs: [], obstacle: "a reason")
        expect("ReconcileDifference", has: try fields(of: ReconcileDifference(difference, .left)))
        var entryFields = try fields(of: entry)
        entry.identity = try Reservation.make("02:00:00:00:00:01", "10.0.0.5").identity
        entryFields.formUnion(try fields(of: entry))
        expect("ReservationEntry", has: entryFields)
        expect("ReservationRequest", has: Set(ReservationRequest.CodingKeys.allCases.map(\.rawValue)))
    }

    @Test func `it has the fields of what there is`() {
        expect("NetworkStatus", has: Set(NetworkStatus.CodingKeys.allCases.map(\.rawValue)))
        expect("EndpointStatus", has: Set(EndpointStatus.CodingKeys.allCases.map(\.rawValue)))
        expect("PortStatus", has: Set(PortStatus.CodingKeys.allCases.map(\.rawValue)))
    }

    private func expect(_ schema: String, has fields: Set<String>) {
        #expect(children(of: ["components", "schemas", schema, "properties"]) == fields, "\(schema)")
    }

    private func fields(of value: some Encodable) throws -> Set<String> {
        let object = try JSONSerialization.jsonObject(with: Data(ControlAPI.encode(value)))
        return Set(try #require(object as? [String: Any]).keys)
    }
}
