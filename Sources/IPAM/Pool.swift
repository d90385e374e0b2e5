// SPDX-License-Identifier: Apache-2.0

import Addressing
import Store

/// A pool that was handed out, and who holds which address in it.
///
/// An address counts as taken from the moment it is being granted to the moment its release is stored.
struct Pool {
    /// Who holds an address.
    struct Holder {
        let role: AddressRecord.Role
        let name: String?
        /// Set while the address is being granted or released.
        var pending: PendingChange?
    }

    let id: PoolID
    let space: AddressSpace
    let prefix: Prefix
    let subPool: Prefix?
    /// Set while the pool itself is being granted or released.
    var pending: PendingChange?

    private var holders: [IPAddress: Holder] = [:]
    /// The holders' addresses, less the pool's base.
    private var taken = AddressSet()
    /// Where the last choice fell: the next one goes on from there, so that an address that was just freed rests.
    private var cursor: UInt128?

    init(space: AddressSpace, prefix: Prefix, subPool: Prefix?) {
        self.id = PoolID(space: space, prefix: prefix, subPool: subPool)
        self.space = space
        self.prefix = prefix
        self.subPool = subPool
    }

    var isEmpty: Bool { holders.isEmpty }

    /// The change that is on its way for `address`, or for the pool as a whole.
    func pendingChange(of address: IPAddress) -> PendingChange? {
        pending ?? holders[address]?.pending
    }

    /// Any change that is on its way for an address.
    var pendingAddressChange: PendingChange? {
        holders.values.lazy.compactMap(\.pending).first
    }

    /// The lowest address that is held as a gateway.
    private var gateway: IPAddress? {
        holders.lazy.filter { $0.value.role == .gateway }.map(\.key).min()
    }

    func holds(_ address: IPAddress) -> Bool {
        holders[address] != nil
    }

    func interfaceAddress(_ address: IPAddress) -> InterfaceAddress {
        guard let result = InterfaceAddress(address: address, prefixLength: prefix.length) else {
            preconditionFailure("the pool's length is in range")
        }
        return result
    }
}

// MARK: - Changing

extension Pool {
    /// Marks `address` taken.
    mutating func take(_ address: IPAddress, by holder: Holder) {
        holders[address] = holder
        taken.insert(offset(of: address))
    }

    mutating func setPending(_ pending: PendingChange?, of address: IPAddress) {
        holders[address]?.pending = pending
    }

    mutating func free(_ address: IPAddress) {
        holders[address] = nil
        taken.remove(offset(of: address))
    }

    /// Makes the next choice go on after the highest address that is held, as if that one had been chosen last.
    mutating func resumeAfterHighest() {
        cursor = taken.ranges.last?.upperBound
    }
}

// MARK: - Choosing

extension Pool {
    /// What is to be done about a request, given who holds what.
    enum Decision {
        /// Someone else's change of the same address is on its way.
        case wait(PendingChange)
        /// The requester holds it already.
        case repeated(IPAddress)
        case grant(IPAddress)
    }

    mutating func decide(_ request: AddressRequest) throws(IPAMError) -> Decision {
        if let pending { return .wait(pending) }
        if let address = request.address {
            try check(address)
            return try decide(on: address, for: request)
        }
        if request.role == .gateway {
            // A network has one gateway in a pool, so a second request is the first one repeated.
            if let gateway = gateway {
                return try decide(on: gateway, for: request)
            }
            let first = address(at: Self.usable(of: prefix).lowerBound)
            if let pending = holders[first]?.pending { return .wait(pending) }
            if holders[first] == nil { return .grant(first) }
        }
        guard let window = Self.window(of: prefix, subPool: subPool),
            let offset = taken.nextMissing(after: cursor, in: window)
        else { throw noAddressLeft }
        cursor = offset
        return .grant(address(at: offset))
    }

    private func decide(on address: IPAddress, for request: AddressRequest) throws(IPAMError) -> Decision {
        guard let holder = holders[address] else { return .grant(address) }
        if let pending = holder.pending { return .wait(pending) }
        // Swarm managers repeat what they hold at every start and change of leader. In the local space nothing is
        // repeated (RequiresRequestReplay is false): there a second request for an address is a second holder.
        let isRepeated = holder.role == request.role && (space == .global || request.role == .gateway)
        guard isRepeated else { throw .addressTaken(address, id, holder: Self.words(for: holder)) }
        return .repeated(address)
    }

    /// Refuses what nobody can have. Addresses outside of the sub-pool are fine: auxiliary ones may be there.
    private func check(_ address: IPAddress) throws(IPAMError) {
        guard prefix.contains(address) else { throw .outsidePool(address, id) }
        let usable = Self.usable(of: prefix)
        let offset = offset(of: address)
        if offset < usable.lowerBound { throw .networkAddress(address, id) }
        if offset > usable.upperBound { throw .broadcastAddress(address, id) }
    }

    private var noAddressLeft: IPAMError {
        let window = Self.window(of: prefix, subPool: subPool)
        return .noAddressLeft(
            id, window: subPool ?? prefix, usable: window.map { $0.upperBound - $0.lowerBound + 1 } ?? 0)
    }

    private static func words(for holder: Holder) -> String {
        switch (holder.role, holder.name) {
        case (.gateway, _): "it is the gateway"
        case (.address, let name?): "container \(name) has it"
        case (.address, nil): "an endpoint or auxiliary address has it"
        }
    }
}

// MARK: - Numbers

extension Pool {
    /// The offsets that a link in `prefix` may have.
    ///
    /// IPv4: not the network and the broadcast address, except in a /31 (RFC 3021) or /32, which have none.
    /// IPv6: not the subnet-router anycast address (RFC 4291 section 2.6.1), except in a /127 (RFC 6164) or /128.
    static func usable(of prefix: Prefix) -> ClosedRange<UInt128> {
        let last = prefix.hostMask
        guard last > 1 else { return 0...last }
        return switch prefix.family {
        case .v4: 1...last - 1
        case .v6: 1...last
        }
    }

    /// The offsets that are chosen from. Nil if the sub-pool has none that is usable.
    static func window(of prefix: Prefix, subPool: Prefix?) -> ClosedRange<UInt128>? {
        let usable = usable(of: prefix)
        guard let subPool else { return usable }
        let first = subPool.first.bits - prefix.first.bits
        let last = subPool.last.bits - prefix.first.bits
        guard first <= usable.upperBound, last >= usable.lowerBound else { return nil }
        return max(first, usable.lowerBound)...min(last, usable.upperBound)
    }

    private func offset(of address: IPAddress) -> UInt128 {
        address.bits - prefix.base.bits
    }

    private func address(at offset: UInt128) -> IPAddress {
        guard let address = IPAddress(family: prefix.family, bits: prefix.base.bits + offset) else {
            preconditionFailure("an offset is at most the prefix's host mask")
        }
        return address
    }
}
