// SPDX-License-Identifier: Apache-2.0

import Addressing
import IPAM
import TestSupport
import Testing

/// The table of `docs/options.md` about pools against what pools take.
@Suite("Document of the options of pools")
struct OptionsDocumentTests {
    private let table: DocumentTable

    init() throws {
        table = try DocumentTable("options.md", section: "Options of pools")
    }

    @Test func `it has every key, and no other`() {
        #expect(table.rows.map { $0[0] }.sorted() == PoolOptions.Key.allCases.map(\.rawValue).sorted())
    }

    @Test func `its examples can be used, and change something`() throws {
        for row in table.rows {
            let options = try PoolOptions([row[0]: #require(row.last)], family: .v4, defaults: PoolOptions())
            #expect(options != PoolOptions(), "\(row[0])")
        }
    }
}
