// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import IPAM
import Store
import Synchronization

/// A mistake that a daemon is made to make now and then, to see that the model check finds it.
final class Sabotage: Sendable {
    enum Kind: String, CaseIterable, Sendable {
        case forgetsGrants, forgetsReleases, forgetsJoins, forgetsPorts
        case leavesLinks, leavesRetiredLinks, leavesRules, keepsPorts, givesTwice, refusesForNothing

        /// One of so many occasions is taken. There are far fewer publications than other changes, and links that were not
        /// deleted go with the next ones.
        fileprivate var rarity: Int {
            switch self {
            case .forgetsPorts: 20
            case .leavesRetiredLinks: 4
            default: 100
            }
        }
    }

    private let kind: Kind?
    private let lastGranted = Mutex<[PoolID: InterfaceAddress]>([:])

    init(_ kind: Kind?) {
        self.kind = kind
    }

    private func strikes(_ kind: Kind) -> Bool {
        kind == self.kind && Int.random(in: 0..<kind.rarity) == 0
    }

    /// True if the changes are to be answered with success and not made.
    func isForgotten(_ changes: [Change]) -> Bool {
        switch changes.first {
        case .putAddress: strikes(.forgetsGrants)
        case .deleteAddress: strikes(.forgetsReleases)
        case .putEndpoint(let endpoint) where endpoint.publication != nil && strikes(.forgetsPorts): true
        case .putEndpoint(let endpoint) where endpoint.sandboxKey != nil: strikes(.forgetsJoins)
        default: false
        }
    }

    var leavesLink: Bool { strikes(.leavesLinks) }
    var leavesRetiredLinks: Bool { strikes(.leavesRetiredLinks) }
    var keepsPort: Bool { strikes(.keepsPorts) }

    /// True if rules that are to be removed are to stay.
    func isLeft(_ rules: Set<RulesetElement>) -> Bool { !rules.isEmpty && strikes(.leavesRules) }

    /// What is answered instead.
    func outcome(_ outcome: Outcome, of call: Call) -> Outcome {
        guard case .requestAddress(let request) = call, request.role == .address, request.address == nil,
            case .answered(.address(let address)) = outcome
        else { return outcome }
        let last = lastGranted.withLock { $0.updateValue(address, forKey: request.pool) }
        if let last, last != address, strikes(.givesTwice) { return .answered(.address(last)) }
        return strikes(.refusesForNothing) ? .refused(IPAMError.unknownPool(request.pool)) : outcome
    }
}
