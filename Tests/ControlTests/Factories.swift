// SPDX-License-Identifier: Apache-2.0

import Addressing
import Control
import Events
import Foundation
import IPAM
import Logging
import PluginKit
import PluginServer
import ServiceLifecycle
import Store
import TestSupport

extension Logger {
    static let silent = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
}

extension IPAM {
    static func make(store: FakeStore = FakeStore(), reservations: [Reservation] = []) throws -> IPAM {
        try IPAM(
            state: store.state, store: store, defaultPools: .standard, occupied: { [] }, reservations: reservations,
            random: SeededGenerator(seed: 1), now: { 1_000_000 }, logger: .silent)
    }

    @discardableResult
    func pool(
        _ subnet: String, ipRange: String = "", space: AddressSpace = .local, options: [String: String] = [:]
    ) async throws -> PoolID {
        let subnet = InterfaceAddress(subnet)
        return try await requestPool(
            PoolRequest(
                space: space.rawValue, pool: subnet, subPool: InterfaceAddress(ipRange),
                isIPv6: subnet?.address.family == .v6, options: options)
        ).id
    }

    @discardableResult
    func address(_ address: String = "", in pool: PoolID, name: String? = nil) async throws -> String {
        try await requestAddress(
            AddressRequest(pool: pool, address: IPAddress(address), role: .address, name: name)
        ).description
    }
}

extension ControlRouter {
    /// With all that the daemon serves.
    static func make(_ ipam: IPAM) -> ControlRouter {
        var router = ControlRouter(logger: .silent, explain: explain)
        router.onPools(ipam)
        router.onExclusions(ipam)
        router.onReservations(ipam)
        router.onAudit(FakeStore())
        router.onEvents(EventLog())
        router.onGarbage { _ in GarbageTests.report() }
        router.onReconcile(look: { [] }, mend: { ReconcileTests.mended })
        router.onReload { ReloadAnswer(settings: [], remarks: []) }
        router.onMetrics(.make(ipam))
        router.onConflicts(ipam)
        router.onViews(ipam)
        return router
    }

    /// As the daemon does it, for the errors that come up here.
    @Sendable static func explain(_ error: any Error) -> MethodTable.Explanation? {
        switch error {
        case let error as ExclusionError: .init(status: 409, text: error.description)
        case let error as ReservationError: .init(status: 409, text: error.description)
        case let error as StoreError: .init(status: 500, text: error.description)
        default: nil
        }
    }

    /// Status and body of the answer, as `404 {"error":"…"}`.
    func ask(_ method: String, _ path: String, _ body: String? = "") async -> String {
        let reply = await answer(SocketRequest(method: method, path: path, body: body.map { Array($0.utf8) }))
        return "\(reply.status) \(String(decoding: reply.body, as: UTF8.self))"
    }
}

extension Reservation {
    static func make(_ identity: String, _ address: String) throws -> Reservation {
        guard let identity = Identity(identity), let address = IPAddress(address) else { throw Malformed() }
        return Reservation(identity: identity, address: address)
    }
}

extension ReservationRequest {
    static func make(_ identity: String, _ addresses: String...) throws -> ReservationRequest {
        let reservations = try addresses.map { try Reservation.make(identity, $0) }
        guard let first = reservations.first else { throw Malformed() }
        return ReservationRequest(identity: first.identity, addresses: reservations.map(\.address))
    }
}

struct Malformed: Error {}

/// A directory of its own, deleted in the end.
func withDirectory<Value>(_ body: (String) async throws -> Value) async throws -> Value {
    let name = "plugind-\(UUID().uuidString.prefix(8))"
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent(name)
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: directory) }
    return try await body(directory.path)
}

/// Runs a service while `body` runs, and stops it as the daemon does.
func running<Value>(_ service: any Service, _ body: () async throws -> Value) async throws -> Value {
    let group = ServiceGroup(services: [service], logger: .silent)
    let task = Task { try await group.run() }
    let result: Result<Value, any Error>
    do {
        result = .success(try await body())
    } catch {
        result = .failure(error)
    }
    await group.triggerGracefulShutdown()
    try await task.value
    return try result.get()
}

/// Serves `ipam` on a socket of its own while `body` asks it.
func serving<Value>(_ ipam: IPAM, _ body: (ControlClient) async throws -> Value) async throws -> Value {
    try await withDirectory { directory in
        let path = "\(directory)/run/control.sock"
        return try await running(ControlServer(path: path, router: .make(ipam), logger: .silent)) {
            try await body(ControlClient(socket: path, deadline: .seconds(600)))
        }
    }
}
