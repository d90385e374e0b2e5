// SPDX-License-Identifier: Apache-2.0

import Addressing
import Store

@testable import IPAM

extension SlowModel {
    /// A pool as it is seen at one moment: what every address of it is good for.
    struct Outlook {
        let pool: Pool
        /// Those of the pool: one of an address, its option before others.
        private(set) var reservations: [Reservation] = []
        /// In milliseconds since 1970.
        let now: Int64

        init(pool: Pool, reservations others: [Reservation], now: Int64) {
            self.pool = pool
            self.now = now
            for reservation in pool.options.reservations + others
            where pool.prefix.contains(reservation.address) && pool.usable.contains(reservation.address.bits) {
                if reservations.contains(where: { $0.address == reservation.address }) { continue }
                reservations.append(reservation)
            }
        }

        enum State: Equatable {
            case held
            /// For whom; whoever had it before, and when.
            case reserved
            /// Was asked for by number, and nobody but its owner gets it.
            case protected
            /// A claim that counts. A quarantined one is weak, too.
            case claimed
            /// A claim by a MAC address that was seen once, after its quarantine.
            case weaklyClaimed
            /// Nobody's, but nobody gets it yet.
            case quarantined
            case rested
            case blank
        }
    }
}

extension SlowModel.Outlook {
    func state(of address: IPAddress) -> State {
        if pool.held[address] != nil { return .held }
        if reservations.contains(where: { $0.address == address }) { return .reserved }
        guard let rest = pool.rests[address], !pool.lapsed.contains(address) else { return .blank }
        if rest.isFixed, isKept(rest) { return .protected }
        if isKept(rest) {
            return rest.isConfirmed || isQuarantined(rest) ? .claimed : .weaklyClaimed
        }
        return isQuarantined(rest) ? .quarantined : .rested
    }

    func isQuarantined(_ rest: RestRecord) -> Bool {
        now - rest.released < milliseconds(pool.options.quarantine)
    }

    /// Whether who had it would have it back. Of who had asked for it by number that is so even if nothing is known.
    func isKept(_ rest: RestRecord) -> Bool {
        guard rest.isFixed || rest.identity != nil else { return false }
        return switch pool.options.sticky {
        case .off: false
        case .forever: true
        case .time(let time): now - rest.released < milliseconds(time)
        }
    }

    /// The times of options are whole seconds.
    private func milliseconds(_ time: Duration) -> Int64 { time.components.seconds * 1_000 }

    /// Where the choice is not by age, or never falls, nobody needs to know what rested long ago. The store forgets it sooner
    /// or later.
    func isForgotten(_ rest: RestRecord) -> Bool {
        pool.lapsed.contains(rest.address) || isLapsing(rest)
    }

    func isLapsing(_ rest: RestRecord) -> Bool {
        (pool.options.order != .lru || !isInRanges(rest.address)) && !isQuarantined(rest) && !isKept(rest)
    }

    func isReserved(_ address: IPAddress, forOtherThan request: AddressRequest) -> Bool {
        reservations.contains { $0.address == address && !request.has($0.identity) }
    }

    private func isInRanges(_ address: IPAddress) -> Bool {
        pool.window.contains { $0.contains(address.bits) }
    }

    /// What is chosen from, without what is reserved.
    func isChoosable(_ address: IPAddress) -> Bool {
        isInRanges(address) && !reservations.contains { $0.address == address }
    }

    /// Free for everybody.
    func isFree(_ address: IPAddress) -> Bool {
        isChoosable(address) && [.blank, .rested].contains(state(of: address))
    }

    /// What is to be chosen from and is in that state, the longest released first.
    func rests(_ state: State) -> [RestRecord] {
        pool.rests.values
            .filter { isChoosable($0.address) && self.state(of: $0.address) == state }
            .sorted { ($0.released, $0.address) < ($1.released, $1.address) }
    }

    /// The first address of which nothing is known, round from the one after `cursor`.
    func firstBlank(after cursor: IPAddress?) -> IPAddress? {
        let window = pool.window
        let later = cursor.map { cursor in
            window.filter { $0.upperBound > cursor.bits }.map { max($0.lowerBound, cursor.bits + 1)...$0.upperBound }
        }
        for piece in (later ?? []) + window {
            // Ends soon: no more addresses are passed over than are known.
            var bits = piece.lowerBound
            while true {
                let address = pool.address(bits)
                if state(of: address) == .blank { return address }
                if bits == piece.upperBound { break }
                bits += 1
            }
        }
        return nil
    }
}

// MARK: - Deciding

extension SlowModel {
    /// What is to become of a request for an address.
    enum Decision: Equatable {
        case repeated(IPAddress)
        case given(IPAddress)
        /// Any that is free.
        case givenAny
        case refused(Refusal)
    }

    enum Refusal: Equatable {
        case unknownPool
        case unusable
        case taken(IPAddress)
        case reserved(IPAddress)
        case protected(IPAddress)
        case exhausted
    }
}

extension SlowModel.Outlook {
    func decide(_ request: AddressRequest) -> SlowModel.Decision {
        if let address = request.address { return decide(on: address, for: request) }
        if request.role == .gateway {
            let gateway = pool.held.values.filter { $0.role == .gateway }.map(\.address).min()
            if let gateway { return .repeated(gateway) }
            let first = pool.address(pool.usable.lowerBound)
            let state = state(of: first)
            if state != .held, state != .reserved, state != .protected { return .given(first) }
            return choose()
        }
        let own = reserved(for: request)
        if let first = own.first {
            return own.first { pool.held[$0] == nil }.map { .given($0) } ?? .refused(.taken(first))
        }
        if let own = claim(of: request) { return .given(own.address) }
        return choose()
    }

    /// What is reserved for the requester: for its name before that for its MAC address, the lowest first.
    func reserved(for request: AddressRequest) -> [IPAddress] {
        let identities = [request.name.map(Identity.name), request.mac.map(Identity.mac)]
        return identities.flatMap { identity in
            reservations.filter { $0.identity == identity }.map(\.address).sorted()
        }
    }

    /// The newest claim of the requester, by name if it has one; the lowest of several of one time.
    func claim(of request: AddressRequest) -> RestRecord? {
        guard let identity = request.identity else { return nil }
        return pool.rests.values
            .filter {
                $0.identity == identity && isKept($0) && !isReserved($0.address, forOtherThan: request)
                    && !pool.exclusions.contains($0.address)
            }
            .max { ($0.released, $1.address) < ($1.released, $0.address) }
    }

    private func decide(on address: IPAddress, for request: AddressRequest) -> SlowModel.Decision {
        guard pool.prefix.contains(address), pool.usable.contains(address.bits) else { return .refused(.unusable) }
        if let holder = pool.held[address] {
            let isRepeated = holder.role == request.role && (pool.space == .global || request.role == .gateway)
            return isRepeated ? .repeated(address) : .refused(.taken(address))
        }
        for reservation in reservations where reservation.address == address {
            switch reservation.identity {
            case .name(let name):
                if let other = request.name, other != name { return .refused(.reserved(address)) }
            case .mac(let mac):
                if let other = request.mac, other != mac { return .refused(.reserved(address)) }
            }
        }
        if let rest = pool.rests[address], rest.isFixed, isKept(rest), let owner = rest.name, let name = request.name,
            owner != name
        {
            return .refused(.protected(address))
        }
        return .given(address)
    }

    private func choose() -> SlowModel.Decision {
        let rested = rests(.rested)
        let free: IPAddress?
        switch pool.options.order {
        case .lru: free = firstBlank(after: pool.cursor) ?? rested.first?.address
        case .sequential: free = [firstBlank(after: nil), rested.map(\.address).min()].compactMap(\.self).min()
        case .random:
            if firstBlank(after: nil) != nil || !rested.isEmpty { return .givenAny }
            free = nil
        }
        let exhausted = [rests(.weaklyClaimed), rests(.quarantined), rests(.claimed)].compactMap(\.first?.address)
        return (free ?? exhausted.first).map { .given($0) } ?? .refused(.exhausted)
    }
}

// MARK: - Identities

extension AddressRequest {
    /// Who a released address is kept for.
    fileprivate var identity: Identity? { name.map(Identity.name) ?? mac.map(Identity.mac) }

    func has(_ identity: Identity) -> Bool {
        identity == name.map(Identity.name) || identity == mac.map(Identity.mac)
    }
}

extension RestRecord {
    var identity: Identity? { name.map(Identity.name) ?? mac.map(Identity.mac) }
}
