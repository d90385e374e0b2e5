// SPDX-License-Identifier: Apache-2.0

import Events
import Logging
import Store

/// Conflicts of pools that are in use with what comes up on the host later: a VPN, an address by DHCP.
///
/// Nothing is done about them but to say so: a pool cannot be moved while containers have addresses of it.
extension IPAM {
    /// The conflicts that were there when the host was looked at last, in ascending order.
    public var conflicts: [PoolConflict] { conflictBook.current.sorted() }

    /// Compares all that the host uses with the pools of the local space that are in use. Each conflict is logged and
    /// written into the audit log when it begins, and when it ends.
    public func noteOccupied(_ prefixes: [OccupiedPrefix]) async {
        // Those that are being granted or released have no network, and are empty.
        let pools = pools.values.lazy.filter { $0.space == .local && !$0.isEmpty }
        let difference = conflictBook.update(pools, prefixes)
        for conflict in difference.begun {
            events.emit(.conflictBegun(pool: conflict.pool.description, with: "\(conflict.what)"))
            logger.warning("A pool in use overlaps what the host uses", metadata: Self.metadata(of: conflict))
        }
        for conflict in difference.ended {
            events.emit(.conflictEnded(pool: conflict.pool.description, with: "\(conflict.what)"))
            logger.notice("A pool overlaps what the host used no longer", metadata: Self.metadata(of: conflict))
        }
        let lines =
            difference.begun.map { audit("pool \($0.pool)", "in conflict", "\($0.what) overlaps it") }
            + difference.ended.map { audit("pool \($0.pool)", "out of conflict", "\($0.what) overlaps it no longer") }
        guard !lines.isEmpty else { return }
        do {
            try await store.commit(lines)
        } catch {
            logger.error("Could not write down the conflicts of pools", error: error)
        }
    }

    private static func metadata(of conflict: PoolConflict) -> Logger.Metadata {
        ["pool.id": "\(conflict.pool)", "with": "\(conflict.what)"]
    }
}
