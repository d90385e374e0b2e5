// SPDX-License-Identifier: Apache-2.0

import Addressing
import Store

/// A pool that was handed out, who holds which address in it, and what is known of those that were released.
///
/// An address counts as taken from the moment it is being granted to the moment its release is stored. Inside, addresses
/// are offsets from the pool's base.
struct Pool {
    /// Who holds an address.
    struct Holder {
        // In the order of their alignment: there is one for each address.
        let name: String?
        /// When it was granted, in milliseconds since 1970; 0 if that was not stored.
        let since: Int64
        /// Which grant of the address this is.
        fileprivate(set) var serial = GrantSerial.next()
        let mac: MACAddress?
        let role: AddressRecord.Role
        /// The address was asked for by number.
        let isFixed: Bool
        /// False for a MAC address that was seen only once, without a name.
        let isConfirmed: Bool

        init(
            role: AddressRecord.Role, name: String?, mac: MACAddress?, isFixed: Bool, isConfirmed: Bool, since: Int64
        ) {
            self.name = name
            self.since = since
            self.mac = mac
            self.role = role
            self.isFixed = isFixed
            self.isConfirmed = isConfirmed
        }
    }

    let id: PoolID
    let space: AddressSpace
    let prefix: Prefix
    let subPool: Prefix?
    private(set) var options: PoolOptions
    /// Set while the pool itself is being granted or released.
    var pending: PendingChange?
    /// Another one after each answer that gave the pool, or an address in it, to somebody.
    private(set) var serial = GrantSerial.next()

    private(set) var holders: [UInt128: Holder] = [:]
    /// Of addresses that are being granted or released.
    private var pendingChanges: [UInt128: PendingChange] = [:]
    private(set) var rests = RestBook()
    private(set) var reservations: [UInt128: Identity] = [:]
    private var reservedOffsets: [Identity: [UInt128]] = [:]
    /// What is excluded by command: ascending, with gaps between.
    private(set) var exclusions: [ClosedRange<UInt128>] = []
    /// From which nothing is ever chosen.
    private(set) var closed: AddressSet
    /// What is not blank: closed, held, released or reserved.
    private(set) var known: AddressSet
    /// Where the last choice fell: the next one goes on from there.
    var cursor: UInt128?
    /// Whose rests were forgotten here and are in the store yet.
    private var forgotten: Set<UInt128> = []
    /// How the number of held addresses went.
    var history = UsageHistory()

    /// `reservations`: those that are no option of the pool. The pool takes the ones that are in it.
    init(space: AddressSpace, prefix: Prefix, subPool: Prefix?, options: PoolOptions, reservations: [Reservation]) {
        self.id = PoolID(space: space, prefix: prefix, subPool: subPool)
        self.space = space
        self.prefix = prefix
        self.subPool = subPool
        self.options = options
        var closed = AddressSet()
        for range in options.closed(in: prefix, subPool: subPool) { closed.insert(range) }
        self.closed = closed
        known = closed
        setReservations(reservations)
    }

    /// True if nobody holds an address.
    var isEmpty: Bool { holders.isEmpty }

    /// The change that is on its way for `address`, or for the pool as a whole.
    func pendingChange(of address: IPAddress) -> PendingChange? {
        pending ?? (prefix.contains(address) ? pendingChanges[offset(of: address)] : nil)
    }

    func pendingChange(at offset: UInt128) -> PendingChange? { pendingChanges[offset] }

    /// Any change that is on its way for an address.
    var pendingAddressChange: PendingChange? { pendingChanges.first?.value }

    func holds(_ address: IPAddress) -> Bool { holder(of: address) != nil }

    func holder(of address: IPAddress) -> Holder? {
        prefix.contains(address) ? holders[offset(of: address)] : nil
    }

    /// The addresses that are held and of which no change is on its way.
    var settledHolders: [IPAddress: Holder] {
        var settled: [IPAddress: Holder] = [:]
        for (offset, holder) in holders where pendingChanges[offset] == nil { settled[address(at: offset)] = holder }
        return settled
    }

    func reservedOffsets(for identity: Identity) -> [UInt128] { reservedOffsets[identity] ?? [] }

    func interfaceAddress(_ address: IPAddress) -> InterfaceAddress {
        guard let result = InterfaceAddress(address: address, prefixLength: prefix.length) else {
            preconditionFailure("the pool's length is in range")
        }
        return result
    }
}

// MARK: - Changing

extension Pool {
    /// To be called when the pool, or what is held in it, is given to somebody once more.
    mutating func noteGrant() {
        serial = .next()
    }

    /// The same address was given to the same requester once more.
    mutating func noteGrant(at offset: UInt128) {
        noteGrant()
        holders[offset]?.serial = .next()
    }

    /// Marks an address taken. What was known of it since its last release is forgotten.
    mutating func take(_ address: IPAddress, by holder: Holder, pending: PendingChange? = nil) {
        let offset = offset(of: address)
        holders[offset] = holder
        pendingChanges[offset] = pending
        known.insert(offset)
        rests.remove(offset)
    }

    mutating func setPending(_ pending: PendingChange?, of address: IPAddress) {
        pendingChanges[offset(of: address)] = pending
    }

    /// Nobody holds the address any more. Without a rest it is as if nobody ever had.
    mutating func free(_ address: IPAddress, leaving rest: Rest?) {
        let offset = offset(of: address)
        holders[offset] = nil
        pendingChanges[offset] = nil
        if let rest { insert(rest, at: offset) }
        clearIfBlank(offset)
    }

    private mutating func insert(_ rest: Rest, at offset: UInt128) {
        forgotten.remove(offset)
        let isAside = reservations[offset] != nil || closed.contains(offset)
        rests.insert(rest, kind(of: rest), at: offset, isAside: isAside)
    }

    /// Notes what was stored of an address that nobody holds.
    mutating func restore(_ rest: Rest, of address: IPAddress) {
        let offset = offset(of: address)
        insert(rest, at: offset)
        known.insert(offset)
    }

    /// Makes the next choice go on after the address that was granted last.
    mutating func resume() {
        cursor = holders.max { ($0.value.since, $0.key) < ($1.value.since, $1.key) }?.key
    }

    /// `others`: those that are no option of the pool.
    mutating func setReservations(_ others: [Reservation]) {
        let before = reservations.keys
        let usable = Self.usable(of: prefix)
        reservations = [:]
        reservedOffsets = [:]
        for reservation in options.reservations + others where prefix.contains(reservation.address) {
            let offset = offset(of: reservation.address)
            // Another pool may have it, where it is not the network's own address.
            guard usable.contains(offset), reservations[offset] == nil else { continue }
            reservations[offset] = reservation.identity
            reservedOffsets[reservation.identity, default: []].append(offset)
            known.insert(offset)
        }
        for identity in reservedOffsets.keys { reservedOffsets[identity]?.sort() }
        for offset in Set(before).union(reservations.keys) {
            if let rest = rests[offset] { insert(rest, at: offset) }
            clearIfBlank(offset)
        }
    }

    /// What the pool's own options do not say is as in `defaults` from now on, for what was released before, too.
    mutating func setDefaults(_ defaults: PoolOptions) {
        options = options.following(defaults)
        for (offset, rest, _) in Array(rests.all) { insert(rest, at: offset) }
    }

    /// Excludes these offsets, which are merged, in place of those that were excluded by command. Who holds one keeps it.
    mutating func setExclusions(_ ranges: [ClosedRange<UInt128>]) {
        exclusions = ranges
        closed = AddressSet()
        for range in options.closed(in: prefix, subPool: subPool) + ranges { closed.insert(range) }
        known = closed
        for offset in holders.keys { known.insert(offset) }
        for offset in reservations.keys { known.insert(offset) }
        for (offset, rest, _) in Array(rests.all) {
            known.insert(offset)
            insert(rest, at: offset)
        }
    }

    /// Whether it is excluded by command. So it is given only to who names it, or whom it is reserved for.
    func isExcluded(_ offset: UInt128) -> Bool {
        exclusions.contains { $0.contains(offset) }
    }

    /// The released addresses whose time is over get in line for the next choice, or are as if nobody ever had them.
    mutating func ageRests(at now: Int64) {
        for kind in RestBook.Kind.waiting {
            while let (offset, rest) = rests.oldest(kind), isOver(rest, kind, at: now) {
                end(offset)
            }
            while let (offset, rest) = rests.oldestAside(kind), isOver(rest, kind, at: now) { end(offset) }
        }
        while rests.idleCount > Self.longestMemory, let (offset, _) = rests.oldest(.idle) { forget(offset) }
    }

    /// Nobody is waited for any more. What will never be chosen need not be remembered.
    private mutating func end(_ offset: UInt128) {
        if options.order == .lru, !closed.contains(offset) { rests.idle(offset) } else { forget(offset) }
    }

    /// Some addresses of which the store has a rest that is over. Nobody has them.
    var someForgotten: [IPAddress] {
        forgotten.lazy.filter { holders[$0] == nil && pendingChanges[$0] == nil }.prefix(Self.forgottenTogether)
            .map(address(at:))
    }

    /// True if the store has a rest of the address that is over.
    func isForgotten(_ address: IPAddress) -> Bool { forgotten.contains(offset(of: address)) }

    /// The store has no rest of the address any more.
    mutating func noteForgotten(_ address: IPAddress) { forgotten.remove(offset(of: address)) }

    private mutating func forget(_ offset: UInt128) {
        rests.remove(offset)
        forgotten.insert(offset)
        clearIfBlank(offset)
    }

    private mutating func clearIfBlank(_ offset: UInt128) {
        guard holders[offset] == nil, rests[offset] == nil, reservations[offset] == nil, !closed.contains(offset) else {
            return
        }
        known.remove(offset)
    }

    /// So many addresses that nobody waits for are remembered, for the sake of giving the one that rested longest.
    private static let longestMemory = 4096
    private static let forgottenTogether = 8
}

// MARK: - Times

extension Pool {
    private func kind(of rest: Rest) -> RestBook.Kind {
        guard options.sticky != .off else { return .plain }
        if rest.isFixed { return .fixed }
        guard rest.name != nil || rest.mac != nil else { return .plain }
        return rest.isConfirmed ? .claim : .weak
    }

    func isQuarantined(_ rest: Rest, at now: Int64) -> Bool {
        now - rest.released < options.quarantine.wholeMilliseconds
    }

    /// True while the address is kept for whoever had it.
    func isKept(_ rest: Rest, _ kind: RestBook.Kind, at now: Int64) -> Bool {
        switch (kind, options.sticky) {
        case (.plain, _), (.idle, _), (_, .off): false
        case (_, .forever): true
        case (_, .time(let time)): now - rest.released < time.wholeMilliseconds
        }
    }

    func isKept(_ offset: UInt128, at now: Int64) -> Bool {
        guard let rest = rests[offset], let kind = rests.kind(at: offset) else { return false }
        return isKept(rest, kind, at: now)
    }

    private func isOver(_ rest: Rest, _ kind: RestBook.Kind, at now: Int64) -> Bool {
        !isQuarantined(rest, at: now) && !isKept(rest, kind, at: now)
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

    /// Every offset of the pool.
    var span: ClosedRange<UInt128> { 0...prefix.hostMask }

    func offset(of address: IPAddress) -> UInt128 {
        address.bits - prefix.base.bits
    }

    func address(at offset: UInt128) -> IPAddress {
        guard let address = IPAddress(family: prefix.family, bits: prefix.base.bits + offset) else {
            preconditionFailure("an offset is at most the prefix's host mask")
        }
        return address
    }
}
