// SPDX-License-Identifier: Apache-2.0

import Addressing
import Store

@testable import NetDriver

extension NetworkRequest {
    /// The name of the bridge that goes with the network's id.
    var bridge: String { "br-" + id.short }

    func overlaps(_ other: NetworkRequest) -> Bool {
        subnets.contains { subnet in other.subnets.contains { $0.prefix.overlaps(subnet.prefix) } }
    }
}

extension Model.State {
    mutating func endCreateNetwork(
        _ request: NetworkRequest, _ ticket: Model.Ticket, _ outcome: Outcome, _ surroundings: Surroundings
    ) {
        let begin = ticket.begin
        networks[request.id]?.endMaking()
        switch outcome {
        case .answered:
            for (id, other) in networks where id != request.id {
                guard let held = other.held, held.overlaps(request) || held.bridge == request.bridge else { continue }
                find(.network(request.id), "made while \(id) is there, which has the same bridge or addresses")
            }
            if let held = networks[request.id]?.held, held != request,
                networks[request.id]?.isPresent(since: begin) == true
            {
                find(.network(request.id), "made a second time with other settings")
            }
            networks[request.id]?.made(request, begin: begin, now: now)
        case .refused(let error as DriverError):
            if let words = objection(to: error, for: request, begin: begin, surroundings) {
                find(.network(request.id), "\(words): \(error)")
            }
        case .refused: networks[request.id]?.makingFailed(begin: begin, now: now)
        case .lost: networks[request.id]?.makingLost(begin: begin, now: now)
        }
    }

    private func objection(
        to error: DriverError, for request: NetworkRequest, begin: Int, _ surroundings: Surroundings
    ) -> String? {
        switch error {
        case .networkDiffers(let id):
            guard let network = networks[id], !network.isAbsent(since: begin) else { return "refused, but it is free" }
            guard network.isPresent(since: begin), network.isQuiet(since: begin), network.held == request else {
                return nil
            }
            return "the same request was refused"
        case .bridgeOfNetwork(_, let other), .overlap(_, other: _, let other):
            return networks[other]?.isAbsent(since: begin) == false ? nil : "refused because of \(other), which is free"
        case .nameTaken(let bridge, _):
            return surroundings.links.contains { $0.name == bridge.description } ? nil : "the bridge is nobody's"
        case .gatewayOnLink(let address, _):
            return surroundings.links.contains { $0.address?.address == address } ? nil : "the gateway is nobody's"
        default: return "refused for no reason"
        }
    }

    mutating func endDeleteNetwork(_ id: NetworkID, _ ticket: Model.Ticket, _ outcome: Outcome) {
        let begin = ticket.begin
        networks[id]?.endUnmaking()
        let members = endpoints.filter { $0.value.network == id }
        switch outcome {
        case .refused(.networkInUse as DriverError):
            if members.values.allSatisfy({ $0.knowledge.isAbsent(since: begin) }) {
                find(.network(id), "said to be in use, but it has no endpoint")
            }
            return
        case .refused(let error as DriverError): find(.network(id), "not deleted: \(error)")
        case .answered:
            if let (endpoint, _) = members.first(where: { $0.value.isJoined(since: begin) }) {
                find(.network(id), "deleted, although \(endpoint) of it is in a sandbox")
            }
            networks[id]?.unmade(begin: begin, now: now)
        // Whether it is in use could not be seen; later it is looked at again, and deleted only if it is not.
        case .refused(let error) where "\(error)".contains("look at pdh") || "\(error)".contains("list links"):
            networks[id]?.doubt(now: now)
        case .refused: networks[id]?.unmakingFailed(begin: begin, now: now)
        case .lost: networks[id]?.unmakingLost(now: now)
        }
        for (endpoint, facts) in members where !facts.isJoined(since: begin) {
            if case .answered = outcome {
                endpoints[endpoint]?.knowledge.unmade(begin: begin, now: now)
            } else {
                endpoints[endpoint]?.knowledge.doubt(now: now)
            }
        }
    }
}
