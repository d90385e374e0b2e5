// SPDX-License-Identifier: Apache-2.0

import Addressing
import Testing

@testable import Store

@Suite("Rows")
struct RowTests {
    @Test(arguments: [
        [nil, "10.0.0.2", "address", nil, nil, nil, nil],
        ["x", "10.0.0", "address", nil, nil, nil, nil],
        ["x", "10.0.0.2", "router", nil, nil, nil, nil],
        ["x", "10.0.0.2", "address", nil, "02:11", nil, nil],
        ["x", "10.0.0.2", "address", nil, nil, "now", nil],
        ["x", "10.0.0.2", "address", nil, nil, nil, "strong"],
        ["x", "10.0.0.2", "address", nil, nil],
    ])
    func `what is no address is not taken for one`(row: [String?]) {
        #expect(AddressRecord(row) == nil)
        #expect(AddressRecord(["x", "10.0.0.2", "address", nil, nil, nil, nil]) != nil)
    }

    @Test(arguments: [
        [nil, "10.0.0.2", nil, nil, "5", nil],
        ["x", nil, nil, nil, "5", nil],
        ["x", "10.0.0.2", nil, "web", "5", nil],
        ["x", "10.0.0.2", nil, nil, nil, nil],
        ["x", "10.0.0.2", nil, nil, "9223372036854775808", nil],
        ["x", "10.0.0.2", nil, nil, "5", "weak fixed"],
        ["x", "10.0.0.2", nil, nil, "5"],
    ])
    func `what is no rest is not taken for one`(row: [String?]) {
        #expect(RestRecord(row) == nil)
        #expect(RestRecord(["x", "10.0.0.2", nil, nil, "5", nil]) != nil)
    }

    @Test(arguments: [
        [nil, "web", nil],
        ["10.0.0.256", "web", nil],
        ["10.0.0.2", nil, nil],
        ["10.0.0.2", "web", "02:11:22:33:44:66"],
        ["10.0.0.2", nil, "02:11:22:33:44"],
        ["10.0.0.2", "web"],
    ])
    func `what is no reservation is not taken for one`(row: [String?]) {
        #expect(ReservationRecord(row) == nil)
        #expect(ReservationRecord(["10.0.0.2", "web", nil]) != nil)
    }

    @Test(arguments: [
        [nil, "10.0.0.2", "10.0.0.3"],
        ["x", "10.0.0.256", "10.0.0.3"],
        ["x", "10.0.0.2", nil],
        ["x", "10.0.0.2", "10.0.0.1"],
        ["x", "10.0.0.2", "fd00::1"],
        ["x", "10.0.0.2"],
    ])
    func `what is no exclusion is not taken for one`(row: [String?]) {
        #expect(ExclusionRecord(row) == nil)
        #expect(ExclusionRecord(["x", "10.0.0.2", "10.0.0.3"]) != nil)
    }

    @Test func `a row belongs to a pool or a network that is there`() throws {
        let state = try StoredState.example()
        try state.checkReferences()
        for (part, words) in [
            (StoredState(endpoints: state.endpoints), "endpoint 56e4d91db20dac74 belongs to network 09dff9c378bc2a0e"),
            (StoredState(addresses: state.addresses), "address 10.0.0.2 belongs to pool plugind-local/10.0.0.0/24"),
            (StoredState(exclusions: state.exclusions), "exclusion 10.0.0.9 belongs to pool plugind-local/10.0.0.0/24"),
            (StoredState(rests: state.rests), "rest 10.0.0.3 belongs to pool plugind-local/10.0.0.0/24"),
        ] {
            let damage = #expect(throws: Damage.self) { try part.checkReferences() }
            #expect(damage?.reason == words + ", which is missing")
        }
        try StoredState(reservations: state.reservations).checkReferences()
    }
}
