// SPDX-License-Identifier: Apache-2.0

import Addressing
import Foundation
import Testing

@testable import Store

@Suite("Migration")
struct MigrationTests {
    private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Fixtures/state")
    /// A state that plugind 0.1.0 stored.
    private static let first = fixtures.appendingPathComponent("version-1.db")
    /// One that a plugind stored which knew of the audit log and checksums, and not of what becomes of an address later.
    private static let second = fixtures.appendingPathComponent("version-2.db")

    private func put(_ file: URL, into directory: String) throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try FileManager.default.copyItem(at: file, to: URL(fileURLWithPath: directory + "/plugind.db"))
    }

    private func names(in directory: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory).sorted()
    }

    @Test func `a state of version 1 is read as it was, and can be added to`() async throws {
        try await withDirectory { directory in
            try put(Self.first, into: directory)
            var stored: StoredState
            do {
                let store = try SQLiteStore(directory: directory)
                stored = try store.load()
                #expect(stored.networks.map(\.bridge.description) == ["br-09dff9c378bc"])
                #expect(stored.networks.map(\.bridgeMAC.description) == ["de:42:dc:c6:40:68"])
                #expect(stored.endpoints.map(\.ipv4) == [InterfaceAddress("10.77.0.2/24")])
                #expect(
                    stored.pools.map(\.id)
                        == ["plugind-local/10.77.0.0/24", "plugind-local/fd23:7a7c:f9fb::/64"])
                #expect(stored.addresses.map(\.address.description) == ["10.77.0.1", "10.77.0.2"])
                #expect(stored.addresses.map(\.role) == [.gateway, .address])
                #expect(stored.addresses.allSatisfy { $0.since == 0 && $0.isConfirmed && !$0.isFixed })
                #expect(stored.rests == [])
                #expect(stored.reservations == [])
                #expect(stored.settings == ["ipam.local-ipv6-block": "fd23:7a7c:f9fb::/48"])
                try await store.commit([.audit(.example(1)), .deletePool("plugind-local/fd23:7a7c:f9fb::/64")])
                stored.pools.removeLast()
            }
            #expect(try SQLiteStore(directory: directory).load() == stored)
        }
    }

    @Test func `a state of version 2 is read as it was, and can be added to`() async throws {
        try await withDirectory { directory in
            try put(Self.second, into: directory)
            var stored: StoredState
            do {
                let store = try SQLiteStore(directory: directory)
                stored = try store.load()
                #expect(stored.networks.map(\.bridge.description) == ["br-09dff9c378bc", "br-19dff9c378bc"])
                #expect(stored.networks.map(\.mtu) == [1500, 1400])
                #expect(
                    stored.endpoints.map(\.ipv4?.description) == ["10.77.0.128/24", "10.77.0.9/24", "10.78.0.2/16"])
                #expect(
                    stored.pools.map(\.prefix.description) == ["10.77.0.0/24", "10.78.0.0/16", "fda1:6ea9:690e::/64"])
                #expect(stored.pools[0].subPool == Prefix("10.77.0.128/25"))
                #expect(stored.pools[0].options == ["purpose": "fixture"])
                #expect(try stored.addresses == secondAddresses())
                #expect(stored.rests == [])
                #expect(stored.reservations == [])
                #expect(stored.settings["ipam.local-ipv6-block"] == "fda1:6ea9:690e::/48")
                let log = try store.auditLog(last: 10)
                #expect(log.map(\.decision) == ["kept", "kept", "kept", "kept"])
                #expect(log.last?.time == 1_795_780_175_694)

                let released = stored.addresses.remove(at: 1)
                let rest = RestRecord(
                    pool: released.pool, address: released.address, name: released.name, mac: released.mac, released: 7)
                let reservation = ReservationRecord(name: "db", address: try #require(IPAddress("10.77.0.7")))
                stored.addresses[0].since = 6
                try await store.commit([
                    .deleteAddress(pool: released.pool, address: released.address), .putRest(rest),
                    .putReservation(reservation), .putAddress(stored.addresses[0]), .audit(.example(1)),
                ])
                stored.rests = [rest]
                stored.reservations = [reservation]
            }
            let store = try SQLiteStore(directory: directory)
            #expect(try store.load() == stored)
            #expect(try store.auditLog(last: 10).count == 5)
        }
    }

    /// What the fixture of version 2 has: gateways, an auxiliary address, names and MAC addresses.
    private func secondAddresses() throws -> [AddressRecord] {
        func address(
            _ address: String, of pool: String, _ role: AddressRecord.Role, name: String? = nil, mac: String? = nil
        ) throws -> AddressRecord {
            AddressRecord(
                pool: "plugind-local/" + pool, address: try #require(IPAddress(address)), role: role, name: name,
                mac: try mac.map { try #require(MACAddress($0)) }, isFixed: false, isConfirmed: true, since: 0)
        }
        return [
            try address("10.77.0.1", of: "10.77.0.0/24/10.77.0.128/25", .gateway),
            try address(
                "10.77.0.128", of: "10.77.0.0/24/10.77.0.128/25", .address, name: "web", mac: "02:11:22:33:44:55"),
            try address("10.77.0.2", of: "10.77.0.0/24/10.77.0.128/25", .address),
            try address("10.77.0.9", of: "10.77.0.0/24/10.77.0.128/25", .address, name: "db"),
            try address("10.78.0.1", of: "10.78.0.0/16", .gateway),
            try address("10.78.0.2", of: "10.78.0.0/16", .address, mac: "02:11:22:33:44:66"),
            try address("fda1:6ea9:690e::1", of: "fda1:6ea9:690e::/64", .gateway),
            try address(
                "fda1:6ea9:690e::2", of: "fda1:6ea9:690e::/64", .address, name: "web", mac: "02:11:22:33:44:55"),
        ]
    }

    @Test func `an older state that is damaged is left as it was found`() async throws {
        try await withDirectory { directory in
            try put(Self.second, into: directory)
            var image = try StateImage(of: directory)
            // The row of the address that `db` has: as a text it is whole, another address.
            let row = try #require(image.database.firstRange(of: Array("10.77.0.9addressdb".utf8)))
            image.database[row.lowerBound + 8] ^= 1
            guard case .failure(let error) = try image.opened(in: directory) else {
                Issue.record("it is opened")
                return
            }
            #expect(error.description.contains("10.77.0.8 does not fit its checksum"))
            let found = try StateImage(of: directory)
            #expect(found.database == image.database)
            #expect(try names(in: directory).contains { $0.contains("before") } == false)
        }
    }

    @Test func `each older state is copied under the version that follows it`() async throws {
        for (state, copy) in [(Self.first, "plugind.db.before-2"), (Self.second, "plugind.db.before-3")] {
            try await withDirectory { directory in
                try put(state, into: directory)
                _ = try SQLiteStore(directory: directory).load()
                #expect(try names(in: directory) == ["lock", "plugind.db", copy])
            }
        }
    }

    @Test func `before a migration the state is copied aside, and the copy can be put back`() async throws {
        try await withDirectory { directory in
            try put(Self.first, into: directory)
            let stored = try SQLiteStore(directory: directory).load()
            #expect(try names(in: directory) == ["lock", "plugind.db", "plugind.db.before-2"])

            try FileManager.default.removeItem(atPath: directory + "/plugind.db")
            try FileManager.default.moveItem(
                atPath: directory + "/plugind.db.before-2", toPath: directory + "/plugind.db")
            #expect(try SQLiteStore(directory: directory).load() == stored)
            #expect(try names(in: directory) == ["lock", "plugind.db", "plugind.db.before-2"])
        }
    }

    @Test func `a new state and one that is up to date are not copied`() async throws {
        try await withDirectory { directory in
            for _ in 0..<2 { #expect(try SQLiteStore(directory: directory).load() == StoredState()) }
            let names = try names(in: directory)
            #expect(names == ["lock", "plugind.db"])
        }
    }

    @Test func `where the state cannot be copied it is not migrated`() async throws {
        try await withDirectory { directory in
            try put(Self.first, into: directory)
            // A directory that is not empty cannot be replaced by a file.
            try FileManager.default.createDirectory(
                atPath: directory + "/plugind.db.before-2/x", withIntermediateDirectories: true)
            let before = try StateImage(of: directory).database.count
            let error = #expect(throws: StoreError.self) { try SQLiteStore(directory: directory) }
            #expect(error?.description.contains("cannot be copied to \(directory)/plugind.db.before-2 first") == true)
            #expect(try StateImage(of: directory).database.count == before)
            #expect(try names(in: directory) == ["lock", "plugind.db", "plugind.db.before-2"])

            try FileManager.default.removeItem(atPath: directory + "/plugind.db.before-2")
            #expect(try SQLiteStore(directory: directory).load().networks.count == 1)
        }
    }

    @Test func `the newest backup is named where the state is damaged`() async throws {
        try await withDirectory { directory in
            try put(Self.first, into: directory)
            #expect(try SQLiteStore(directory: directory).load().networks.count == 1)
            try Data().write(to: URL(fileURLWithPath: directory + "/plugind.db"))
            let error = #expect(throws: StoreError.self) { try SQLiteStore(directory: directory) }
            #expect(error?.description.contains("copy the newest backup, plugind.db.before-2, to plugind.db") == true)
        }
    }
}
