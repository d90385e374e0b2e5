// SPDX-License-Identifier: Apache-2.0

import Addressing
import Foundation
import IPAM
import PluginServer
import Testing

@testable import Control

@Suite("Control socket")
struct ServerTests {
    @Test func `the socket is its owner's alone, its directory is made, and it is gone in the end`() async throws {
        try await withDirectory { directory in
            let path = "\(directory)/run/control.sock"
            let server = try ControlServer(path: path, router: .make(.make()), logger: .silent)
            #expect(try rights(of: path) == 0o600)
            #expect(try rights(of: "\(directory)/run") == 0o755)
            try await running(server) {
                let answer = try await ControlClient(socket: path, deadline: .seconds(600)).pools()
                #expect(answer.json == #"{"pools":[]}"#)
            }
            #expect(!FileManager.default.fileExists(atPath: path))
        }
    }

    @Test func `a second one at the same path is refused, and the first goes on`() async throws {
        try await withDirectory { directory in
            let path = "\(directory)/control.sock"
            try await running(ControlServer(path: path, router: .make(.make()), logger: .silent)) {
                let error = #expect(throws: SocketError.self) {
                    try ControlServer(path: path, router: .make(.make()), logger: .silent)
                }
                #expect(error?.description.hasPrefix("\(path) is in use by ") == true)
                _ = try await ControlClient(socket: path, deadline: .seconds(600)).pools()
            }
        }
    }

    @Test func `a question that comes before the server runs waits for it`() async throws {
        try await withDirectory { directory in
            let path = "\(directory)/control.sock"
            let server = try ControlServer(path: path, router: .make(.make()), logger: .silent)
            let asked = Task { try await ControlClient(socket: path, deadline: .seconds(600)).pools().value }
            let list = try await running(server) { try await asked.value }
            #expect(list.pools.isEmpty)
        }
    }

    @Test func `pools and reservations come as they were sent`() async throws {
        let ipam = try IPAM.make()
        let id = try await ipam.pool("fd00::/64", ipRange: "fd00::100/120")
        let request = try ReservationRequest.make("web", "fd00::5", "10.0.0.5")
        let address = try #require(IPAddress("fd00::5"))
        try await serving(ipam) { client in
            let pools = try await client.pools().value.pools
            let pool = try await client.pool(id).value
            #expect(pools == [pool])
            #expect(pool.id == id)
            #expect(pool.ipRange?.description == "fd00::100/120")
            #expect(pool.size == 1 << 64)

            let made = try await client.reserve(request).value
            let listed = try await client.reservations().value
            #expect(made.reservations.map(\.address.description) == ["10.0.0.5", "fd00::5"])
            #expect(listed == made)
            let ended = try await client.unreserve(address).value
            let left = try await client.reservations().value.reservations
            #expect(ended == made.reservations.last)
            #expect(left == made.reservations.dropLast())
        }
    }

    @Test func `a pool is found by its subnet if that is one pool's alone`() async throws {
        let ipam = try IPAM.make()
        let id = try await ipam.pool("10.0.0.0/24")
        try await ipam.pool("10.0.1.0/24")
        try await ipam.pool("10.0.1.0/24", space: .global)
        try await serving(ipam) { client in
            for name in ["10.0.0.0/24", id.description] {
                let pool = try await client.pool(name).value
                #expect(pool.id == id)
            }
            let several = await failure { try await client.pool("10.0.1.0/24") }
            let none = await failure { try await client.pool("10.0.2.0/24") }
            let nonsense = await failure { try await client.pool("nonsense") }
            #expect(
                several?.description
                    == "subnet 10.0.1.0/24 has several pools; name one of plugind-global/10.0.1.0/24, "
                    + "plugind-local/10.0.1.0/24")
            #expect(none?.description == "no pool has subnet 10.0.2.0/24")
            #expect(nonsense == .refused(status: 404, text: "pool nonsense is not known to plugind"))
        }
    }

    @Test func `a refusal reaches the client in words`() async throws {
        let ipam = try IPAM.make(reservations: [.make("db", "10.0.0.5")])
        try await serving(ipam) { client in
            let refusal = await failure { try await client.reserve(.make("web", "10.0.0.5")) }
            #expect(refusal == .refused(status: 409, text: "address 10.0.0.5 is reserved for container db"))
            #expect(refusal?.exitCode == 1)
        }
    }

    @Test func `a body that is too long is refused in words`() async throws {
        var request = try ReservationRequest.make("web", "10.0.0.5")
        request.addresses = Array(repeating: request.addresses[0], count: 100_000)
        try await serving(.make()) { [request] client in
            let refusal = await failure { try await client.reserve(request) }
            #expect(refusal == .refused(status: 413, text: "the request body has more than 1048576 bytes"))
        }
    }

    private func rights(of path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }
}

/// Why a client has no answer.
func failure(_ ask: () async throws -> some Any) async -> ControlFailure? {
    do {
        _ = try await ask()
        return nil
    } catch {
        return error as? ControlFailure
    }
}
