// SPDX-License-Identifier: Apache-2.0

import Addressing
import Store

@testable import IPAM

/// What is known of a pool.
struct PoolFacts: Sendable {
    let space: AddressSpace
    let prefix: Prefix
    let subPool: Prefix?
    var knowledge = Knowledge<Void>()
    var addresses: [IPAddress: Knowledge<AddressRecord.Role>] = [:]

    /// Requests for addresses, so far and under way, and when last one ended that may have taken any.
    var requestsBegun = 0
    var requestsUnderWay = 0
    var lastVague = -1
    /// Requests whose answers were lost and that named no address.
    var lost = 0

    /// Somebody had an address of it. A pool whose release is owed and that is used since stays: it is theirs.
    mutating func noteUse(now: Int) {
        if knowledge.isOwed { knowledge.doubt(now: now) }
    }

    /// True if no address can have been taken at any moment since `time`.
    func isEmpty(since time: Int) -> Bool {
        lost == 0 && requestsUnderWay == 0 && lastVague < time
            && addresses.values.allSatisfy { $0.isAbsent(since: time) }
    }
}

/// What a pool is chosen from.
struct Choice: Hashable, Sendable {
    let space: AddressSpace
    let family: AddressFamily
}

/// Requests that leave the choice of a pool to plugind.
struct ChoiceFacts: Sendable {
    var begun = 0
    var underWay = 0
    var lastVague = -1
    var lost = 0

    func mayHaveTaken(since time: Int) -> Bool { underWay > 0 || lost > 0 || lastVague >= time }
}

extension PoolRequest {
    /// Nil if plugind is to choose.
    var id: PoolID? { prefix.map { PoolID(space: space, prefix: $0, subPool: subPool) } }

    var choice: Choice { Choice(space: space, family: family) }
}

extension Model.State {
    mutating func beginRequestPool(_ request: PoolRequest, _ ticket: inout Model.Ticket) {
        guard let id = request.id, let prefix = request.prefix else {
            ticket.requestsBegun = requestsOfPools
            ticket.requestsUnderWay = choices[request.choice, default: ChoiceFacts()].underWay
            choices[request.choice, default: ChoiceFacts()].begun += 1
            choices[request.choice, default: ChoiceFacts()].underWay += 1
            return
        }
        pools[id, default: PoolFacts(space: request.space, prefix: prefix, subPool: request.subPool)]
            .knowledge.beginMaking()
    }

    private var requestsOfPools: Int { choices.values.reduce(0) { $0 + $1.begun } }

    mutating func endRequestPool(
        _ request: PoolRequest, _ ticket: Model.Ticket, _ outcome: Outcome, _ surroundings: Surroundings
    ) {
        let begin = ticket.begin
        if let id = request.id {
            pools[id]?.knowledge.endMaking()
            switch outcome {
            case .answered(.pool(let pool)):
                if pool.id != id { find(.pool(id), "answered with \(pool.id)") }
                checkGranted(id, begin: begin)
                pools[id]?.knowledge.made((), begin: begin, now: now)
            case .refused(let error as IPAMError):
                checkRefused(request, id, error, begin: begin)
            case .refused: pools[id]?.knowledge.makingFailed(begin: begin, now: now)
            case .lost: pools[id]?.knowledge.makingLost(begin: begin, now: now)
            case .answered: find(.pool(id), "answered \(outcome)")
            }
            return
        }
        choices[request.choice]?.underWay -= 1
        switch outcome {
        case .answered(.pool(let pool)):
            endChoice(of: pool, for: request, begin: begin, surroundings)
        case .refused(.noPoolLeft as IPAMError):
            checkNoPoolLeft(request, ticket, surroundings)
        case .refused: choices[request.choice]?.lastVague = now
        case .lost:
            choices[request.choice]?.lost += 1
            choices[request.choice]?.lastVague = now
        case .answered: break
        }
    }

    private mutating func endChoice(
        of pool: GrantedPool, for request: PoolRequest, begin: Int, _ surroundings: Surroundings
    ) {
        let id = pool.id
        if id != PoolID(space: request.space, prefix: pool.prefix, subPool: nil) || pool.prefix.family != request.family
        {
            find(.pool(id), "chosen for \(request.family) in \(request.space)")
        }
        if request.family == .v4, !surroundings.candidates.contains(pool.prefix) {
            find(.pool(id), "chosen, but no default pool")
        }
        // Somebody may have named it since it was chosen, which while it is empty is taken for the request repeated.
        if pools[id]?.knowledge.isPresent(since: begin) == true { find(.pool(id), "given twice") }
        pools[id, default: PoolFacts(space: request.space, prefix: pool.prefix, subPool: nil)].knowledge.beginMaking()
        pools[id]?.knowledge.endMaking()
        checkGranted(id, begin: begin)
        pools[id]?.knowledge.made((), begin: begin, now: now)
    }

    /// Pools of one space never overlap, and one with addresses in it is not shared in the local space.
    private mutating func checkGranted(_ id: PoolID, begin: Int) {
        guard let pool = pools[id] else { return }
        for (otherID, other) in pools
        where otherID != id && other.space == pool.space && other.knowledge.held != nil
            && other.prefix.overlaps(pool.prefix)
        {
            find(.pool(id), "granted while \(otherID) is held")
        }
        if pool.space == .local, pool.knowledge.isPresent(since: begin),
            let taken = pool.addresses.first(where: { $0.value.isPresent(since: begin) })
        {
            find(.pool(id), "given twice, although \(taken.key) of it is taken")
        }
    }

    private mutating func checkRefused(_ request: PoolRequest, _ id: PoolID, _ error: IPAMError, begin: Int) {
        guard case .overlap(let prefix, let obstacle) = error, prefix == request.prefix else {
            return find(.pool(id), "refused for no reason: \(error)")
        }
        if let other = pools[obstacle] {
            let isChosen =
                choices[Choice(space: other.space, family: other.prefix.family)]?
                .mayHaveTaken(since: begin) == true
            if !isChosen, other.knowledge.isAbsent(since: begin) {
                find(.pool(obstacle), "in the way of \(id), but free")
            }
            if !other.prefix.overlaps(prefix) { find(.pool(obstacle), "not in the way of \(id)") }
            if obstacle == id, request.space == .global || other.isEmpty(since: begin) {
                find(.pool(id), "refused although it is empty: \(error)")
            }
        } else if choices[request.choice]?.mayHaveTaken(since: begin) != true {
            find(.pool(obstacle), "in the way of \(id), but never granted")
        }
    }

    private mutating func checkNoPoolLeft(
        _ request: PoolRequest, _ ticket: Model.Ticket, _ surroundings: Surroundings
    ) {
        let taken = pools.values.filter { $0.space == request.space && !$0.knowledge.isAbsent(since: ticket.begin) }
        let free = surroundings.candidates.count { candidate in
            !taken.contains { $0.prefix.overlaps(candidate) }
        }
        let others = ticket.requestsUnderWay + requestsOfPools - ticket.requestsBegun
        let lost = choices[request.choice]?.lost ?? 0
        if request.family == .v6 || free > others + lost, let candidate = surroundings.candidates.first {
            find(
                .pool(PoolID(space: request.space, prefix: candidate, subPool: nil)),
                "no pool was left, but \(free) are free")
        }
    }

    mutating func endReleasePool(_ id: PoolID, _ ticket: Model.Ticket, _ outcome: Outcome) {
        guard ticket.isCounted, var pool = pools[id] else { return }
        pool.knowledge.endUnmaking()
        switch outcome {
        case .answered: pool.knowledge.unmade(begin: ticket.begin, now: now)
        case .refused(let error as IPAMError): find(.pool(id), "not released: \(error)")
        case .refused:
            pool.knowledge.unmakingFailed(begin: ticket.begin, now: now)
            if ticket.requestsUnderWay > 0 || pool.requestsBegun > ticket.requestsBegun { pool.noteUse(now: now) }
        case .lost: pool.knowledge.unmakingLost(now: now)
        }
        for address in pool.addresses.keys {
            if case .answered = outcome {
                pool.addresses[address]?.unmade(begin: ticket.begin, now: now)
            } else {
                pool.addresses[address]?.doubt(now: now)
            }
        }
        if case .answered = outcome { pool.lost = pool.knowledge.isFree ? 0 : pool.lost }
        pools[id] = pool
    }
}
