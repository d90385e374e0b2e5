// SPDX-License-Identifier: Apache-2.0

public import Store
import Synchronization

/// A store whose commits are counted and timed, as their callers see them: from the call to the answer.
public final class MeasuredStore: StateStore {
    private struct Tally {
        var succeeded = Histogram()
        var failed = Histogram()
        var failure: (time: ContinuousClock.Instant, error: StoreError)?
        var decisions: [String: Int] = [:]
    }

    private let store: any StateStore
    private let tally = Mutex(Tally())

    public init(_ store: any StateStore) {
        self.store = store
    }

    public func load() throws(StoreError) -> StoredState {
        try store.load()
    }

    public func auditLog(last count: Int) throws(StoreError) -> [AuditRecord] {
        try store.auditLog(last: count)
    }

    public nonisolated(nonsending) func commit(_ changes: [Change]) async throws(StoreError) {
        let start = ContinuousClock.now
        do {
            try await store.commit(changes)
        } catch {
            let end = ContinuousClock.now
            tally.withLock { tally in
                tally.failed.add(end - start)
                tally.failure = (end, error)
            }
            throw error
        }
        let duration = ContinuousClock.now - start
        tally.withLock { tally in
            tally.succeeded.add(duration)
            tally.failure = nil
            for case .audit(let record) in changes { tally.decisions[record.decision, default: 0] += 1 }
        }
    }

    /// Why the last commit failed, if it did, and within a minute before `now`. Whoever is owed something tries at least
    /// once a minute; whoever was refused does not, and then it is not known whether the store could be written again.
    func failure(at now: ContinuousClock.Instant = .now) -> StoreError? {
        tally.withLock { tally in
            tally.failure.flatMap { now - $0.time < .seconds(60) ? $0.error : nil }
        }
    }

    var commits: [(labels: [String], histogram: Histogram)] {
        tally.withLock { [(["ok"], $0.succeeded), (["failed"], $0.failed)] }
    }

    /// Lines of the audit log by their decision.
    var decisions: [(decision: String, count: Int)] {
        tally.withLock(\.decisions).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
