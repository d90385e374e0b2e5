// SPDX-License-Identifier: Apache-2.0

public import Addressing
import Logging
import Store

/// A pool as it was granted.
public struct GrantedPool: Hashable, Sendable {
    public let id: PoolID
    public let prefix: Prefix
}

extension IPAM {
    /// Grants the pool that is named, or chooses one.
    ///
    /// A repeated request for a named pool cannot be told from a second network that names the same one, so what
    /// it gets depends on where it happens. In the global space swarm managers repeat all they hold at every start:
    /// same answer. In the local space nobody repeats, but an answer may have been lost: same answer while the pool
    /// is empty, and an overlap once addresses are in it. References are not counted, because the engine repeats
    /// requests without ever releasing as often.
    public func requestPool(_ request: PoolRequest) async throws -> GrantedPool {
        while true {
            guard let prefix = request.prefix else {
                let prefix = try chooser.choose(
                    request.family, besides: pools.values.filter { $0.space == request.space },
                    localIPv6: localIPv6.prefix())
                return try await grant(Pool(space: request.space, prefix: prefix, subPool: nil), for: request)
            }
            let wanted = Pool(space: request.space, prefix: prefix, subPool: request.subPool)
            guard let obstacle = pool(overlapping: wanted) else {
                return try await grant(wanted, for: request)
            }
            if let pending = obstacle.pending {
                await pending.settled()
                continue
            }
            guard obstacle.id == wanted.id, request.space == .global || obstacle.isEmpty else {
                throw IPAMError.overlap(prefix, with: obstacle.id)
            }
            return GrantedPool(id: obstacle.id, prefix: obstacle.prefix)
        }
    }

    /// Takes back a pool and every address in it. One that is not known was released before: success.
    public func releasePool(_ id: PoolID) async throws {
        while let pending = pools[id]?.pending { await pending.settled() }
        guard pools[id] != nil else {
            logger.debug("Ignored release of an unknown pool", metadata: ["pool.id": "\(id)"])
            return
        }
        let pending = PendingChange()
        defer { pending.settle() }
        pools[id]?.pending = pending
        while let other = pools[id]?.pendingAddressChange { await other.settled() }
        do {
            try await store.commit([.deletePool(id.description)])
        } catch {
            pools[id]?.pending = nil
            throw error
        }
        pools[id] = nil
        logger.info("Released pool", metadata: ["pool.id": "\(id)"])
    }

    private func grant(_ pool: Pool, for request: PoolRequest) async throws -> GrantedPool {
        let pending = PendingChange()
        defer { pending.settle() }
        pools[pool.id] = pool
        pools[pool.id]?.pending = pending
        let record = PoolRecord(
            id: pool.id.description, space: pool.space.rawValue, prefix: pool.prefix, subPool: pool.subPool,
            options: request.options, isChosen: request.prefix == nil)
        let block = localIPv6.unstoredChange
        do {
            try await store.commit([block, .putPool(record)].compactMap(\.self))
        } catch {
            pools[pool.id] = nil
            throw error
        }
        if block != nil { localIPv6.isStored = true }
        pools[pool.id]?.pending = nil
        logger.info("Granted pool", metadata: ["pool.id": "\(pool.id)"])
        return GrantedPool(id: pool.id, prefix: pool.prefix)
    }

    /// The pool of the same space that is in the way, the lowest if there are several.
    private func pool(overlapping wanted: Pool) -> Pool? {
        pools.values
            .filter { $0.space == wanted.space && $0.prefix.overlaps(wanted.prefix) }
            .min { $0.prefix < $1.prefix }
    }
}
