// SPDX-License-Identifier: Apache-2.0

import Store
import Synchronization

/// The store as one daemon sees it: refuses now and then, and everything once the daemon is dead.
final class MortalStore: StateStore {
    private let content: Mutex<(any StateStore)?>
    private let life: Life
    private let injection: Injection

    init(store: any StateStore, life: Life, injection: Injection) {
        content = Mutex(store)
        self.life = life
        self.injection = injection
    }

    /// Lets go of what is below, whoever may hold on to this.
    func close() { content.withLock { $0 = nil } }

    func load() throws(StoreError) -> StoredState { try store().load() }
    func auditLog(last count: Int) throws(StoreError) -> [AuditRecord] { try store().auditLog(last: count) }

    func commit(_ changes: [Change]) async throws(StoreError) {
        for _ in 0..<Int.random(in: 0...3) { await Task.yield() }
        switch life.step() {
        case .go:
            try injection.store()
            if injection.sabotage.isForgotten(changes) { return }
            try await store().commit(changes)
            // What was written is written, but nobody is there any more to hear of it.
            if !life.isOver { return }
        case .die(.after): try await store().commit(changes)
        case .die(.before), .die(.halfway), .tooLate: break
        }
        throw StoreError("the daemon is dead")
    }

    private func store() throws(StoreError) -> any StateStore {
        guard let store = content.withLock({ $0 }) else { throw StoreError("the store is closed") }
        return store
    }
}
