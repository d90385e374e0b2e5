// SPDX-License-Identifier: Apache-2.0

import Store

/// A store that keeps nothing: what is measured over it is IPAM alone.
struct ForgetfulStore: StateStore {
    func load() throws(StoreError) -> StoredState { StoredState() }
    func commit(_ changes: [Change]) async throws(StoreError) {}
    func auditLog(last count: Int) throws(StoreError) -> [AuditRecord] { [] }
}
