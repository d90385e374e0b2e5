// SPDX-License-Identifier: Apache-2.0

import Addressing
public import Store
import Synchronization

/// A store in memory: takes its time, can fail, can be stopped, and watches its caller.
public final class FakeStore: StateStore {
    private struct Content {
        var state: StoredState
        var auditLog: [AuditRecord] = []
        var commits: [[Change]] = []
        /// Commits so far, those that failed among them.
        var attempts = 0
        /// The attempts that fail.
        var failing = 0..<0
        /// Which commits wait.
        var isPausing: @Sendable ([Change]) -> Bool = { _ in false }
        var paused: [CheckedContinuation<Void, Never>] = []
        var underWay: [Change] = []
        var violations: [String] = []
    }

    private let content: Mutex<Content>

    public init(_ state: StoredState = StoredState()) {
        content = Mutex(Content(state: state))
    }

    public var state: StoredState { content.withLock { $0.state } }
    /// Those that did not fail.
    public var commits: [[Change]] { content.withLock { $0.commits } }
    /// Changes that must not be under way together, or that a real store could not take.
    public var violations: [String] { content.withLock { $0.violations } }

    /// The next `count` commits fail, and no other.
    public func failNext(_ count: Int = 1) {
        content.withLock { $0.failing = $0.attempts..<$0.attempts + count }
    }

    /// The commit after `count` more of them fails, and no other.
    public func fail(after count: Int) {
        content.withLock { $0.failing = $0.attempts + count..<$0.attempts + count + 1 }
    }

    /// Keeps commits waiting from now on, or only those that `isMeant` picks.
    public func pause(at isMeant: @escaping @Sendable ([Change]) -> Bool = { _ in true }) {
        content.withLock { $0.isPausing = isMeant }
    }

    /// Returns when `count` commits are waiting, or when the test has been given up.
    public func untilPaused(_ count: Int) async {
        while !Task.isCancelled, content.withLock({ $0.paused.count }) < count { await Task.yield() }
    }

    public func resume() {
        let paused = content.withLock { content in
            content.isPausing = { _ in false }
            let paused = content.paused
            content.paused = []
            return paused
        }
        for continuation in paused { continuation.resume() }
    }

    public func load() throws(StoreError) -> StoredState { state }

    public func auditLog(last count: Int) throws(StoreError) -> [AuditRecord] {
        content.withLock { $0.auditLog.suffix(count).reversed() }
    }

    public func commit(_ changes: [Change]) async throws(StoreError) {
        content.withLock { content in
            for change in changes {
                for other in content.underWay where Self.collide(change, other) {
                    content.violations.append("\(change) while \(other) is under way")
                }
            }
            content.underWay += changes
        }
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            let isPaused = content.withLock { content in
                let isPaused = content.isPausing(changes)
                if isPaused { content.paused.append(continuation) }
                return isPaused
            }
            if !isPaused { continuation.resume() }
        }
        for _ in 0..<Int.random(in: 0...3) { await Task.yield() }
        let isFailing = content.withLock { content in
            for change in changes {
                if let index = content.underWay.firstIndex(of: change) { content.underWay.remove(at: index) }
            }
            defer { content.attempts += 1 }
            if content.failing.contains(content.attempts) { return true }
            content.commits.append(changes)
            for change in changes {
                content.violations += content.state.violations(of: change)
                content.state.apply(change)
                if case .audit(let record) = change { content.auditLog.append(record) }
            }
            return false
        }
        if isFailing { throw StoreError("the disk is full") }
    }

    private static func collide(_ one: Change, _ other: Change) -> Bool {
        guard let one = subject(of: one), let other = subject(of: other), one.pool == other.pool else { return false }
        return one.address == nil || other.address == nil || one.address == other.address
    }

    private static func subject(of change: Change) -> (pool: String, address: IPAddress?)? {
        switch change {
        case .putPool(let pool): (pool.id, nil)
        case .deletePool(let id): (id, nil)
        case .putAddress(let record): (record.pool, record.address)
        case .deleteAddress(let pool, let address): (pool, address)
        case .putRest(let record): (record.pool, record.address)
        case .deleteRest(let pool, let address): (pool, address)
        // No pool is called that.
        case .putReservation(let record): ("", record.address)
        case .deleteReservation(let address): ("", address)
        // Meanwhile nobody is given an address of the pool.
        case .putExclusion(let record): (record.pool, nil)
        case .deleteExclusion(let pool, _): (pool, nil)
        default: nil
        }
    }
}

extension StoredState {
    fileprivate mutating func apply(_ change: Change) {
        switch change {
        case .putNetwork(let record):
            networks.removeAll { $0.id == record.id }
            networks.append(record)
        case .deleteNetwork(let id):
            networks.removeAll { $0.id == id }
        case .putEndpoint(let record):
            endpoints.removeAll { $0.id == record.id }
            endpoints.append(record)
        case .deleteEndpoint(let id):
            endpoints.removeAll { $0.id == id }
        case .putPool(let record):
            pools.removeAll { $0.id == record.id }
            pools.append(record)
        case .deletePool(let id):
            pools.removeAll { $0.id == id }
            addresses.removeAll { $0.pool == id }
            rests.removeAll { $0.pool == id }
            exclusions.removeAll { $0.pool == id }
        case .putAddress(let record):
            addresses.removeAll { $0.pool == record.pool && $0.address == record.address }
            addresses.append(record)
        case .deleteAddress(let pool, let address):
            addresses.removeAll { $0.pool == pool && $0.address == address }
        case .putRest(let record):
            rests.removeAll { $0.pool == record.pool && $0.address == record.address }
            rests.append(record)
        case .deleteRest(let pool, let address):
            rests.removeAll { $0.pool == pool && $0.address == address }
        case .putReservation(let record):
            reservations.removeAll { $0.address == record.address }
            reservations.append(record)
        case .deleteReservation(let address):
            reservations.removeAll { $0.address == address }
        case .putExclusion(let record):
            exclusions.removeAll { $0.pool == record.pool && $0.first == record.first }
            exclusions.append(record)
        case .deleteExclusion(let pool, let first):
            exclusions.removeAll { $0.pool == pool && $0.first == first }
        case .putSetting(let key, let value):
            settings[key] = value
        case .audit: break
        }
    }

    /// What the schema's UNIQUE and REFERENCES say against a change.
    fileprivate func violations(of change: Change) -> [String] {
        switch change {
        case .putNetwork(let record) where networks.contains { $0.bridge == record.bridge && $0.id != record.id }:
            ["network \(record.id) put with bridge \(record.bridge), which another has"]
        case .deleteNetwork(let id) where endpoints.contains { $0.network == id }:
            ["network \(id) deleted, which has endpoints"]
        case .putEndpoint(let record) where !networks.contains { $0.id == record.network }:
            ["endpoint \(record.id) put into network \(record.network), which is not there"]
        case .putAddress(let record) where !pools.contains { $0.id == record.pool }:
            ["\(record.address) put into pool \(record.pool), which is not there"]
        case .putRest(let record) where !pools.contains { $0.id == record.pool }:
            ["what is known of \(record.address) put into pool \(record.pool), which is not there"]
        case .putExclusion(let record) where !pools.contains { $0.id == record.pool }:
            ["\(record.first) excluded from pool \(record.pool), which is not there"]
        case .putReservation(let record) where (record.name == nil) == (record.mac == nil):
            ["\(record.address) reserved, but not for one name or one MAC address"]
        default: []
        }
    }
}
