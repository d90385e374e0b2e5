// SPDX-License-Identifier: Apache-2.0

import PluginKit
import TestSupport
import Testing

@testable import NetDriver

/// The tables of `docs/options.md` about networks and containers against what they take.
@Suite("Document of the options of networks")
struct OptionsDocumentTests {
    private static func table(_ section: String) throws -> DocumentTable {
        try DocumentTable("options.md", section: section)
    }

    @Test func `it has every key of a network, and no other`() throws {
        #expect(try Self.table("Options of a network").rows.map { $0[0] }.sorted() == NetworkOptions.known)
    }

    @Test func `its examples can be used, and change something`() throws {
        for row in try Self.table("Options of a network").rows where row[0] != NetworkOptions.Key.defaultBridge {
            let options = try NetworkOptions([row[0]: #require(row.last)])
            #expect(options != (try NetworkOptions([:])), "\(row[0])")
        }
    }

    @Test func `it has every key of a container, and no other`() throws {
        let rows = try Self.table("Options of a container in a network").rows
        typealias Key = EndpointWishes.Key
        #expect(rows.map { $0[0] } == [Key.clients, Key.linkName, Key.settings])
    }

    @Test func `the examples of a container can be used, and change something`() throws {
        for row in try Self.table("Options of a container in a network").rows {
            var options = EndpointOptions()
            options.others = [row[0]: .string(try #require(row.last))]
            #expect(try options.wishes() != EndpointWishes(), "\(row[0])")
        }
    }

    @Test func `it has the keys of the engine's own requests`() throws {
        let keys = Set(try Self.table("What the engine says").rows.map { $0[0] })
        let known =
            CreateNetwork.Options.CodingKeys.allCases.map(\.rawValue)
            + EndpointOptions.CodingKeys.allCases.map(\.rawValue)
        #expect(keys.isSuperset(of: known))
        #expect(
            keys.subtracting(known) == ["com.docker.network.endpoint.name", "com.docker.network.gateway"],
            "these are what IPAM reads")
    }
}
