// SPDX-License-Identifier: Apache-2.0

public import Addressing
public import Store

/// A pool that somebody holds, and who holds which address in it.
public struct HeldPool: Hashable, Sendable {
    public let id: PoolID
    public let prefix: Prefix
    /// Changes whenever the pool, or an address in it, is given to somebody.
    public let serial: GrantSerial
    /// In ascending order.
    public let addresses: [HeldAddress]
}

/// An address that somebody holds.
public struct HeldAddress: Hashable, Sendable {
    public let address: IPAddress
    public let role: AddressRecord.Role
    public let serial: GrantSerial
}

/// What garbage collection needs: to see what is held, and to free just what it saw.
extension IPAM {
    /// The pools of the local space, in ascending order, without those that are being granted or released, and without
    /// addresses that are. What is in the global space belongs to the managers of a swarm, which repeat what they hold.
    public func heldPools() -> [HeldPool] {
        pools.values
            .filter { $0.space == .local && $0.pending == nil }
            .sorted { $0.id < $1.id }
            .map { pool in
                let addresses = pool.settledHolders
                    .map { HeldAddress(address: $0.key, role: $0.value.role, serial: $0.value.serial) }
                    .sorted { $0.address < $1.address }
                return HeldPool(id: pool.id, prefix: pool.prefix, serial: pool.serial, addresses: addresses)
            }
    }

    /// Takes back an address if it is still held by that grant of it. False if it is not, or if its change is on its way.
    /// What the store refuses is not tried again.
    public func releaseAddress(
        _ address: IPAddress, in id: PoolID, ifStill serial: GrantSerial
    ) async throws -> Bool {
        guard let holder = pools[id]?.holder(of: address), holder.serial == serial,
            pools[id]?.pendingChange(of: address) == nil
        else { return false }
        // Does not wait for anything before it has marked the address: nothing is on its way.
        try await release(address, in: id, because: "the engine does not know it")
        return true
    }

    /// Takes back a pool, and every address in it, if nothing of it was given to anybody since. False if it was, or if a
    /// change of it is on its way. What the store refuses is not tried again.
    public func releasePool(_ id: PoolID, ifStill serial: GrantSerial) async throws -> Bool {
        guard pools[id]?.serial == serial, pools[id]?.pending == nil, pools[id]?.pendingAddressChange == nil else {
            return false
        }
        try await release(id)
        return true
    }
}
