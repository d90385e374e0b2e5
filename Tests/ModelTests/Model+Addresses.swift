// SPDX-License-Identifier: Apache-2.0

import Addressing
import Store

@testable import IPAM

extension Model.State {
    mutating func beginRequestAddress(_ request: AddressRequest, _ ticket: inout Model.Ticket) {
        guard let pool = pools[request.pool] else {
            ticket.isCounted = false
            return
        }
        ticket.requestsBegun = pool.requestsBegun
        ticket.requestsUnderWay = pool.requestsUnderWay
        pools[request.pool]?.requestsBegun += 1
        pools[request.pool]?.requestsUnderWay += 1
        if let address = request.address {
            pools[request.pool]?.addresses[address, default: Knowledge()].beginMaking()
        }
    }

    mutating func endRequestAddress(_ request: AddressRequest, _ ticket: Model.Ticket, _ outcome: Outcome) {
        let id = request.pool
        guard ticket.isCounted, var pool = pools[id] else {
            if outcome.answer != nil { find(.pool(id), "gave an address, but was never granted") }
            return
        }
        defer { pools[id] = pool }
        pool.requestsUnderWay -= 1
        if let address = request.address { pool.addresses[address]?.endMaking() }
        let begin = ticket.begin
        if case .refused(is IPAMError) = outcome {} else { pool.noteUse(now: now) }
        switch outcome {
        case .answered(.address(let answer)):
            let address = answer.address
            if let words = pool.objection(to: answer, for: request, begin: begin) {
                find(.address(address, id), words)
            }
            let isContested = pool.knowledge.unmaking > 0 || pool.knowledge.lastUnmade > begin
            pool.addresses[address, default: Knowledge()].made(
                request.role, begin: begin, now: now, isContested: isContested)
        case .refused(let error as IPAMError):
            if let words = pool.objection(to: error, for: request, ticket) { find(.pool(id), words) }
        case .refused:
            guard let address = request.address else {
                pool.lastVague = now
                return
            }
            pool.addresses[address]?.makingFailed(begin: begin, now: now)
        case .lost:
            guard let address = request.address else {
                pool.lost += 1
                pool.lastVague = now
                return
            }
            pool.addresses[address]?.makingLost(begin: begin, now: now)
        case .answered: find(.pool(id), "answered \(outcome)")
        }
    }

    mutating func endReleaseAddress(_ address: IPAddress, _ id: PoolID, _ ticket: Model.Ticket, _ outcome: Outcome) {
        guard ticket.isCounted else { return }
        pools[id]?.addresses[address]?.endUnmaking()
        switch outcome {
        case .answered: pools[id]?.addresses[address]?.unmade(begin: ticket.begin, now: now)
        case .refused(let error as IPAMError): find(.address(address, id), "not released: \(error)")
        case .refused: pools[id]?.addresses[address]?.unmakingFailed(begin: ticket.begin, now: now)
        case .lost: pools[id]?.addresses[address]?.unmakingLost(now: now)
        }
    }
}

extension PoolFacts {
    /// Why an address cannot have been granted, or nil.
    fileprivate func objection(to answer: InterfaceAddress, for request: AddressRequest, begin: Int) -> String? {
        let address = answer.address
        if knowledge.isAbsent(since: begin) { return "granted, but the pool is free" }
        if let wanted = request.address, wanted != address { return "granted, but \(wanted) was asked for" }
        if !prefix.contains(address) || answer.prefixLength != prefix.length { return "granted as \(answer)" }
        let usable = Pool.usable(of: prefix)
        if !usable.contains(address.bits - prefix.base.bits) { return "granted, but no link can have it" }
        if let subPool, request.address == nil, request.role == .address, !subPool.contains(address) {
            return "chosen outside of \(subPool)"
        }
        if let role = addresses[address]?.held, knowledge.unmaking == 0 {
            let isNamed = request.address != nil || request.role == .gateway
            let isRepeated = isNamed && role == request.role && (space == .global || role == .gateway)
            if !isRepeated { return "given twice" }
        }
        return nil
    }

    /// Why a request cannot have been refused in this way, or nil.
    fileprivate func objection(
        to error: IPAMError, for request: AddressRequest, _ ticket: Model.Ticket
    ) -> String? {
        let begin = ticket.begin
        switch error {
        case .unknownPool:
            return knowledge.isPresent(since: begin) ? "said to be unknown, but it is held" : nil
        case .outsidePool, .networkAddress, .broadcastAddress:
            guard let address = request.address, prefix.contains(address) else { return nil }
            return Pool.usable(of: prefix).contains(address.bits - prefix.base.bits) ? "refused: \(error)" : nil
        case .addressTaken(let address, _, _):
            let isExplained =
                addresses[address]?.isAbsent(since: begin) == false || lost > 0 || lastVague >= begin
                || requestsUnderWay > 0
            return isExplained ? nil : "refused, but the address is free: \(error)"
        case .noAddressLeft:
            guard let window = Pool.window(of: prefix, subPool: subPool) else { return nil }
            let taken = addresses.count { address, knowledge in
                window.contains(address.bits - prefix.base.bits) && !knowledge.isAbsent(since: begin)
            }
            let others = ticket.requestsUnderWay + requestsBegun - ticket.requestsBegun + lost
            return UInt128(taken + others) < window.upperBound - window.lowerBound + 1
                ? "refused, but only \(taken) are taken: \(error)" : nil
        default: return "refused: \(error)"
        }
    }
}
