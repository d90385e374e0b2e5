// SPDX-License-Identifier: Apache-2.0

public import Addressing
import Events
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
    /// is empty, with the options of the request, and an overlap once addresses are in it. References are not counted,
    /// because the engine repeats requests without ever releasing as often.
    public func requestPool(_ request: PoolRequest) async throws -> GrantedPool {
        chooser.cover.make(of: pools.values)
        while true {
            guard let prefix = request.prefix else {
                let choice = try choose(for: request)
                try request.poolOptions.check(against: choice.prefix, subPool: nil)
                return try await grant(choice.prefix, for: request, because: "chosen: \(choice.reason)")
            }
            guard let obstacle = obstacle(to: prefix, in: request.space) else {
                return try await grant(prefix, for: request, because: "asked for by number")
            }
            if let pending = obstacle.pending {
                await pending.settled()
                continue
            }
            let id = PoolID(space: request.space, prefix: prefix, subPool: request.subPool)
            guard obstacle.id == id, request.space == .global || obstacle.isEmpty else {
                throw IPAMError.overlap(prefix, with: obstacle.id)
            }
            if request.space == .local, obstacle.options != request.poolOptions.following(defaults) {
                // What is known of a released address may be changing.
                if let pending = obstacle.pendingAddressChange {
                    await pending.settled()
                    continue
                }
                return try await grant(
                    prefix, for: request, because: "asked for again, with other options, before it was in use")
            }
            pools[id]?.noteGrant()
            return GrantedPool(id: id, prefix: prefix)
        }
    }

    /// Takes back a pool and every address in it. One that is not known was released before: success.
    public func releasePool(_ id: PoolID) async throws {
        do {
            try await release(id, because: "the engine released it")
        } catch {
            // The engine forgets the pool whatever the answer.
            owe(pool: id)
            throw error
        }
    }

    /// As `releasePool`, and what the store refuses is as if it had not been tried.
    func release(_ id: PoolID, because reason: String = "released in the background") async throws {
        chooser.cover.make(of: pools.values)
        while let pending = pools[id]?.pending { await pending.settled() }
        guard let (prefix, space) = pools[id].map({ ($0.prefix, $0.space) }) else {
            logger.debug("Ignored release of an unknown pool", metadata: ["pool.id": "\(id)"])
            return
        }
        let pending = PendingChange()
        defer { pending.settle() }
        pools[id]?.pending = pending
        while let other = pools[id]?.pendingAddressChange { await other.settled() }
        let count = pools[id]?.holders.count ?? 0
        let contents = count == 0 ? "" : count == 1 ? ", with one address" : ", with \(count) addresses"
        do {
            try await store.commit([
                .deletePool(id.description), audit("pool \(id)", "released", "\(reason)\(contents)"),
            ])
        } catch {
            pools[id]?.pending = nil
            throw error
        }
        pools[id] = nil
        chooser.cover.remove(prefix, in: space)
        events.emit(.poolReleased(id.description, reason: reason))
        logger.info("Released pool", metadata: ["pool.id": "\(id)"])
    }

    private func choose(for request: PoolRequest) throws(IPAMError) -> PoolChooser.Choice {
        do throws(IPAMError) {
            return try chooser.choose(
                for: request, last: request.poolOptions.name.flatMap { poolMemory.pool(of: $0, request.family) },
                pools: Array(pools.values), localIPv6: localIPv6.prefix())
        } catch {
            if case .noPoolLeft = error { events.emit(.poolShortage(reason: "\(error)")) }
            throw error
        }
    }

    /// Grants a pool that overlaps none but, if it is given with other options, its empty self.
    private func grant(
        _ prefix: Prefix, for request: PoolRequest, because reason: String
    ) async throws -> GrantedPool {
        let pool = Pool(
            space: request.space, prefix: prefix, subPool: request.subPool,
            options: request.poolOptions.following(defaults), reservations: allReservations)
        let id = pool.id
        let before = pools[id]
        let pending = PendingChange()
        defer { pending.settle() }
        pools[id] = pool
        pools[id]?.pending = pending
        chooser.cover.insert(prefix, in: request.space)
        let record = PoolRecord(
            id: id.description, space: request.space.rawValue, prefix: prefix, subPool: request.subPool,
            options: request.options, isChosen: request.prefix == nil)
        let block = localIPv6.unstoredChange
        // What was known of the addresses was another network's.
        var changes = [block, before.map { .deletePool($0.id.description) }, .putPool(record)].compactMap(\.self)
        if let name = request.poolOptions.name { changes.append(poolMemory.note(prefix, of: name)) }
        changes.append(audit("pool \(id)", "given", reason))
        do {
            try await store.commit(changes)
        } catch {
            pools[id] = before
            // They may have changed meanwhile.
            pools[id]?.setReservations(allReservations)
            pools[id]?.setDefaults(defaults)
            if before == nil { chooser.cover.remove(prefix, in: request.space) }
            throw error
        }
        if block != nil { localIPv6.isStored = true }
        pools[id]?.pending = nil
        events.emit(.poolCreated(id.description, reason: reason))
        logger.info("Granted pool", metadata: ["pool.id": "\(id)", "reason": "\(reason)"])
        return GrantedPool(id: id, prefix: prefix)
    }

    /// The pool of the space that is in the way, the lowest if there are several.
    private func obstacle(to prefix: Prefix, in space: AddressSpace) -> Pool? {
        guard chooser.cover.overlaps(prefix, in: space) else { return nil }
        return pools.values
            .filter { $0.space == space && $0.prefix.overlaps(prefix) }
            .min { $0.prefix < $1.prefix }
    }
}
