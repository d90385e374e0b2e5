// SPDX-License-Identifier: Apache-2.0

import Addressing
import Store

@testable import NetDriver

/// What is known of an endpoint.
struct EndpointFacts: Sendable {
    struct Content: Hashable, Sendable {
        let request: EndpointRequest
        let mac: MACAddress
    }

    enum Sandbox: Hashable, Sendable {
        case none
        case joined(String)
        case unknown
    }

    /// An endpoint's id belongs to one network for ever; calls through another one change nothing.
    let network: NetworkID
    var knowledge = Knowledge<Content>()
    private(set) var sandbox = Sandbox.none
    /// Calls under way that join and leave, and when last one ended.
    private var moving = 0
    private var lastMoved = -1
    var publication = PublicationFacts()
    /// Its sandbox died, or the host was rebooted, and the links are gone.
    var isLinkLost = false
    /// Its sandbox is dead, so that nobody can be in it.
    var isSandboxDead = false

    init(network: NetworkID) {
        self.network = network
    }

    /// True if it was in a sandbox that is alive, for sure, at every moment since `time`, and its link is there.
    func isJoined(since time: Int) -> Bool {
        guard case .joined = sandbox else { return false }
        return moving == 0 && lastMoved < time && !isLinkLost && !isSandboxDead && knowledge.isPresent(since: time)
    }

    mutating func beginMoving() { moving += 1 }

    mutating func moved(to sandbox: Sandbox, begin: Int, now: Int) {
        moving -= 1
        let isAlone = moving == 0 && lastMoved < begin && knowledge.isQuiet(since: begin)
        self.sandbox = isAlone ? sandbox : .unknown
        lastMoved = now
    }

    /// The call was refused by the rules, and so changed nothing.
    mutating func endMoving() { moving -= 1 }

    /// Was made, or, unless it was free, perhaps found there.
    mutating func renew(wasFree: Bool) {
        sandbox = wasFree && moving == 0 ? .none : .unknown
        publication.renew(wasFree: wasFree)
        guard wasFree else { return }
        isLinkLost = false
        isSandboxDead = false
    }
}

extension Model.State {
    /// True if a deletion of the network may have met the endpoint, or may yet do so: one that failed is tried again.
    func isNetworkGoing(_ id: NetworkID, since begin: Int) -> Bool {
        guard let network = networks[id] else { return false }
        return network.unmaking > 0 || network.lastUnmade > begin || network.isOwed || network.isUnknown
    }

    mutating func endCreateEndpoint(_ request: EndpointRequest, _ ticket: Model.Ticket, _ outcome: Outcome) {
        let begin = ticket.begin
        guard var facts = endpoints[request.id] else { return }
        defer { endpoints[request.id] = facts }
        facts.knowledge.endMaking()
        switch outcome {
        case .answered(.mac(let mac)):
            let content = EndpointFacts.Content(request: request, mac: mac)
            if let words = objection(to: content, facts, begin: begin) { find(.endpoint(request.id), words) }
            if facts.knowledge.held == nil {
                facts.renew(wasFree: facts.knowledge.isFree && facts.knowledge.isQuiet(since: begin))
            }
            facts.knowledge.made(
                content, begin: begin, now: now, isContested: isNetworkGoing(request.network, since: begin))
        case .refused(let error) where outcome.isAboutPorts:
            if let words = objection(to: error, about: request.ports, begin: begin) {
                find(.endpoint(request.id), "\(words): \(error)")
            }
        case .refused(let error as DriverError):
            if let words = objection(to: error, for: request, facts, begin: begin) {
                find(.endpoint(request.id), "\(words): \(error)")
            }
        case .refused: facts.knowledge.makingFailed(begin: begin, now: now)
        case .lost: facts.knowledge.makingLost(begin: begin, now: now)
        case .answered: find(.endpoint(request.id), "answered \(outcome)")
        }
    }

    private func objection(to content: EndpointFacts.Content, _ facts: EndpointFacts, begin: Int) -> String? {
        let request = content.request
        if networks[request.network]?.isAbsent(since: begin) != false { return "made in a network that is not there" }
        if let held = facts.knowledge.held, facts.knowledge.isPresent(since: begin), held.mac != content.mac {
            return "answered \(content.mac), and \(held.mac) before"
        }
        for (id, other) in endpoints where id != request.id && other.network == request.network {
            if other.knowledge.held?.mac == content.mac, request.mac == nil {
                return "has the MAC address of \(id)"
            }
        }
        return nil
    }

    private func objection(
        to error: DriverError, for request: EndpointRequest, _ facts: EndpointFacts, begin: Int
    ) -> String? {
        let network = networks[request.network]
        switch error {
        case .unknownNetwork:
            return network?.isPresent(since: begin) == true ? "refused, but the network is there" : nil
        case .networkBusy:
            return network?.isPresent(since: begin) == true && network?.isQuiet(since: begin) == true
                ? "refused, but nothing is being done" : nil
        case .endpointDiffers:
            if facts.knowledge.isAbsent(since: begin) { return "refused, but it is free" }
            guard facts.knowledge.isPresent(since: begin), facts.knowledge.isQuiet(since: begin) else { return nil }
            return facts.knowledge.held?.request == request ? "the same request was refused" : nil
        case .addressIsGateway, .addressOutside:
            // The network may have been made anew with other subnets.
            guard let held = network?.held, network?.isPresent(since: begin) == true else { return nil }
            let isFine = [request.ipv4, request.ipv6].compactMap { $0?.address }.allSatisfy { address in
                held.subnets.contains { $0.prefix.contains(address) && $0.gateway?.address != address }
            }
            return isFine ? "refused for no reason" : nil
        default: return "refused for no reason"
        }
    }

    mutating func endDeleteEndpoint(
        _ id: EndpointID, _ network: NetworkID, _ ticket: Model.Ticket, _ outcome: Outcome
    ) {
        guard ticket.isCounted, var facts = endpoints[id] else { return }
        facts.knowledge.endUnmaking()
        switch outcome {
        case .answered: facts.knowledge.unmade(begin: ticket.begin, now: now)
        case .refused(let error as DriverError): find(.endpoint(id), "not deleted: \(error)")
        case .refused: facts.knowledge.unmakingFailed(begin: ticket.begin, now: now)
        case .lost: facts.knowledge.unmakingLost(now: now)
        }
        endpoints[id] = facts
    }

    mutating func endJoin(
        _ id: EndpointID, _ network: NetworkID, _ sandbox: String, _ ticket: Model.Ticket, _ outcome: Outcome
    ) {
        let begin = ticket.begin
        guard ticket.isCounted, var facts = endpoints[id] else {
            if outcome.answer != nil { find(.endpoint(id), "joined, but not of \(network)") }
            return
        }
        switch outcome {
        case .answered(.attachment(let attachment)):
            if facts.knowledge.isAbsent(since: begin) { find(.endpoint(id), "joined, but it is not there") }
            if let words = objection(to: attachment.link, of: id, in: network, sandbox) { find(.endpoint(id), words) }
            if let held = facts.knowledge.held, let network = networks[network]?.held,
                networks[facts.network]?.isPresent(since: begin) == true, facts.knowledge.isPresent(since: begin)
            {
                let gateway = network.subnets.first { $0.prefix.family == .v4 }?.gateway?.address
                let expected = network.isInternal || held.request.ipv4 == nil ? nil : gateway
                if attachment.gatewayIPv4 != expected { find(.endpoint(id), "joined with another gateway") }
            }
            facts.moved(to: .joined(sandbox), begin: begin, now: now)
            facts.isLinkLost = false
        case .refused(let error as DriverError):
            facts.endMoving()
            if facts.knowledge.isPresent(since: begin), !isNetworkGoing(network, since: begin),
                networks[network]?.isPresent(since: begin) == true
            {
                find(.endpoint(id), "not joined: \(error)")
            }
        case .refused, .lost: facts.moved(to: .unknown, begin: begin, now: now)
        case .answered: find(.endpoint(id), "answered \(outcome)")
        }
        endpoints[id] = facts
    }

    /// A direct endpoint may still be given a link to move: where the kernel was made to refuse the other way, then or before.
    private func objection(
        to link: InterfaceName?, of id: EndpointID, in network: NetworkID, _ sandbox: String
    ) -> String? {
        if let link { return link.description == "pds" + id.short ? nil : "joined as \(link)" }
        // Where links of others were made, all are, and only these sandboxes have more than one endpoint.
        return isDirect(network) || Shared.sandboxes.contains(sandbox) ? nil : "nothing was made for the engine to move"
    }

    /// False if it is known that links of the network are for the engine to move.
    private func isDirect(_ network: NetworkID) -> Bool {
        guard let held = networks[network]?.held else { return true }
        return held.options == NetworkRequest.direct
    }

    mutating func endLeave(_ id: EndpointID, _ network: NetworkID, _ ticket: Model.Ticket, _ outcome: Outcome) {
        guard ticket.isCounted, var facts = endpoints[id] else { return }
        facts.endPublication(outcome, ticket, now: now, isAlone: !isTakenOver(id, since: ticket.begin))
        switch outcome {
        case .answered: facts.moved(to: .none, begin: ticket.begin, now: now)
        case .refused(let error as DriverError):
            facts.endMoving()
            find(.endpoint(id), "did not leave: \(error)")
        case .refused, .lost: facts.moved(to: .unknown, begin: ticket.begin, now: now)
        }
        endpoints[id] = facts
    }
}
