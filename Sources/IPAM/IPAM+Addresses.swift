// SPDX-License-Identifier: Apache-2.0

public import Addressing
import Logging
import Store

extension IPAM {
    /// Grants the address that is named, or the gateway, or the next one, with the prefix length of the pool.
    public func requestAddress(_ request: AddressRequest) async throws -> InterfaceAddress {
        while true {
            // Changed in place: a copy of the pool would copy its holders.
            guard let decision = try pools[request.pool]?.decide(request) else {
                throw IPAMError.unknownPool(request.pool)
            }
            switch decision {
            case .wait(let pending): await pending.settled()
            case .repeated(let address): return try answer(address, in: request.pool)
            case .grant(let address): return try await grant(address, for: request)
            }
        }
    }

    /// Takes back an address. One that is not held, or whose pool is not known, was released before: success.
    public func releaseAddress(_ address: IPAddress, in id: PoolID) async throws {
        while let pending = pools[id]?.pendingChange(of: address) { await pending.settled() }
        guard let pool = pools[id], pool.holds(address) else {
            logger.debug(
                "Ignored release of an address that is not held",
                metadata: ["pool.id": "\(id)", "address": "\(address)"])
            return
        }
        let pending = PendingChange()
        defer { pending.settle() }
        pools[id]?.setPending(pending, of: address)
        do {
            try await store.commit([.deleteAddress(pool: id.description, address: address)])
        } catch {
            pools[id]?.setPending(nil, of: address)
            throw error
        }
        pools[id]?.free(address)
        logger.debug("Released address", metadata: ["pool.id": "\(id)", "address": "\(address)"])
    }

    private func grant(_ address: IPAddress, for request: AddressRequest) async throws -> InterfaceAddress {
        let id = request.pool
        let pending = PendingChange()
        defer { pending.settle() }
        pools[id]?.take(address, by: Pool.Holder(role: request.role, name: request.name, pending: pending))
        let record = AddressRecord(
            pool: id.description, address: address, role: request.role, name: request.name, mac: request.mac)
        do {
            try await store.commit([.putAddress(record)])
        } catch {
            pools[id]?.free(address)
            throw error
        }
        pools[id]?.setPending(nil, of: address)
        logger.debug("Granted address", metadata: ["pool.id": "\(id)", "address": "\(address)"])
        return try answer(address, in: id)
    }

    private func answer(_ address: IPAddress, in id: PoolID) throws -> InterfaceAddress {
        guard let pool = pools[id] else { throw IPAMError.unknownPool(id) }
        return pool.interfaceAddress(address)
    }
}
