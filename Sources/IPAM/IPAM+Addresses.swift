// SPDX-License-Identifier: Apache-2.0

public import Addressing
import Events
import Logging
import PluginKit
import Store

extension IPAM {
    /// Grants the address that is named, or the gateway, or the one that is due, with the prefix length of the pool.
    public func requestAddress(_ request: AddressRequest) async throws -> InterfaceAddress {
        while true {
            switch try decide(request) {
            case .wait(let pending): await pending.settled()
            case .repeated(let address): return try answer(address, in: request.pool)
            case .grant(let address, let reason): return try await grant(address, for: request, because: reason)
            }
        }
    }

    private func decide(_ request: AddressRequest) throws(IPAMError) -> Pool.Decision {
        do throws(IPAMError) {
            // Changed in place: a copy of the pool would copy its holders.
            guard let decision = try pools[request.pool]?.decide(request, at: now(), using: &random) else {
                throw IPAMError.unknownPool(request.pool)
            }
            return decision
        } catch .addressProtected(let address, let pool, let name, let since) {
            // Perhaps that container is gone. A handler must not ask the engine, but the next try may succeed.
            protectionReminder.after(.zero)
            throw .addressProtected(address, pool, for: name, since: since)
        } catch {
            if case .noAddressLeft(let pool, _, _, _, _) = error {
                events.emit(.addressShortage(pool: pool.description, reason: "\(error)"))
            }
            throw error
        }
    }

    /// Takes back an address. One that is not held, or whose pool is not known, was released before: success.
    public func releaseAddress(_ address: IPAddress, in id: PoolID) async throws {
        do {
            try await release(address, in: id, because: "the engine released it")
        } catch {
            // The engine forgets the address whatever the answer.
            owe(address: address, in: id)
            throw error
        }
    }

    /// As `releaseAddress`, and what the store refuses is as if it had not been tried.
    func release(_ address: IPAddress, in id: PoolID, because reason: String) async throws {
        while let pending = pools[id]?.pendingChange(of: address) { await pending.settled() }
        guard let holder = pools[id]?.holder(of: address) else {
            logger.debug(
                "Ignored release of an address that is not held",
                metadata: ["pool.id": "\(id)", "address": "\(address)"])
            return
        }
        let pending = PendingChange()
        defer { pending.settle() }
        pools[id]?.setPending(pending, of: address)
        let rest = Rest(
            name: holder.name, mac: holder.mac, isConfirmed: holder.isConfirmed, isFixed: holder.isFixed,
            released: now())
        do {
            try await store.commit([
                .deleteAddress(pool: id.description, address: address), .putRest(rest.record(of: address, in: id)),
                audit("address \(address) of pool \(id)", "released", "\(reason); \(holder.identity)"),
            ])
        } catch {
            pools[id]?.setPending(nil, of: address)
            throw error
        }
        pools[id]?.free(address, leaving: rest)
        noteUse(of: id)
        events.emit(.addressReleased(address, pool: id.description, name: holder.name, mac: holder.mac))
        if rest.isFixed { protectionReminder.after(Self.reviewInterval) }
        logger.debug("Released address", metadata: ["pool.id": "\(id)", "address": "\(address)"])
    }

    private func grant(
        _ address: IPAddress, for request: AddressRequest, because reason: ChoiceReason
    ) async throws -> InterfaceAddress {
        let id = request.pool
        let pending = PendingChange()
        defer { pending.settle() }
        let before = pools[id]?.rest(of: address)
        let holder = Pool.Holder(
            role: request.role, name: request.name, mac: request.mac, isFixed: request.address != nil,
            isConfirmed: request.name != nil || request.mac == nil || request.mac == before?.mac, since: now())
        pools[id]?.take(address, by: holder, pending: pending)
        // Rests that are over leave the store along the way. Nobody gets their addresses meanwhile.
        let forgotten = pools[id]?.someForgotten ?? []
        for other in forgotten { pools[id]?.setPending(pending, of: other) }
        defer { for other in forgotten { pools[id]?.setPending(nil, of: other) } }
        var changes: [Change] = [.putAddress(holder.record(of: address, in: id))]
        let isRestStored = before != nil || pools[id]?.isForgotten(address) == true
        for address in forgotten + (isRestStored ? [address] : []) {
            changes.append(.deleteRest(pool: id.description, address: address))
        }
        changes.append(audit("address \(address) of pool \(id)", "given", "\(holder.identity); \(reason)"))
        do {
            try await store.commit(changes)
        } catch {
            pools[id]?.free(address, leaving: before)
            throw error
        }
        for address in forgotten + [address] { pools[id]?.noteForgotten(address) }
        pools[id]?.setPending(nil, of: address)
        pools[id]?.noteGrant()
        noteUse(of: id)
        events.emit(
            .addressGiven(
                address, pool: id.description, name: request.name, mac: request.mac,
                isGateway: request.role == .gateway))
        note(reason, address, in: id)
        return try answer(address, in: id)
    }

    private func note(_ reason: ChoiceReason, _ address: IPAddress, in id: PoolID) {
        let metadata: Logger.Metadata = ["pool.id": "\(id)", "address": "\(address)"]
        // Claims of MAC addresses that were made up are there to be taken.
        if case .exhaustion(let rest) = reason, rest.isConfirmed || rest.mac == nil {
            logger.notice(
                "Gave a released address before its time, since no other is left",
                metadata: metadata.merging(["held.by": "\(rest.identity)", "released": "\(Moment.text(rest.released))"])
                {
                    $1
                })
        } else {
            logger.debug("Granted address", metadata: metadata)
        }
    }

    private func answer(_ address: IPAddress, in id: PoolID) throws -> InterfaceAddress {
        guard let answer = pools[id]?.interfaceAddress(address) else { throw IPAMError.unknownPool(id) }
        return answer
    }

    /// Takes a sample of how full the pool is.
    private func noteUse(of id: PoolID) {
        pools[id]?.noteUse(at: now())
    }
}

// MARK: - Records and words

extension Pool {
    func rest(of address: IPAddress) -> Rest? {
        prefix.contains(address) ? rests[offset(of: address)] : nil
    }

    mutating func noteUse(at now: Int64) {
        history.note(used: UInt128(holders.count), at: now)
    }
}

extension Pool.Holder {
    init(_ record: AddressRecord) {
        self.init(
            role: record.role, name: record.name, mac: record.mac, isFixed: record.isFixed,
            isConfirmed: record.isConfirmed, since: record.since)
    }

    func record(of address: IPAddress, in pool: PoolID) -> AddressRecord {
        AddressRecord(
            pool: pool.description, address: address, role: role, name: name, mac: mac, isFixed: isFixed,
            isConfirmed: isConfirmed, since: since)
    }

    fileprivate var identity: String {
        role == .gateway ? "gateway" : Rest.identity(name: name, mac: mac)
    }
}

extension Rest {
    init(_ record: RestRecord) {
        self.init(
            name: record.name, mac: record.mac, isConfirmed: record.isConfirmed, isFixed: record.isFixed,
            released: record.released)
    }

    func record(of address: IPAddress, in pool: PoolID) -> RestRecord {
        RestRecord(
            pool: pool.description, address: address, name: name, mac: mac, isConfirmed: isConfirmed,
            isFixed: isFixed, released: released)
    }

    /// Who had the address, for people.
    var identity: String { Self.identity(name: name, mac: mac) }

    fileprivate static func identity(name: String?, mac: MACAddress?) -> String {
        (name.map(Identity.name) ?? mac.map(Identity.mac))?.description ?? "an endpoint or auxiliary address"
    }
}

extension ChoiceReason: CustomStringConvertible {
    var description: String {
        switch self {
        case .number: "asked for by number"
        case .gateway: "the pool's gateway"
        case .reservation: "reserved for it"
        case .claim: "it had it before"
        case .order: "the next that is free"
        case .exhaustion(let rest):
            "no other is left; \(rest.identity) had it until \(Moment.text(rest.released))"
        }
    }
}
