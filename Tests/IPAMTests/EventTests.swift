// SPDX-License-Identifier: Apache-2.0

import Addressing
import Events
import Store
import TestSupport
import Testing

@testable import IPAM

@Suite("What IPAM tells")
struct EventTests {
    private let store = FakeStore()
    private let log = EventLog()

    private var told: [EventKind] { log.read(from: 1).events.map(\.what.kind) }

    @Test func `each step is told once it is stored`() async throws {
        let ipam = try IPAM.make(store: store, events: log)
        let id = try await ipam.pool("10.0.0.0/29")
        _ = try await ipam.address(in: id, gateway: true)
        _ = try await ipam.address(in: id, name: "web")
        try await ipam.release("10.0.0.2", in: id)
        let address = try #require(IPAddress("10.0.0.3"))
        try await ipam.reserve(Reservation(identity: .name("db"), address: address))
        _ = try await ipam.unreserve(address)
        let range = try AddressRange("10.0.0.4/30")
        _ = try await ipam.exclude([range], from: id)
        _ = try await ipam.include([range], in: id)
        try await ipam.releasePool(id)
        let expected: [Occurrence] = [
            .poolCreated(id.description, reason: "asked for by number"),
            .addressGiven(try #require(IPAddress("10.0.0.1")), pool: "\(id)", name: nil, mac: nil, isGateway: true),
            .addressGiven(try #require(IPAddress("10.0.0.2")), pool: "\(id)", name: "web", mac: nil, isGateway: false),
            .addressReleased(try #require(IPAddress("10.0.0.2")), pool: "\(id)", name: "web", mac: nil),
            .addressReserved(address, identity: "container db"), .addressUnreserved(address),
            .poolExcluded("\(id)", ranges: "10.0.0.4/30"), .poolIncluded("\(id)", ranges: "10.0.0.4/30"),
            .poolReleased("\(id)", reason: "the engine released it"),
        ]
        #expect(log.read(from: 1).events.map(\.what) == expected)
    }

    @Test func `what the store refuses did not happen`() async throws {
        let ipam = try IPAM.make(store: store, events: log)
        let id = try await ipam.pool("10.0.0.0/29")
        store.failNext(100)
        _ = await refusal { try await ipam.address(in: id) }
        _ = await refusal { try await ipam.pool("10.1.0.0/24") }
        _ = await refusal { try await ipam.exclude([try AddressRange("10.0.0.4")], from: id) }
        _ = await refusal { try await ipam.releasePool(id) }
        #expect(told == [.poolCreated])
    }

    @Test func `a shortage is told`() async throws {
        let ipam = try IPAM.make(store: store, defaultPools: DefaultPools(ipv4: [], ipv6: []), events: log)
        _ = await refusal { try await ipam.pool() }
        let id = try await ipam.pool("10.0.0.0/32")
        _ = try await ipam.address(in: id)
        let reason = await refusal { try await ipam.address(in: id) }
        // By number it is no shortage.
        _ = await refusal { try await ipam.address("10.0.0.0", in: id) }
        #expect(told == [.poolShortage, .poolCreated, .addressGiven, .addressShortage])
        #expect(log.read(from: 4).events.map(\.what.sentence) == [reason])
    }
}
