// SPDX-License-Identifier: Apache-2.0

import Addressing
import Synchronization

@testable import IPAM
@testable import NetDriver

/// The plain reference model: who was told that he has what. Finds answers that cannot be.
final class Model: Sendable {
    /// A call under way.
    struct Ticket: Sendable {
        let call: Call
        let caller: Int
        let begin: Int
        /// How many requests the pool, or the space, had seen and had under way.
        var requestsBegun = 0
        var requestsUnderWay = 0
        /// False for a call about something that was never there.
        var isCounted = true
    }

    struct Finding: Sendable {
        /// Nil if it is about the whole.
        let subject: Subject?
        let words: String
    }

    fileprivate struct Event: Sendable {
        let caller: Int
        let call: Call
        let outcome: Outcome
        let begin: Int
        let end: Int
    }

    struct State: Sendable {
        var now = 0
        var pools: [PoolID: PoolFacts] = [:]
        var choices: [Choice: ChoiceFacts] = [:]
        var networks: [NetworkID: Knowledge<NetworkRequest>] = [:]
        var endpoints: [EndpointID: EndpointFacts] = [:]
        var finding: Finding?
        /// Whether the daemon is spared refusals.
        var isSpared = true
        /// Ports of the host that somebody else has, or had a moment ago.
        var foreignPorts: Set<UInt16> = []
        /// Calls under way that may take ports over from another endpoint, and when last one ended.
        var takeovers = 0
        var lastTakeover = -1
        fileprivate var events: [Event] = []
        fileprivate var remarks: [(time: Int, words: String)] = []

        mutating func find(_ subject: Subject?, _ words: String) {
            if finding == nil { finding = Finding(subject: subject, words: words) }
        }
    }

    let state = Mutex(State())

    /// The default pools' candidates, and the links and prefixes of the host that are not plugind's.
    let surroundings: Surroundings

    init(surroundings: Surroundings) {
        self.surroundings = surroundings
    }

    var finding: Finding? { state.withLock { $0.finding } }

    func begin(_ call: Call, by caller: Int) -> Ticket {
        state.withLock { state in
            state.now += 1
            var ticket = Ticket(call: call, caller: caller, begin: state.now)
            state.begin(&ticket)
            return ticket
        }
    }

    func end(_ ticket: Ticket, _ outcome: Outcome) {
        state.withLock { state in
            state.now += 1
            state.end(ticket, outcome, surroundings)
            if case .refused(let error) = outcome, !(error is IPAMError), !(error is DriverError), !outcome.isInjected,
                !outcome.isAboutPorts
            {
                ticket.call.subjects.first.map { state.find($0, "failed for no reason: \(error)") }
            }
            if state.events.count == 20_000 { state.events.removeFirst(10_000) }
            state.events.append(
                Event(
                    caller: ticket.caller, call: ticket.call, outcome: outcome, begin: ticket.begin, end: state.now))
        }
    }

    func find(_ subject: Subject?, _ words: String) {
        state.withLock { $0.find(subject, words) }
    }

    /// Before the first call of a daemon.
    func meet(isSpared: Bool, foreignPorts: Set<UInt16>) {
        state.withLock { state in
            state.isSpared = isSpared
            state.foreignPorts = foreignPorts
        }
    }

    /// What happened to the daemon or the host.
    func remark(_ words: String) {
        state.withLock { state in
            if state.remarks.count == 200 { state.remarks.removeFirst(100) }
            state.remarks.append((state.now, words))
        }
    }

    /// What was found, and the last calls that may have led there.
    var report: String {
        state.withLock { state in
            guard let finding = state.finding else { return "nothing" }
            let related = state.events.filter { event in
                guard let subject = finding.subject else { return true }
                return (event.call.subjects + [event.outcome.subject(of: event.call)].compactMap(\.self))
                    .contains { $0.concerns(subject) }
            }
            let calls = related.suffix(25).map {
                (time: $0.end, words: "\($0.begin)-\($0.end) caller \($0.caller): \($0.call) → \($0.outcome)")
            }
            let remarks = state.remarks.suffix(5).map { (time: $0.time, words: "\($0.time) \($0.words)") }
            let lines = (calls + remarks).sorted { $0.time < $1.time }.map { "  " + $0.words }
            return "\(finding.subject.map { "\($0): " } ?? "")\(finding.words) (now \(state.now))\n"
                + lines.joined(separator: "\n")
        }
    }
}

extension Outcome {
    /// What was chosen by the answer.
    fileprivate func subject(of call: Call) -> Subject? {
        switch (self, call) {
        case (.answered(.pool(let pool)), _): .pool(pool.id)
        case (.answered(.address(let address)), .requestAddress(let request)): .address(address.address, request.pool)
        default: nil
        }
    }
}

extension Model.State {
    fileprivate mutating func begin(_ ticket: inout Model.Ticket) {
        switch ticket.call {
        case .requestPool(let request): beginRequestPool(request, &ticket)
        case .releasePool(let id):
            ticket.isCounted = pools[id] != nil
            ticket.requestsBegun = pools[id]?.requestsBegun ?? 0
            ticket.requestsUnderWay = pools[id]?.requestsUnderWay ?? 0
            pools[id]?.knowledge.beginUnmaking()
        case .requestAddress(let request): beginRequestAddress(request, &ticket)
        case .releaseAddress(let address, let pool):
            ticket.isCounted = pools[pool] != nil
            pools[pool]?.addresses[address, default: Knowledge()].beginUnmaking()
        case .createNetwork(let request): networks[request.id, default: Knowledge()].beginMaking()
        case .deleteNetwork(let id): networks[id, default: Knowledge()].beginUnmaking()
        case .createEndpoint(let request):
            endpoints[request.id, default: EndpointFacts(network: request.network)].knowledge.beginMaking()
        case .deleteEndpoint(let id, let network):
            ticket.isCounted = endpoints[id]?.network == network
            if ticket.isCounted { endpoints[id]?.knowledge.beginUnmaking() }
        case .join(let id, let network, _):
            ticket.isCounted = endpoints[id]?.network == network
            if ticket.isCounted { endpoints[id]?.beginMoving() }
        case .leave(let id, let network):
            ticket.isCounted = endpoints[id]?.network == network
            guard ticket.isCounted else { return }
            endpoints[id]?.beginMoving()
            endpoints[id]?.publication.begin()
        case .publish(_, let id, let network, _): beginPublish(id, network, &ticket)
        case .unpublish(let id, let network):
            ticket.isCounted = endpoints[id]?.network == network
            if ticket.isCounted { endpoints[id]?.publication.begin() }
        }
    }

    fileprivate mutating func end(_ ticket: Model.Ticket, _ outcome: Outcome, _ surroundings: Surroundings) {
        switch ticket.call {
        case .requestPool(let request): endRequestPool(request, ticket, outcome, surroundings)
        case .releasePool(let id): endReleasePool(id, ticket, outcome)
        case .requestAddress(let request): endRequestAddress(request, ticket, outcome)
        case .releaseAddress(let address, let pool): endReleaseAddress(address, pool, ticket, outcome)
        case .createNetwork(let request): endCreateNetwork(request, ticket, outcome, surroundings)
        case .deleteNetwork(let id): endDeleteNetwork(id, ticket, outcome)
        case .createEndpoint(let request): endCreateEndpoint(request, ticket, outcome)
        case .deleteEndpoint(let id, let network): endDeleteEndpoint(id, network, ticket, outcome)
        case .join(let id, let network, let sandbox): endJoin(id, network, sandbox, ticket, outcome)
        case .leave(let id, let network): endLeave(id, network, ticket, outcome)
        case .publish(let ports, let id, let network, let isWithoutIPv6Proxy):
            endPublish(ports, isWithoutIPv6Proxy: isWithoutIPv6Proxy, id, network, ticket, outcome)
        case .unpublish(let id, _): endUnpublish(id, ticket, outcome)
        }
    }
}
