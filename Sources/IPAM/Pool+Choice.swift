// SPDX-License-Identifier: Apache-2.0

import Addressing
import Store

/// Why an address is given.
enum ChoiceReason {
    case number
    case gateway
    case reservation
    case claim
    case order
    /// Nothing else was left, so that a released address is given before its time.
    case exhaustion(Rest)
}

extension Pool {
    /// What is to be done about a request, given who holds what.
    enum Decision {
        /// Someone else's change of the same address is on its way.
        case wait(PendingChange)
        /// The requester holds it already.
        case repeated(IPAddress)
        case grant(IPAddress, ChoiceReason)
    }

    /// `now` is in milliseconds since 1970.
    mutating func decide(
        _ request: AddressRequest, at now: Int64, using random: inout some RandomNumberGenerator
    ) throws(IPAMError) -> Decision {
        if let pending { return .wait(pending) }
        ageRests(at: now)
        let decision = try choose(for: request, at: now, using: &random)
        // What is known of a released address may be on its way, too.
        if case .grant(let address, _) = decision, let pending = pendingChange(of: address) { return .wait(pending) }
        return decision
    }

    private mutating func choose(
        for request: AddressRequest, at now: Int64, using random: inout some RandomNumberGenerator
    ) throws(IPAMError) -> Decision {
        if let address = request.address {
            try check(address)
            return try decide(on: offset(of: address), .number, for: request, at: now)
        }
        switch request.role {
        case .gateway:
            // A network has one gateway in a pool, so a second request is the first one repeated.
            if let gateway { return try decide(on: gateway, .gateway, for: request, at: now) }
            let first = Self.usable(of: prefix).lowerBound
            if let pending = pendingChange(at: first) { return .wait(pending) }
            if holders[first] == nil, reservations[first] == nil, !isProtected(first, at: now) {
                return .grant(address(at: first), .gateway)
            }
        case .address:
            if let decision = try reserved(for: request) { return decision }
            let claimed = rests.claimed(name: request.name, mac: request.mac)
            let own = claimed.first { reservations[$0] == nil && isKept($0, at: now) && !isExcluded($0) }
            if let offset = own {
                return .grant(address(at: offset), .claim)
            }
        }
        if let offset = nextFree(using: &random) {
            cursor = offset
            return .grant(address(at: offset), .order)
        }
        guard let (offset, rest) = nextKept(at: now) else { throw noAddressLeft }
        cursor = offset
        return .grant(address(at: offset), .exhaustion(rest))
    }

    /// The lowest address that is held as a gateway.
    private var gateway: UInt128? {
        holders.lazy.filter { $0.value.role == .gateway }.map(\.key).min()
    }

    private mutating func decide(
        on offset: UInt128, _ reason: ChoiceReason, for request: AddressRequest, at now: Int64
    ) throws(IPAMError) -> Decision {
        let address = address(at: offset)
        guard let holder = holders[offset] else {
            if let identity = reservations[offset], identity.contradicts(request) {
                throw .addressReserved(address, id, for: identity)
            }
            if let rest = rests[offset], isProtected(offset, at: now), let name = rest.name, let other = request.name,
                name != other
            {
                throw .addressProtected(address, id, for: name, since: rest.released)
            }
            return .grant(address, reason)
        }
        if let pending = pendingChange(at: offset) { return .wait(pending) }
        // Swarm managers repeat what they hold at every start and change of leader. In the local space nothing is
        // repeated (RequiresRequestReplay is false): there a second request for an address is a second holder.
        let isRepeated = holder.role == request.role && (space == .global || request.role == .gateway)
        guard isRepeated else { throw .addressTaken(address, id, holder: holder.words) }
        noteGrant(at: offset)
        return .repeated(address)
    }

    /// The address that is reserved for the requester, or its release that must be waited for. Refused if all are held.
    private func reserved(for request: AddressRequest) throws(IPAMError) -> Decision? {
        let identities = [request.name.map(Identity.name), request.mac.map(Identity.mac)].compactMap(\.self)
        let offsets = identities.flatMap(reservedOffsets(for:))
        guard let first = offsets.first else { return nil }
        if let free = offsets.first(where: { holders[$0] == nil }) { return .grant(address(at: free), .reservation) }
        if let pending = offsets.lazy.compactMap(pendingChange(at:)).first { return .wait(pending) }
        let holder = holders[first].map { "\($0.words), and it is reserved for \(identities[0])" } ?? ""
        throw .addressTaken(address(at: first), id, holder: holder)
    }

    /// The address that has rested longest, or that the order says. Those of which nothing is known have rested longest.
    private mutating func nextFree(using random: inout some RandomNumberGenerator) -> UInt128? {
        switch options.order {
        case .lru: return known.nextMissing(after: cursor, in: span) ?? rests.oldest(.idle)?.offset
        case .sequential: return known.nextMissing(after: nil, in: span)
        case .random:
            let count = known.missingCount(in: span)
            return count == 0 ? nil : known.missing(at: .random(in: 0..<count, using: &random), in: span)
        }
    }

    /// Where nothing is free: a released address that somebody may come back for, those first who most likely will not.
    private func nextKept(at now: Int64) -> (offset: UInt128, rest: Rest)? {
        let heads = RestBook.Kind.waiting.compactMap { kind in
            rests.oldest(kind).map {
                (kind: kind, offset: $0.offset, rest: $0.rest, isKept: isKept($0.rest, kind, at: now))
            }
        }
        let weak = heads.filter { $0.kind == .weak && $0.isKept && !isQuarantined($0.rest, at: now) }
        let unclaimed = heads.filter { !$0.isKept }
        let claims = heads.filter { $0.isKept && $0.kind != .fixed }
        let next = [weak, unclaimed, claims].lazy.compactMap { heads in
            heads.min { ($0.rest.released, $0.offset) < ($1.rest.released, $1.offset) }
        }.first
        return next.map { ($0.offset, $0.rest) }
    }

    /// True while the address is nobody's but his who had asked for it by number.
    private func isProtected(_ offset: UInt128, at now: Int64) -> Bool {
        rests.kind(at: offset) == .fixed && isKept(offset, at: now)
    }

    /// Refuses what nobody can have. Addresses outside of the ranges are fine: auxiliary ones may be there.
    private func check(_ address: IPAddress) throws(IPAMError) {
        guard prefix.contains(address) else { throw .outsidePool(address, id) }
        let usable = Self.usable(of: prefix)
        let offset = offset(of: address)
        if offset < usable.lowerBound { throw .networkAddress(address, id) }
        if offset > usable.upperBound { throw .broadcastAddress(address, id) }
    }

    private var noAddressLeft: IPAMError {
        .noAddressLeft(
            id, window: subPool ?? prefix, usable: closed.missingCount(in: span),
            reserved: reservations.keys.count { holders[$0] == nil }, protected: rests.fixedCount)
    }
}

extension Identity {
    /// True for a request of somebody who is known to be another. Who says nothing of himself may be anybody.
    fileprivate func contradicts(_ request: AddressRequest) -> Bool {
        switch self {
        case .name(let name): request.name.map { $0 != name } ?? false
        case .mac(let mac): request.mac.map { $0 != mac } ?? false
        }
    }
}

extension Pool.Holder {
    /// Who it is, for people.
    var words: String {
        let who =
            switch (role, name, mac) {
            case (.gateway, _, _): "it is the gateway"
            case (.address, let name?, _): "container \(name) has it"
            case (.address, nil, let mac?): "an endpoint with the MAC address \(mac) has it"
            case (.address, nil, nil): "an endpoint or auxiliary address has it"
            }
        return since == 0 ? who : "\(who) since \(Moment.text(since))"
    }
}
