// SPDX-License-Identifier: Apache-2.0

import Addressing
import Store

@testable import IPAM

/// What must be true of every answer, whatever the model makes of the rest: each promise by itself.
struct ReferenceChecks {
    /// The pool before the answer.
    let before: SlowModel.Outlook
    let request: AddressRequest
    let answer: IPAddress

    /// The promises that are broken.
    var violations: [String] {
        let holder = before.pool.held[answer]
        if let holder, holder.role != request.role || (request.role != .gateway && before.pool.space == .local) {
            return ["it is held"]
        }
        guard holder == nil else { return [] }
        return [
            before.pool.usable.contains(answer.bits) ? nil : "no link can have it", byNumber, byReservation,
            byExclusion, byClaim, byRange, byAge,
        ].compactMap(\.self)
    }

    private var byNumber: String? {
        guard let number = request.address else { return nil }
        if number != answer { return "\(number) was asked for" }
        if let rest = before.pool.rests[answer], rest.isFixed, before.isKept(rest), let name = rest.name,
            let other = request.name, name != other
        {
            return "\(name) asked for it by number"
        }
        return nil
    }

    private var byReservation: String? {
        for reservation in before.reservations where reservation.address == answer {
            let isAnother =
                switch reservation.identity {
                case .name(let name): request.name.map { $0 != name }
                case .mac(let mac): request.mac.map { $0 != mac }
                }
            // Who asks for a number and says nothing of himself may be anybody.
            if isAnother ?? (request.address == nil) && !request.has(reservation.identity) {
                return "it is reserved for \(reservation.identity)"
            }
        }
        guard request.address == nil, request.role == .address else { return nil }
        let own = before.reserved(for: request)
        return own.isEmpty || own.contains(answer) ? nil : "\(own[0]) is reserved for whoever asked"
    }

    private var byExclusion: String? {
        guard request.address == nil, before.pool.exclusions.contains(answer) else { return nil }
        let isFirst = request.role == .gateway && answer.bits == before.pool.usable.lowerBound
        return isFirst || before.reserved(for: request).contains(answer) ? nil : "it is excluded by command"
    }

    private var byClaim: String? {
        guard request.address == nil, request.role == .address, before.reserved(for: request).isEmpty,
            let own = before.claim(of: request), own.address != answer
        else { return nil }
        return "\(own.address) is kept for whoever asked"
    }

    private var byRange: String? {
        isChosen && !before.isChoosable(answer) ? "it is outside of the ranges" : nil
    }

    /// Whether it was for the order to say which address it is.
    private var isChosen: Bool {
        guard request.address == nil else { return false }
        return switch request.role {
        case .gateway: answer.bits != before.pool.usable.lowerBound
        case .address: before.reserved(for: request).isEmpty && before.claim(of: request) == nil
        }
    }

    /// What was released rests, and is kept for whoever had it, as long as there is any other.
    private var byAge: String? {
        guard isChosen, let rest = before.pool.rests[answer] else { return nil }
        let isThere = { (states: [SlowModel.Outlook.State]) in
            before.pool.rests.keys.contains { before.isChoosable($0) && states.contains(before.state(of: $0)) }
        }
        let isFree = before.firstBlank(after: nil) != nil || isThere([.rested])
        let older = { (state: SlowModel.Outlook.State) in
            before.pool.rests.values.contains {
                $0.released < rest.released && before.isChoosable($0.address) && before.state(of: $0.address) == state
            }
        }
        switch before.state(of: answer) {
        case .protected: return "\(rest.name ?? "somebody") asked for it by number"
        case .rested where before.pool.options.order == .lru:
            if before.firstBlank(after: nil) != nil { return "others have rested longer: nobody has had them" }
            return older(.rested) ? "others have rested longer" : nil
        case .weaklyClaimed:
            if isFree { return "a MAC address has it still, and others are free" }
            return older(.weaklyClaimed) ? "others of MAC addresses have rested longer" : nil
        case .quarantined:
            if isFree { return "it is in quarantine, and others are free" }
            if isThere([.weaklyClaimed]) { return "it is in quarantine, and others are out of it" }
            return older(.quarantined) ? "it is in quarantine, and others have been for longer" : nil
        case .claimed:
            if isFree { return "it is kept for \(rest.identity.map(\.description) ?? "nobody"), and others are free" }
            if isThere([.weaklyClaimed, .quarantined]) { return "it is kept for somebody, and others are for nobody" }
            return older(.claimed) ? "it is kept for somebody, and others have been for longer" : nil
        default: return nil
        }
    }
}
