// SPDX-License-Identifier: Apache-2.0

package import Store

/// A store that keeps nothing: what is measured over it is IPAM alone.
package struct ForgetfulStore: StateStore {
    package init() {}

    package func load() throws(StoreError) -> StoredState { StoredState() }
    package nonisolated(nonsending) func commit(_ changes: [Change]) async throws(StoreError) {}
    package func auditLog(last count: Int) throws(StoreError) -> [AuditRecord] { [] }
}
