// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Store

@testable import NetDriver

/// What is known of an endpoint's published ports.
struct PublicationFacts: Sendable {
    enum Fact: Hashable, Sendable {
        case none
        case published([PortRequest], isWithoutIPv6Proxy: Bool)
        case unknown

        var requests: [PortRequest]? {
            guard case .published(let requests, _) = self else { return nil }
            return requests
        }
    }

    private(set) var fact = Fact.none
    /// Calls under way that publish or take back, and when last one ended.
    private var changing = 0
    private var lastChanged = -1

    mutating func begin() { changing += 1 }

    /// The call was refused by the rules, and so changed nothing.
    mutating func end() { changing -= 1 }

    mutating func changed(to fact: Fact, begin: Int, now: Int, isAlone: Bool) {
        changing -= 1
        self.fact = isAlone && isStable(since: begin) ? fact : .unknown
        lastChanged = now
    }

    /// Somebody else has a port. What the endpoint had stays, unless it was to be published in another way.
    mutating func refused(isWithoutIPv6Proxy: Bool, begin: Int, now: Int, isAlone: Bool) {
        var left = fact
        if case .published(_, let wasWithoutIPv6Proxy) = fact, wasWithoutIPv6Proxy != isWithoutIPv6Proxy {
            left = .none
        }
        changed(to: left, begin: begin, now: now, isAlone: isAlone)
    }

    /// Another endpoint of the same container may have taken the ports over.
    mutating func doubt(now: Int) {
        fact = .unknown
        lastChanged = now
    }

    /// The endpoint was made, or, unless it was free, perhaps found there.
    mutating func renew(wasFree: Bool) {
        fact = wasFree && changing == 0 ? .none : .unknown
    }

    /// True if nobody was publishing or taking back at any moment since `time`.
    func isStable(since time: Int) -> Bool { changing == 0 && lastChanged < time }
}

extension Model.State {
    mutating func beginPublish(_ id: EndpointID, _ network: NetworkID, _ ticket: inout Model.Ticket) {
        ticket.isCounted = endpoints[id]?.network == network
        guard ticket.isCounted else { return }
        endpoints[id]?.publication.begin()
        if Shared.has(id) { takeovers += 1 }
    }

    mutating func endPublish(
        _ requests: [PortRequest], isWithoutIPv6Proxy: Bool, _ id: EndpointID, _ network: NetworkID,
        _ ticket: Model.Ticket, _ outcome: Outcome
    ) {
        let begin = ticket.begin
        guard ticket.isCounted, var facts = endpoints[id] else {
            if outcome.answer != nil { find(.endpoint(id), "published, but not of \(network)") }
            return
        }
        if Shared.has(id) { takeovers -= 1 }
        let isAlone = facts.knowledge.isQuiet(since: begin) && !isTakenOver(id, since: begin)
        switch outcome {
        case .answered:
            if facts.knowledge.isAbsent(since: begin) { find(.endpoint(id), "published, but it is not there") }
            let held = networks[network]?.held
            if held?.isInternal == false, let other = sureHolder(of: requests, besides: id, since: begin) {
                find(
                    .endpoint(other),
                    "has a port at which \(id) was published from \(begin) on: \(requests.map(\.words))")
            }
            let fact: PublicationFacts.Fact? = held.map {
                $0.isInternal || requests.isEmpty
                    ? .none : .published(requests.sorted(), isWithoutIPv6Proxy: isWithoutIPv6Proxy)
            }
            facts.publication.changed(to: fact ?? .unknown, begin: begin, now: now, isAlone: isAlone)
        case .refused(DriverError.unknownEndpoint), .refused(DriverError.unknownNetwork):
            facts.publication.end()
            if facts.knowledge.isPresent(since: begin), !isNetworkGoing(network, since: begin),
                networks[network]?.isPresent(since: begin) == true
            {
                find(.endpoint(id), "not published: \(outcome)")
            }
        case .refused(let error) where outcome.isAboutPorts:
            if let words = objection(to: error, about: requests, begin: begin) {
                find(.endpoint(id), "\(words): \(error)")
            }
            facts.publication.refused(
                isWithoutIPv6Proxy: isWithoutIPv6Proxy, begin: begin, now: now, isAlone: isAlone)
        case .refused(let error as DriverError): find(.endpoint(id), "not published: \(error)")
        case .refused, .lost: facts.publication.changed(to: .unknown, begin: begin, now: now, isAlone: false)
        }
        endpoints[id] = facts
        if Shared.has(id) { noteTakeover(by: id, requests) }
    }

    mutating func endUnpublish(_ id: EndpointID, _ ticket: Model.Ticket, _ outcome: Outcome) {
        guard ticket.isCounted, var facts = endpoints[id] else { return }
        if case .refused(let error as DriverError) = outcome { find(.endpoint(id), "still published: \(error)") }
        facts.endPublication(outcome, ticket, now: now, isAlone: !isTakenOver(id, since: ticket.begin))
        endpoints[id] = facts
    }

    // MARK: Takeovers

    /// Ports change hands between endpoints of one sandbox, and only callers who quarrel have two of them in one.
    func isTakenOver(_ id: EndpointID, since begin: Int) -> Bool {
        Shared.has(id) && (takeovers > 0 || lastTakeover > begin)
    }

    private mutating func noteTakeover(by id: EndpointID, _ requests: [PortRequest]) {
        lastTakeover = now
        for other in Shared.endpoints where other.id != id {
            guard let ports = endpoints[other.id]?.publication.fact.requests,
                requests.contains(where: { one in ports.contains { $0.mayMeet(one) } })
            else { continue }
            endpoints[other.id]?.publication.doubt(now: now)
        }
    }

    // MARK: Collisions

    /// An endpoint that had one of the ports, for sure, all the time, and could not be made to give it up.
    private func sureHolder(of requests: [PortRequest], besides id: EndpointID, since begin: Int) -> EndpointID? {
        guard endpoints[id]?.knowledge.held?.request.ipv4 != nil else { return nil }
        return endpoints.first { other, facts in
            guard other != id, let ports = facts.publication.fact.requests,
                facts.publication.isStable(since: begin), facts.knowledge.isPresent(since: begin),
                facts.knowledge.held?.request.ipv4 != nil, !(Shared.has(id) && Shared.has(other)),
                // One that has lost its links goes with its network.
                !isNetworkGoing(facts.network, since: begin)
            else { return false }
            return requests.contains { one in ports.contains { $0.surelyMeets(one) } }
        }?.key
    }

    /// What is wrong with a refusal of ports.
    func objection(to error: any Error, about requests: [PortRequest], begin: Int) -> String? {
        if case DriverError.unreachableHostAddress(let address, _) = error {
            return requests.contains { $0.hostAddress == address } ? nil : "nobody asked for that address"
        }
        // A refusal that was injected before may have left a port held, for a while.
        guard isSpared else { return nil }
        let isReasonable = requests.enumerated().contains { index, request in
            request.hostPorts.map { range in foreignPorts.contains { range.contains($0) } } == true
                || requests[..<index].contains { $0.mayMeet(request) }
                // Also if it has the port itself, for another of the container's.
                || endpoints.contains { $0.value.mayHold(request, since: begin) }
        }
        return isReasonable ? nil : "refused, but nobody has the port"
    }
}

extension EndpointFacts {
    /// A call that takes back what is published has ended.
    mutating func endPublication(_ outcome: Outcome, _ ticket: Model.Ticket, now: Int, isAlone: Bool) {
        let begin = ticket.begin
        switch outcome {
        case .answered:
            publication.changed(
                to: .none, begin: begin, now: now, isAlone: isAlone && knowledge.isQuiet(since: begin))
        case .refused, .lost: publication.changed(to: .unknown, begin: begin, now: now, isAlone: false)
        }
    }

    fileprivate func mayHold(_ request: PortRequest, since begin: Int) -> Bool {
        if knowledge.isAbsent(since: begin) { return false }
        guard publication.isStable(since: begin), knowledge.isQuiet(since: begin) else { return true }
        return switch publication.fact {
        case .none: false
        case .unknown: true
        case .published(let ports, _): ports.contains { $0.mayMeet(request) }
        }
    }
}

extension Outcome {
    /// Refused because of ports, and not because the host was made to refuse.
    var isAboutPorts: Bool {
        guard case .refused(let error) = self, !isInjected else { return false }
        return switch error {
        case DriverError.portPublished, DriverError.unreachableHostAddress: true
        case let error as HostPortError: error.code == 98
        default: false
        }
    }
}

extension PortRequest {
    /// False if they can never be at the same port of the host.
    fileprivate func mayMeet(_ other: PortRequest) -> Bool {
        guard transport == other.transport, let hostPorts, let others = other.hostPorts else { return false }
        return hostPorts.overlaps(others)
            && (hostAddress == nil || other.hostAddress == nil || hostAddress == other.hostAddress)
    }

    /// True if they would be at the same port of the host, for containers with IPv4.
    fileprivate func surelyMeets(_ other: PortRequest) -> Bool {
        mayMeet(other) && hostPorts?.count == 1 && other.hostPorts?.count == 1 && hostAddress?.family != .v6
            && other.hostAddress?.family != .v6
    }
}
