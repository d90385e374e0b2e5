// SPDX-License-Identifier: Apache-2.0

public import Addressing
import Logging
import PluginKit
import Store

/// An address that a stopped container had asked for by number, and that nobody else gets.
public struct ProtectedAddress: Hashable, Sendable {
    public let pool: PoolID
    public let address: IPAddress
    /// The container's name, if the engine told it.
    public let name: String?
    /// In milliseconds since 1970.
    public let released: Int64
}

/// What the engine knows ends protections: IPAM hears nothing of a stopped container's removal.
extension IPAM {
    /// Tells when it is worth asking the engine which of `protectedAddresses()` it still knows.
    public nonisolated var protectionSignals: AsyncStream<Void> { protectionReminder.signals }

    /// While there are any, the engine is asked again after a while.
    public func reviewProtectionsLater() {
        if !protectedAddresses().isEmpty { protectionReminder.after(Self.reviewInterval) }
    }

    static let reviewInterval = Duration.seconds(600)

    /// Those of the local space, in ascending order of pools and addresses.
    public func protectedAddresses() -> [ProtectedAddress] {
        let time = now()
        return pools.keys.sorted().flatMap { id -> [ProtectedAddress] in
            guard pools[id]?.space == .local, let kept = pools[id]?.protectedRests(at: time) else { return [] }
            return kept.map { address, rest in
                ProtectedAddress(pool: id, address: address, name: rest.name, released: rest.released)
            }
        }
    }

    /// Ends a protection, if the address has not been held since. The address is still kept for the container's name, as
    /// any other is.
    public func endProtection(_ protected: ProtectedAddress) async throws {
        let (id, address) = (protected.pool, protected.address)
        guard pools[id]?.pendingChange(of: address) == nil, let rest = pools[id]?.rest(of: address), rest.isFixed,
            rest.released == protected.released
        else { return }
        let after = Rest(
            name: rest.name, mac: rest.mac, isConfirmed: rest.isConfirmed, isFixed: false, released: rest.released)
        let pending = PendingChange()
        defer { pending.settle() }
        pools[id]?.setPending(pending, of: address)
        defer { pools[id]?.setPending(nil, of: address) }
        try await store.commit([
            .putRest(after.record(of: address, in: id)),
            audit(
                "address \(address) of pool \(id)", "not protected any more",
                "the engine has no container that asks for it"),
        ])
        pools[id]?.restore(after, of: address)
        logger.info("Ended protection of address", metadata: ["pool.id": "\(id)", "address": "\(address)"])
    }
}

extension Pool {
    fileprivate func protectedRests(at now: Int64) -> [(IPAddress, Rest)] {
        rests.all.filter { $0.kind == .fixed && isKept($0.rest, $0.kind, at: now) }
            .map { (address(at: $0.offset), $0.rest) }.sorted { $0.0 < $1.0 }
    }
}
