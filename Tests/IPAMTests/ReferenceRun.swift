// SPDX-License-Identifier: Apache-2.0

import Addressing
import Store
import Synchronization
import TestSupport

@testable import IPAM

/// Random calls of an IPAM over a store in memory, each compared with the slow model: what is answered, what is stored,
/// what is counted. Refusals of the store, restarts and a clock that jumps are among them.
struct ReferenceRun {
    /// Where the calls go.
    struct World {
        var prefixes: [Prefix]
        var order: PoolOptions.Order
        var defaultPools: DefaultPools = .init(ipv4: [], ipv6: [])
        /// As the model takes them.
        var candidates: [Prefix] = []
        var occupied: [Prefix] = []
        var reservations: [Reservation] = []
    }

    enum Call {
        case requestPool(PoolRequest)
        case releasePool(PoolID)
        case requestAddress(AddressRequest)
        case releaseAddress(IPAddress, PoolID)
        case reserve(Reservation)
        case unreserve(IPAddress)
        case exclude(AddressRange, PoolID)
        case include(AddressRange, PoolID)
        /// The engine has removed the container that had asked for some address by number.
        case endProtection
        /// What the store refused is done, and nothing else.
        case upkeep
        /// The daemon begins anew. The clock may show anything then, so many milliseconds later or earlier.
        case restart(Int64)
        /// Milliseconds pass.
        case time(Int64)
    }

    /// What went wrong, and what led to it.
    struct Disagreement: Error, CustomStringConvertible {
        let description: String
    }

    let world: World
    let seed: UInt64
    var random: SeededGenerator
    let store = FakeStore()
    let clock = SettableClock()
    private(set) var ipam: IPAM
    var model: SlowModel
    private(set) var step = 0
    /// In words, the calls since the last restart but one.
    private var history: [String] = []
    /// So many commits of the store were looked at.
    private var seenCommits = 0
    /// Pools fill while this is true.
    var isFilling = true
    /// What happened how often, to see that it happens.
    private(set) var tally: [String: Int] = [:]

    init(world: World, seed: UInt64) throws {
        self.world = world
        self.seed = seed
        random = SeededGenerator(seed: seed)
        model = SlowModel(
            defaultPools: world.candidates, occupied: world.occupied, configured: world.reservations)
        ipam = try Self.open(store, world, clock, seed: seed)
    }

    mutating func run(steps: Int) async throws {
        for _ in 0..<steps {
            step += 1
            if chance(40) { isFilling.toggle() }
            let call = randomCall()
            let isRefused = chance(12)
            if isRefused { store.failNext() }
            note("\(call)\(isRefused ? ", which the store would refuse" : "")")
            let attempts = store.commits.count
            do {
                try await make(call)
            } catch is StoreError {
                guard isRefused, store.commits.count == attempts else { throw disagreement("the store did not refuse") }
                note("  refused by the store")
                tally["refused by the store", default: 0] += 1
            }
            store.failNext(0)
            try await compare()
        }
    }
}

// MARK: - Calling

extension ReferenceRun {
    private mutating func make(_ call: Call) async throws {
        switch call {
        case .requestPool(let request): try await requestPool(request)
        case .releasePool(let id):
            do {
                try await ipam.releasePool(id)
            } catch let error as StoreError {
                if model.pool(id) != nil { model.owed.pools.insert(id) }
                throw error
            }
            model.releasePool(id)
        case .requestAddress(let request): try await requestAddress(request)
        case .releaseAddress(let address, let id):
            do {
                try await ipam.releaseAddress(address, in: id)
            } catch let error as StoreError {
                if model.pool(id)?.held[address] != nil { model.owed.addresses[id, default: []].insert(address) }
                throw error
            }
            model.releaseAddress(address, in: id, at: clock.now)
        case .reserve(let reservation): try await reserve(reservation)
        case .unreserve(let address): try await unreserve(address)
        case .exclude(let range, let id): try await exclude(range, from: id)
        case .include(let range, let id): try await include(range, in: id)
        case .endProtection:
            let all = await ipam.protectedAddresses()
            let expected = model.protected(at: clock.now)
            guard all.map({ "\($0.address) in \($0.pool)" }) == expected.map({ "\($0.address) in \($0.pool)" }) else {
                throw disagreement("protected are \(all), but expected \(expected)")
            }
            guard let one = all.randomElement(using: &random) else { return }
            note("  of \(one.address)")
            try await ipam.endProtection(one)
            model.endProtection(of: one.address, in: one.pool)
        case .upkeep:
            store.failNext(0)
            await ipam.upkeep()
            model.finishReleases(at: clock.now)
        case .restart(let milliseconds):
            store.failNext(0)
            clock.now += milliseconds
            ipam = try Self.open(store, world, clock, seed: random.next())
            model.restart(rests: store.state.rests)
        case .time(let milliseconds): clock.now += milliseconds
        }
    }

    private mutating func requestPool(_ request: PoolRequest) async throws {
        let decision = model.decide(request)
        do {
            let granted = try await ipam.requestPool(request)
            switch decision {
            case .given(let pool) where pool.id == granted.id && pool.prefix == granted.prefix: model.give(pool)
            case .repeated(let id) where id == granted.id: model.repeatPool(id)
            default: throw disagreement("given \(granted.id), but expected \(decision)")
            }
        } catch let error as IPAMError {
            guard case .refused = decision else { throw disagreement("\(error), but expected \(decision)") }
        }
    }

    private mutating func requestAddress(_ request: AddressRequest) async throws {
        let decision = model.decide(request, at: clock.now)
        let outlook = model.pool(request.pool).map { model.outlook($0, at: clock.now) }
        if let chosen = outlook?.chosen(by: decision, for: request) {
            // Also if the store refuses it.
            model.moveCursor(of: request.pool, to: chosen)
        }
        let answer: InterfaceAddress
        do {
            answer = try await ipam.requestAddress(request)
        } catch let error as IPAMError {
            guard let refusal = SlowModel.Refusal(error), decision == .refused(refusal) else {
                throw disagreement("\(error), but expected \(decision)")
            }
            note("  \(error)")
            tally["refused: \(refusal.word)", default: 0] += 1
            return
        }
        let address = answer.address
        note("  \(address)")
        guard let outlook, answer.prefixLength == outlook.pool.prefix.length else {
            throw disagreement("given \(answer), but expected \(decision)")
        }
        let violations = ReferenceChecks(before: outlook, request: request, answer: address).violations
        guard violations.isEmpty else {
            throw disagreement("given \(address), expected \(decision): \(violations.joined(separator: "; "))")
        }
        switch decision {
        case .repeated(address): model.repeatAddress(address, in: request.pool)
        case .given(address): model.give(address, for: request, at: clock.now)
        case .givenAny where outlook.isFree(address): model.give(address, for: request, at: clock.now)
        default: throw disagreement("given \(address), but expected \(decision)")
        }
        tally[outlook.occasion(of: request, address), default: 0] += 1
    }

    private mutating func reserve(_ reservation: Reservation) async throws {
        let all = model.pools.flatMap(\.options.reservations) + model.configured + model.commanded
        let same = all.filter { $0.address == reservation.address }
        do {
            try await ipam.reserve(reservation)
        } catch is ReservationError {
            guard same.contains(where: { $0 != reservation }) else { throw disagreement("not reserved, but expected") }
            return
        }
        guard same.isEmpty || same.contains(reservation) else { throw disagreement("reserved, though it was") }
        if same.isEmpty { model.commanded.append(reservation) }
    }

    private mutating func unreserve(_ address: IPAddress) async throws {
        let isCommanded = model.commanded.contains { $0.address == address }
        let isOther = (model.pools.flatMap(\.options.reservations) + model.configured).contains {
            $0.address == address
        }
        do {
            let answer = try await ipam.unreserve(address)
            guard answer == isCommanded else { throw disagreement("ended: \(answer), but expected \(isCommanded)") }
        } catch is ReservationError {
            guard isOther, !isCommanded else { throw disagreement("the reservation was not ended") }
        }
        model.commanded.removeAll { $0.address == address }
    }

    private mutating func exclude(_ range: AddressRange, from id: PoolID) async throws {
        guard let pool = model.pool(id) else { return }
        do {
            let report = try await ipam.exclude([range], from: id)
            try check(report, about: range, in: pool)
        } catch is ExclusionError {
            guard !pool.contains(range) else { throw disagreement("not excluded, but expected") }
            return
        }
        let addresses = pool.addresses(range.lowerBound, range.upperBound)
        model.exclude(pool.exclusions.union(addresses), from: id, at: clock.now)
        tally["excluded", default: 0] += 1
    }

    private mutating func include(_ range: AddressRange, in id: PoolID) async throws {
        guard let pool = model.pool(id) else { return }
        let left = pool.exclusions.filter { !range.contains($0) }
        do {
            let report = try await ipam.include([range], in: id)
            try check(report, about: range, in: pool)
        } catch is ExclusionError {
            guard left == pool.exclusions || !pool.contains(range) else {
                throw disagreement("not included, but expected")
            }
            return
        }
        guard left != pool.exclusions else { throw disagreement("included, though nothing was excluded") }
        model.exclude(left, from: id, at: clock.now)
        tally["included", default: 0] += 1
    }

    private func check(_ report: ExclusionReport, about range: AddressRange, in pool: SlowModel.Pool) throws {
        let held = pool.held.keys.filter { range.contains($0) }.sorted()
        guard report.held.map(\.address) == held else {
            throw disagreement("held are said to be \(report.held), expected \(held)")
        }
    }

    private static func open(
        _ store: FakeStore, _ world: World, _ clock: SettableClock, seed: UInt64
    ) throws -> IPAM {
        let occupied = world.occupied.map { OccupiedPrefix(prefix: $0, what: "route \($0) via eth0") }
        return try IPAM(
            state: store.load(), store: store, defaultPools: world.defaultPools, occupied: { occupied },
            reservations: world.reservations, random: SeededGenerator(seed: seed), now: { clock.now },
            logger: .silent)
    }
}

// MARK: - Comparing

extension ReferenceRun {
    private mutating func compare() async throws {
        let state = try store.load()
        let differences = model.differences(to: state, at: clock.now) + store.violations
        guard differences.isEmpty else { throw disagreement(differences.sorted().joined(separator: "\n")) }
        let reserved = Set(state.reservations.map(\.words))
        guard reserved == Set(model.commanded.map(\.description)) else {
            throw disagreement("stored reservations are \(reserved)")
        }
        for commit in store.commits[seenCommits...] where commit.contains(where: \.isGrant) {
            let hasReason = commit.contains { if case .audit(let line) = $0 { !line.reason.isEmpty } else { false } }
            guard hasReason else { throw disagreement("no line in the audit log: \(commit)") }
        }
        seenCommits = store.commits.count
        let reports = await ipam.report()
        guard Set(reports.map(\.id)) == Set(model.pools.map(\.id)) else { throw disagreement("reported: \(reports)") }
        for report in reports {
            guard let pool = model.pool(report.id) else { continue }
            let (counts, expected) = (SlowModel.Outlook.Counts(report), model.outlook(pool, at: clock.now).counts)
            guard counts == expected, counts.doesAddUp else {
                throw disagreement("counted \(counts), expected \(expected), in \(report.id)")
            }
        }
    }

    private mutating func note(_ words: String) {
        if history.count >= 400 { history.removeFirst(200) }
        history.append("\(step) at \(clock.now): \(words)")
    }

    private func disagreement(_ words: String) -> Disagreement {
        let pools = model.pools.map { "\($0.id): \($0.options)" }.joined(separator: "\n")
        let last = history.suffix(25).joined(separator: "\n")
        return Disagreement(description: "seed \(seed), step \(step): \(words)\n\(pools)\n…\n\(last)")
    }
}

extension SlowModel.Outlook {
    /// The address that the order chooses, if it does.
    func chosen(by decision: SlowModel.Decision, for request: AddressRequest) -> IPAddress? {
        guard case .given(let address) = decision, request.address == nil else { return nil }
        switch request.role {
        case .gateway: return address.bits == pool.usable.lowerBound ? nil : address
        case .address: return reserved(for: request).isEmpty && claim(of: request) == nil ? address : nil
        }
    }
}

extension SlowModel.Outlook {
    /// Why it is that address, for the tally.
    fileprivate func occasion(of request: AddressRequest, _ address: IPAddress) -> String {
        if request.address != nil { return "given: by number" }
        if request.role == .gateway { return "given: gateway" }
        if reserved(for: request).contains(address) { return "given: reserved" }
        return claim(of: request) != nil ? "given: had it before" : "given: \(state(of: address))"
    }
}

extension SlowModel.Refusal {
    fileprivate var word: String {
        switch self {
        case .unknownPool: "unknown pool"
        case .unusable: "unusable"
        case .taken: "taken"
        case .reserved: "reserved"
        case .protected: "protected"
        case .exhausted: "exhausted"
        }
    }

    /// Nil for what no request for an address is refused with.
    init?(_ error: IPAMError) {
        switch error {
        case .unknownPool: self = .unknownPool
        case .outsidePool, .networkAddress, .broadcastAddress: self = .unusable
        case .addressTaken(let address, _, _): self = .taken(address)
        case .addressReserved(let address, _, _): self = .reserved(address)
        case .addressProtected(let address, _, _, _): self = .protected(address)
        case .noAddressLeft: self = .exhausted
        default: return nil
        }
    }
}

extension ReservationRecord {
    fileprivate var words: String { "\(name ?? mac?.description ?? "")=\(address)" }
}

extension Change {
    /// Something is given or taken back.
    fileprivate var isGrant: Bool {
        switch self {
        case .putPool, .deletePool, .putAddress, .deleteAddress: true
        default: false
        }
    }
}

/// A clock that shows what it is told, in milliseconds since 1970.
final class SettableClock: Sendable {
    private let time = Mutex<Int64>(1_790_000_000_000)

    var now: Int64 {
        get { time.withLock(\.self) }
        set { time.withLock { $0 = newValue } }
    }
}
