// SPDX-License-Identifier: Apache-2.0

public import Addressing
public import IPAM
import NIOHTTP1

/// The answer to `GET /v1/conflicts`.
public struct ConflictList: Codable, Hashable, Sendable {
    /// In the order of their pools.
    public var conflicts: [Conflict]

    public init(conflicts: [Conflict]) {
        self.conflicts = conflicts
    }
}

/// A pool that is in use, and something of the host that overlaps it.
public struct Conflict: Codable, Hashable, Sendable {
    public var pool: PoolID
    /// Of what overlaps it.
    public var subnet: Prefix
    /// In words: `route 10.0.0.0/8 via tun0`.
    public var what: String

    public init(_ conflict: PoolConflict) {
        pool = conflict.pool
        subnet = conflict.prefix
        what = conflict.what
    }
}

extension ControlRouter {
    /// What pools overlap.
    public mutating func onConflicts(_ ipam: IPAM) {
        on("GET", "/conflicts") { _ in
            ConflictList(conflicts: await ipam.conflicts.map(Conflict.init))
        }
    }
}

extension ControlClient {
    public func conflicts() async throws(ControlFailure) -> Answer<ConflictList> {
        try await ask(.GET, "/conflicts")
    }
}
