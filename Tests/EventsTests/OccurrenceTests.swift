// SPDX-License-Identifier: Apache-2.0

import Addressing
import Foundation
import Testing

@testable import Events

@Suite("What happened, in words")
struct OccurrenceTests {
    /// One of each kind.
    static func all() throws -> [Occurrence] {
        let network = try #require(NetworkID(String(repeating: "a", count: 64)))
        let endpoint = try #require(EndpointID(String(repeating: "b", count: 64)))
        let bridge = try #require(InterfaceName("br-1"))
        let address = try #require(IPAddress("10.0.0.5"))
        let pool = "plugind-local/10.0.0.0/24"
        let ports = "0.0.0.0:8080→80/tcp"
        return [
            .daemonStarted(version: "1.0"), .networkCreated(network, bridge: bridge),
            .networkDeleted(network, bridge: bridge),
            .endpointCreated(endpoint, network: network, ipv4: InterfaceAddress("10.0.0.5/24"), ipv6: nil),
            .endpointJoined(endpoint, network: network, sandbox: "/run/docker/netns/1"),
            .endpointLeft(endpoint, network: network), .endpointDeleted(endpoint, network: network),
            .portPublished(endpoint, network: network, ports: ports),
            .portWithdrawn(endpoint, network: network, ports: ports),
            .portLost(endpoint, ports: ports, reason: "the port is in use"), .portRegained(endpoint),
            .poolCreated(pool, reason: "asked for by number"), .poolReleased(pool, reason: "the engine released it"),
            .poolExcluded(pool, ranges: "10.0.0.8/29"), .poolIncluded(pool, ranges: "10.0.0.8/29"),
            .addressGiven(address, pool: pool, name: "web", mac: nil, isGateway: false),
            .addressReleased(address, pool: pool, name: nil, mac: nil),
            .addressReserved(address, identity: "container web"), .addressUnreserved(address),
            .poolShortage(reason: "no IPv4 pool is free"), .addressShortage(pool: pool, reason: "no address is free"),
            .conflictBegun(pool: pool, with: "route 10.0.0.0/8 via tun0"),
            .conflictEnded(pool: pool, with: "route 10.0.0.0/8 via tun0"),
            .repairDone(.network(network), what: "address 10.0.0.1/24", by: "ip (7)"),
            .repairFailed(.endpoint(endpoint), reason: "no such device"),
            .fightBegun(.rules, pause: .seconds(60), by: nil), .firewallRestored(by: "nft (8)"),
            .reconciled(networks: 1, endpoints: 2, mended: 3, left: 4),
            .garbageFreed("endpoint \(endpoint)", reason: "its link is gone"),
            .garbageLeft("endpoint \(endpoint)", reason: "the disk is full"),
            .configurationReloaded(changed: ["gc"], refused: []), .eventsLost(count: 2),
        ]
    }

    @Test func `each kind has a subject and a sentence, and names its fields`() throws {
        let all = try Self.all()
        #expect(Set(all.map(\.kind)) == Set(EventKind.allCases))
        for what in all {
            #expect(!what.subject.isEmpty)
            #expect(what.sentence.count > 5)
            #expect(!what.sentence.hasSuffix("."))
            #expect(what.fields.values.allSatisfy { !$0.isEmpty })
        }
    }

    @Test func `sentences say what happened to what`() throws {
        let endpoint = String(repeating: "b", count: 64)
        let sentences = try Self.all().map(\.sentence)
        for sentence in [
            "endpoint \(endpoint) has published 0.0.0.0:8080→80/tcp",
            "address 10.0.0.5 of pool plugind-local/10.0.0.0/24 was given to container web",
            "address 10.0.0.5 of pool plugind-local/10.0.0.0/24 was released by an endpoint or auxiliary address",
            "address 10.0.0.1/24 of network \(String(repeating: "a", count: 64)) was put back, changed by ip (7)",
            "somebody keeps changing rules, which is left alone for 1m", "2 events are not here any more",
        ] {
            #expect(sentences.contains(sentence), "\(sentence)")
        }
    }

    @Test(arguments: [
        ("endpoint", true), ("endpoint.joined", true), ("endpoint.left", false), ("end", false), ("", false),
        ("reconciled", false),
    ])
    func `a kind is selected by itself and by its first part`(selector: String, isSelected: Bool) {
        #expect(EventKind.endpointJoined.isSelected(by: selector) == isSelected)
    }

    @Test func `what selects something is known`() {
        #expect(EventKind.selectors.count == Set(EventKind.selectors).count)
        for selector in EventKind.selectors {
            #expect(EventKind.allCases.contains { $0.isSelected(by: selector) }, "\(selector)")
        }
    }

    /// `docs/events.md` lists what there is.
    @Test func `the document names each kind and each field`() throws {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../docs/events.md")
        let rows = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
        for what in try Self.all() {
            let row = try #require(rows.first { $0.hasPrefix("| `\(what.kind.rawValue)` |") }, "\(what.kind.rawValue)")
            for field in what.fields.keys { #expect(row.contains("`\(field)`"), "\(field) of \(what.kind.rawValue)") }
        }
    }

    @Test func `the time is in UTC, to a thousandth of a second`() {
        let event = Event(serial: 1, time: 1_795_780_175_694, what: .eventsLost(count: 1))
        #expect(event.timestamp == "2026-11-27T11:49:35.694Z")
    }
}
