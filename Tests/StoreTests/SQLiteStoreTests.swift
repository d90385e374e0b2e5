// SPDX-License-Identifier: Apache-2.0

import Addressing
import Foundation
import Testing

@testable import Store

@Suite("SQLite store")
struct SQLiteStoreTests {
    @Test func `what was committed is there after the store is opened again`() async throws {
        try await withDirectory { directory in
            let state = try StoredState.example()
            do {
                let store = try SQLiteStore(directory: directory)
                #expect(try store.load() == StoredState())
                try await store.commit(state.networks.map(Change.putNetwork))
                try await store.commit(state.endpoints.map(Change.putEndpoint) + state.pools.map(Change.putPool))
                try await store.commit(state.addresses.map(Change.putAddress) + state.rests.map(Change.putRest))
                try await store.commit(state.reservations.map(Change.putReservation))
                try await store.commit(state.exclusions.map(Change.putExclusion))
                try await store.commit([.putSetting(key: "ula", value: "fd00::/48")])
            }
            #expect(try SQLiteStore(directory: directory).load() == state)
        }
    }

    @Test func `a put replaces the record of the same key`() async throws {
        try await withDirectory { directory in
            let store = try SQLiteStore(directory: directory)
            var network = try NetworkRecord.example()
            try await store.commit([.putNetwork(network)])
            network.phase = .ready
            network.mtu = 9000
            try await store.commit([.putNetwork(network)])
            #expect(try store.load().networks == [network])
        }
    }

    @Test func `deleting what is gone succeeds`() async throws {
        try await withDirectory { directory in
            let store = try SQLiteStore(directory: directory)
            let state = try StoredState.example()
            try await store.commit([
                .deleteNetwork(state.networks[0].id), .deleteEndpoint(state.endpoints[0].id), .deletePool("none"),
                .deleteAddress(pool: "none", address: state.addresses[0].address),
                .deleteRest(pool: "none", address: state.rests[0].address),
                .deleteReservation(state.reservations[0].address),
                .deleteExclusion(pool: "none", first: state.exclusions[0].first),
            ])
            #expect(try store.load() == StoredState())
        }
    }

    @Test func `deleting a pool deletes its addresses and what is known of those released, and leaves reservations`()
        async throws
    {
        try await withDirectory { directory in
            let store = try SQLiteStore(directory: directory)
            var state = try StoredState.large(networks: 2, endpointsEach: 3)
            try await store.commit(state.changes)
            let deleted = state.pools.removeFirst().id
            try await store.commit([.deletePool(deleted)])
            state.addresses.removeAll { $0.pool == deleted }
            state.rests.removeAll { $0.pool == deleted }
            state.exclusions.removeAll { $0.pool == deleted }
            #expect(state.rests.count == 3)
            #expect(state.exclusions.count == 1)
            #expect(state.reservations.count == 6)
            #expect(try store.load() == state)
        }
    }

    @Test func `a pool that is put again keeps its addresses and what is known of those released`() async throws {
        try await withDirectory { directory in
            let store = try SQLiteStore(directory: directory)
            var state = try StoredState.large(networks: 2, endpointsEach: 3)
            try await store.commit(state.changes)
            state.pools[0].options["a"] = "b"
            try await store.commit([.putPool(state.pools[0])])
            #expect(try store.load() == state)
        }
    }

    @Test func `an address goes from those held to those released and back`() async throws {
        try await withDirectory { directory in
            let store = try SQLiteStore(directory: directory)
            var state = try StoredState.example()
            let held = state.addresses[0]
            var rest = RestRecord(pool: held.pool, address: held.address, name: held.name, mac: nil, released: 5)
            state.rests = []
            try await store.commit(state.changes)

            try await store.commit([.deleteAddress(pool: held.pool, address: held.address), .putRest(rest)])
            state.addresses = []
            state.rests = [rest]
            #expect(try store.load() == state)

            rest.released = 6
            rest.mac = held.mac
            try await store.commit([.putRest(rest)])
            state.rests = [rest]
            #expect(try store.load() == state)

            // By itself the grant leaves what is known of the last holder.
            try await store.commit([.putAddress(held)])
            state.addresses = [held]
            #expect(try store.load() == state)

            try await store.commit([.deleteRest(pool: held.pool, address: held.address)])
            state.rests = []
            #expect(try store.load() == state)
        }
    }

    @Test func `whatever an address or a rest can be comes back as it was`() async throws {
        try await withDirectory { directory in
            let store = try SQLiteStore(directory: directory)
            var state = try StoredState.example()
            state.addresses = []
            state.rests = []
            var number = 0
            for (isFixed, isConfirmed) in [(false, true), (false, false), (true, true), (true, false)] {
                for (name, mac) in [(nil, nil), ("web", nil), (nil, "02:11:22:33:44:66"), ("ä", "02:11:22:33:44:66")] {
                    for time in [0, 1, .max] as [Int64] {
                        number += 1
                        let address = try #require(IPAddress("10.0.0.\(number)"))
                        let mac = mac.flatMap { MACAddress($0) }
                        state.addresses.append(
                            AddressRecord(
                                pool: state.pools[0].id, address: address, role: .address, name: name, mac: mac,
                                isFixed: isFixed, isConfirmed: isConfirmed, since: time))
                        state.rests.append(
                            RestRecord(
                                pool: state.pools[0].id, address: address, name: name, mac: mac,
                                isConfirmed: isConfirmed, isFixed: isFixed, released: time))
                    }
                }
            }
            try await store.commit(state.changes)
            #expect(try store.load() == state.sorted)
        }
    }

    @Test func `a reservation is for one name or one MAC address, and the last one of an address counts`()
        async throws
    {
        try await withDirectory { directory in
            let store = try SQLiteStore(directory: directory)
            let address = try #require(IPAddress("fd00::5"))
            let byMAC = ReservationRecord(mac: MACAddress("02:11:22:33:44:66"), address: address)
            try await store.commit([.putReservation(ReservationRecord(name: "web", address: address))])
            try await store.commit([.putReservation(byMAC)])
            for refused in [
                ReservationRecord(address: address),
                ReservationRecord(name: "web", mac: byMAC.mac, address: address),
            ] {
                await #expect(throws: StoreError.self) { try await store.commit([.putReservation(refused)]) }
            }
            #expect(try store.load() == StoredState(reservations: [byMAC]))
            try await store.commit([.deleteReservation(address)])
            #expect(try store.load() == StoredState())
        }
    }

    @Test func `an exclusion is known by its pool and its first address`() async throws {
        try await withDirectory { directory in
            let store = try SQLiteStore(directory: directory)
            var state = try StoredState.large(networks: 2, endpointsEach: 1)
            try await store.commit(state.changes)
            state.exclusions[0].last = state.exclusions[0].first
            try await store.commit([.putExclusion(state.exclusions[0])])
            #expect(try store.load() == state)
            let other = state.exclusions.removeLast()
            try await store.commit([.deleteExclusion(pool: other.pool, first: other.first)])
            #expect(try store.load() == state)
            await #expect(throws: StoreError.self) { try await store.commit([.putExclusion(.example("none"))]) }
        }
    }

    @Test func `nothing is known of an address whose pool is not there`() async throws {
        try await withDirectory { directory in
            let store = try SQLiteStore(directory: directory)
            let rest = try StoredState.example().rests[0]
            await #expect(throws: StoreError.self) { try await store.commit([.putRest(rest)]) }
            #expect(try store.load() == StoredState())
        }
    }

    @Test func `changes of one commit are all there or not at all`() async throws {
        try await withDirectory { directory in
            let store = try SQLiteStore(directory: directory)
            let state = try StoredState.example()
            // The second refers to a network that is not there.
            await #expect(throws: StoreError.self) {
                try await store.commit([.putPool(state.pools[0]), .putEndpoint(state.endpoints[0])])
            }
            #expect(try store.load() == StoredState())
        }
    }

    @Test func `a commit that fails does not fail those that waited with it`() async throws {
        try await withDirectory { directory in
            let store = try SQLiteStore(directory: directory)
            let orphan = try EndpointRecord.example()
            let failures = await withTaskGroup(of: Bool.self) { group in
                for index in 0..<200 {
                    group.addTask {
                        do {
                            try await store.commit(
                                index.isMultiple(of: 10)
                                    ? [.putEndpoint(orphan)] : [.putSetting(key: "\(index)", value: "x")])
                            return false
                        } catch {
                            return true
                        }
                    }
                }
                return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(failures == 20)
            #expect(try store.load().settings.count == 180)
        }
    }

    @Test func `two stores on one directory are refused in words`() async throws {
        try await withDirectory { directory in
            let store = try SQLiteStore(directory: directory)
            let error = #expect(throws: StoreError.self) { try SQLiteStore(directory: directory) }
            #expect(error?.description.contains("in use by another plugind (process \(getpid()))") == true)
            withExtendedLifetime(store) {}
        }
    }

    @Test func `a store that was closed leaves one whole file, and refuses what comes later`() async throws {
        try await withDirectory { directory in
            let network = try NetworkRecord.example()
            let store = try SQLiteStore(directory: directory)
            try await store.commit([.putNetwork(network)])
            store.close()
            store.close()
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory).sorted() == ["lock", "plugind.db"])
            await #expect(throws: StoreError.self) { try await store.commit([.deleteNetwork(network.id)]) }
            #expect(try FileManager.default.contentsOfDirectory(atPath: directory).sorted() == ["lock", "plugind.db"])
        }
    }

    @Test func `the directory is for its owner alone`() async throws {
        try await withDirectory { directory in
            let store = try SQLiteStore(directory: directory)
            let mode = try FileManager.default.attributesOfItem(atPath: directory)[.posixPermissions] as? Int
            #expect(mode == 0o700)
            withExtendedLifetime(store) {}
        }
    }

    @Test func `every commit is flushed to the disk before it is answered`() async throws {
        try await withDirectory { directory in
            let store = try SQLiteStore(directory: directory)
            // 2 is FULL: https://www.sqlite.org/pragma.html#pragma_synchronous
            #expect(try store.pragma("synchronous") == "2")
            #expect(try store.pragma("journal_mode") == "wal")
        }
    }

    @Test func `the audit log gives its last lines, newest first`() async throws {
        try await withDirectory { directory in
            let records = (0..<5).map { AuditRecord.example(Int64($0)) }
            do {
                let store = try SQLiteStore(directory: directory)
                #expect(try store.auditLog(last: 3) == [])
                for record in records { try await store.commit([.audit(record)]) }
                #expect(try store.auditLog(last: 2) == [records[4], records[3]])
                #expect(try store.auditLog(last: 0) == [])
            }
            let store = try SQLiteStore(directory: directory)
            #expect(try store.auditLog(last: 100) == records.reversed())
            #expect(try store.load() == StoredState())
        }
    }

    @Test func `the audit log keeps its newest lines and drops the oldest`() async throws {
        try await withDirectory { directory in
            let store = try SQLiteStore(directory: directory)
            let count = AuditRecord.limit + 250
            for first in stride(from: 0, to: count, by: 500) {
                let records = (first..<min(first + 500, count)).map { AuditRecord.example(Int64($0)) }
                try await store.commit(records.map(Change.audit))
            }
            let times = try store.auditLog(last: count).map(\.time)
            #expect(times == (250..<Int64(count)).reversed())
        }
    }

    @Test func `the journal is moved into the database again and again`() async throws {
        try await withDirectory { directory in
            let store = try SQLiteStore(directory: directory)
            for index in 0..<3000 { try await store.commit([.putSetting(key: "\(index % 10)", value: "\(index)")]) }
            let journal = try FileManager.default.attributesOfItem(atPath: directory + "/plugind.db-wal")
            let size = try #require(journal[.size] as? Int)
            print("journal after 3000 commits: \(size / 1024) KiB")
            #expect(size < 3000 * 4096)
            #expect(try store.load().settings.values.sorted().first == "2990")
        }
    }
}
