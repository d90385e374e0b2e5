// SPDX-License-Identifier: Apache-2.0

import Addressing
import Foundation
import Testing

@testable import Store

@Suite("SQLite store")
struct SQLiteStoreTests {
    private let directory = NSTemporaryDirectory() + "plugind-store-\(UUID().uuidString)"

    /// Runs `body` with a store in a directory of its own, which is deleted afterwards.
    private func withDirectory(_ body: (String) async throws -> Void) async throws {
        defer { try? FileManager.default.removeItem(atPath: directory) }
        try await body(directory)
    }

    @Test func `what was committed is there after the store is opened again`() async throws {
        try await withDirectory { directory in
            let state = try StoredState.example()
            do {
                let store = try SQLiteStore(directory: directory)
                #expect(try store.load() == StoredState())
                try await store.commit(state.networks.map(Change.putNetwork))
                try await store.commit(state.endpoints.map(Change.putEndpoint) + state.pools.map(Change.putPool))
                try await store.commit(state.addresses.map(Change.putAddress))
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
            ])
            #expect(try store.load() == StoredState())
        }
    }

    @Test func `deleting a pool deletes its addresses`() async throws {
        try await withDirectory { directory in
            let store = try SQLiteStore(directory: directory)
            let state = try StoredState.example()
            try await store.commit(state.pools.map(Change.putPool) + state.addresses.map(Change.putAddress))
            try await store.commit([.deletePool(state.pools[0].id)])
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

    @Test func `the directory is for its owner alone`() async throws {
        try await withDirectory { directory in
            let store = try SQLiteStore(directory: directory)
            let mode = try FileManager.default.attributesOfItem(atPath: directory)[.posixPermissions] as? Int
            #expect(mode == 0o700)
            withExtendedLifetime(store) {}
        }
    }

    @Test func `a file that is not a database is an error, never an empty state`() async throws {
        try await withDirectory { directory in
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            try Data(repeating: 0x41, count: 4096).write(to: URL(fileURLWithPath: directory + "/plugind.db"))
            let error = #expect(throws: StoreError.self) { try SQLiteStore(directory: directory) }
            #expect(error?.description.contains("not a database") == true)
        }
    }
}

extension NetworkRecord {
    static func example() throws -> NetworkRecord {
        NetworkRecord(
            id: try #require(NetworkID("09dff9c378bc2a0e")), phase: .creating,
            bridge: try #require(InterfaceName("br-09dff9c378bc")),
            bridgeMAC: try #require(MACAddress("02:11:22:33:44:55")),
            mtu: 1500, isInternal: false, linkPrefix: "eth",
            subnets: [
                .init(prefix: try #require(Prefix("10.0.0.0/24")), gateway: InterfaceAddress("10.0.0.1/24")),
                .init(prefix: try #require(Prefix("fd00::/64")), gateway: nil),
            ],
            options: ["com.docker.network.driver.mtu": "1500"])
    }
}

extension EndpointRecord {
    static func example() throws -> EndpointRecord {
        EndpointRecord(
            id: try #require(EndpointID("56e4d91db20dac74")), network: try NetworkRecord.example().id, phase: .ready,
            hostLink: try #require(InterfaceName("pdh56e4d91db20d")),
            sandboxLink: try #require(InterfaceName("pds56e4d91db20d")),
            mac: try #require(MACAddress("02:11:22:33:44:66")), ipv4: InterfaceAddress("10.0.0.2/24"), ipv6: nil,
            sandboxKey: "/var/run/docker/netns/8045bf7a6e79")
    }
}

extension StoredState {
    static func example() throws -> StoredState {
        StoredState(
            networks: [try NetworkRecord.example()], endpoints: [try EndpointRecord.example()],
            pools: [
                PoolRecord(
                    id: "plugind-local/10.0.0.0/24", space: "plugind-local",
                    prefix: try #require(Prefix("10.0.0.0/24")),
                    subPool: Prefix("10.0.0.128/25"), options: ["a": "b"], isChosen: true)
            ],
            addresses: [
                AddressRecord(
                    pool: "plugind-local/10.0.0.0/24", address: try #require(IPAddress("10.0.0.2")), role: .address,
                    name: "web", mac: MACAddress("02:11:22:33:44:66"))
            ],
            settings: ["ula": "fd00::/48"])
    }
}
