// SPDX-License-Identifier: Apache-2.0

import Addressing
import Events
public import HostNetwork
import Logging
import PluginKit
import Store

// The packet filter's rules: what each network and endpoint has there, and what becomes of them when somebody else
// changes them.
extension Driver {
    func edge(of network: NetworkRecord) -> NetworkEdge {
        NetworkEdge(network: network, edge: edgeOptions(of: network))
    }

    func edgeOptions(of network: NetworkRecord) -> EdgeOptions {
        if let known = edges[network.id] { return known }
        do {
            let edge = try NetworkOptions(network.options).edge
            edges[network.id] = edge
            return edge
        } catch {
            // They were accepted when the network was made, by another plugind then.
            logger.error(
                "Cannot understand a network's options any more, taking the defaults", error: error,
                metadata: ["network.id": "\(network.id)"])
            edges[network.id] = EdgeOptions()
            return EdgeOptions()
        }
    }

    func plan(for endpoint: EndpointRecord, in network: NetworkRecord, isWithoutIPv6Proxy: Bool) -> PublishPlan {
        let edge = edgeOptions(of: network)
        return PublishPlan(
            endpoint: endpoint, edge: edge, mode: edge.publishMode ?? defaultPublishMode,
            isWithoutIPv6Proxy: isWithoutIPv6Proxy)
    }

    private func elements(of endpoint: EndpointRecord, in network: NetworkRecord) -> Set<RulesetElement> {
        var elements: Set<RulesetElement> = []
        if let publication = endpoint.publication, !network.isInternal {
            elements = plan(for: endpoint, in: network, isWithoutIPv6Proxy: publication.isWithoutIPv6Proxy)
                .elements(for: publication.ports)
        }
        if !edgeOptions(of: network).allowsInside { elements.insert(.closedPort(endpoint.hostLink)) }
        return elements
    }

    /// Gives the packet filter what an endpoint has there now.
    func setRules(of endpoint: EndpointRecord) throws(FirewallError) {
        guard let network = networks[endpoint.network] else { return }
        try setRules(of: .endpoint(endpoint.id), elements(of: endpoint, in: network))
    }

    /// Gives the packet filter what an owner has there now, in place of what it had.
    func setRules(of owner: RuleOwner, _ elements: Set<RulesetElement>) throws(FirewallError) {
        let old = rules[owner] ?? []
        guard elements != old else { return }
        guard areRulesMade else {
            // The first change since the start makes the tables anew, whatever they had, so it has to be all of them.
            var wanted = wantedRules()
            wanted[owner] = elements.isEmpty ? nil : elements
            return try tell(wanted)
        }
        try firewall.update(adding: elements.subtracting(old), removing: old.subtracting(elements))
        rules[owner] = elements.isEmpty ? nil : elements
    }

    private func tell(_ wanted: [RuleOwner: Set<RulesetElement>]) throws(FirewallError) {
        let old = rules.values.reduce(into: Set()) { $0.formUnion($1) }
        let new = wanted.values.reduce(into: Set()) { $0.formUnion($1) }
        try firewall.update(adding: new, removing: old.subtracting(new))
        rules = wanted
        areRulesMade = true
    }

    /// What every owner should have: of those that are there, whatever their phase. What is being deleted keeps its rules
    /// until its links are gone.
    private func wantedRules() -> [RuleOwner: Set<RulesetElement>] {
        var wanted: [RuleOwner: Set<RulesetElement>] = [:]
        for network in networks.values { wanted[.network(network.id)] = edge(of: network).elements }
        for endpoint in endpoints.values {
            guard let network = networks[endpoint.network] else { continue }
            let elements = elements(of: endpoint, in: network)
            if !elements.isEmpty { wanted[.endpoint(endpoint.id)] = elements }
        }
        wanted[.engine] = rules[.engine]
        if !guarded.isEmpty { wanted[.host] = Set(guarded.map { .guarded($0) }) }
        return wanted
    }

    /// Brings the packet filter in line with the model: at start, and when something could not be done before. With
    /// `anew` the tables are made again, whatever they have.
    func reconcileRules(anew: Bool) {
        areRulesOwed = false
        do {
            try tell(wantedRules())
            if anew { try firewall.restore() }
            releaseLingering()
        } catch {
            logger.error("Cannot make the rules for networks, trying again later", error: error)
            areRulesOwed = true
        }
        reviewEngine()
        if areRulesOwed { remindOfUpkeep() }
    }

    /// Sees to it that what is gone has no rules. They were removed before; but until it was gone a reconciliation may have
    /// made them again.
    func forgetRules(of owner: RuleOwner) {
        guard rules[owner] != nil else { return }
        areRulesOwed = true
        remindOfUpkeep()
    }

    /// Looks at the engine's rules: whether what networks send and receive passes there, and which bridges are its own.
    func reviewEngine() {
        do {
            let isMade = try firewall.acceptAtEngine(!networks.isEmpty)
            if isMade { logger.info("Added the rule for networks to the engine's") }
            let bridges = networks.isEmpty ? [] : try firewall.engineBridges()
            try setRules(
                of: .engine, Set(bridges.filter { isForeign($0) }.map { .engineBridge($0) }))
        } catch {
            logger.warning("Cannot look after the engine's rules, trying again later", error: error)
            areRulesOwed = true
            remindOfUpkeep()
        }
    }

    private func isForeign(_ bridge: String) -> Bool {
        guard case .network = objectsOfLinks[bridge] else { return true }
        return false
    }

    /// Looks at what the kernel told of changes of rules that others made, and puts back what is ours.
    public func noticeRules(_ notices: [FirewallMonitor.Notice]) {
        var culprit: String??
        var isEngine = false
        for notice in notices {
            switch notice.change {
            case .overrun:
                culprit = .some(nil)
                isEngine = true
            case .rules(let family, let table, let chain):
                if table == firewall.table, family == .inet || family == .bridge {
                    culprit = .some(notice.process)
                } else if table == "filter", family == .ip || family == .ip6 {
                    isEngine = isEngine || chain.map(Self.engineChains.contains) ?? true
                }
            }
        }
        if case .some(let process) = culprit, !rules.isEmpty { restoreRules(process) }
        if isEngine { reviewEngine() }
    }

    private static let engineChains: Set<String> = ["DOCKER-USER", "FORWARD", "DOCKER-BRIDGE"]

    /// Puts the tables back, however often: without them networks are not kept apart. Whoever fights over them is met once
    /// a second, and named once.
    private func restoreRules(_ process: String?) {
        switch ruleFights.verdict(on: .host, at: .now) {
        case .mend:
            break
        case .backOff(let pause):
            events.emit(.fightBegun(.rules, pause: pause, by: process))
            logger.warning(
                "Somebody keeps changing the rules for networks: putting them back once a second",
                metadata: ["by": "\(process ?? "unknown")", "pause": "\(pause)"])
            fallthrough
        case .leaveAlone:
            areRulesOwed = true
            reminder.after(.seconds(1))
            return
        }
        do {
            try firewall.restore()
            ruleFights.noteRepair(of: .host, at: .now)
            repairCounts["rules", default: 0] += 1
            events.emit(.firewallRestored(by: process))
            logger.notice(
                "Put back",
                metadata: [
                    "what": "rules", "count": "\(repairCounts["rules", default: 0])", "by": "\(process ?? "unknown")",
                ])
        } catch {
            logger.error("Cannot put back the rules for networks, trying again later", error: error)
            areRulesOwed = true
            remindOfUpkeep()
        }
    }
}

// MARK: - Forwarding

extension Driver {
    /// Makes the host forward the families that a network needs. Where it did not, it goes on forwarding nothing but for
    /// networks: whoever had it off did not want a router between their links.
    func forward(for network: NetworkRecord) async throws {
        for family in edge(of: network).forwardedFamilies where try !kernel.isForwarding(family) {
            if !guarded.contains(family) {
                // Once the host forwards nothing tells any more that it did not, so this is stored before. A host that
                // forwards when it was booted does so because somebody wants it.
                try await store.commit([.putSetting(key: Self.guardKey(family), value: boot)])
                guarded.insert(family)
            }
            try setRules(of: .host, Set(guarded.map { .guarded($0) }))
            try kernel.enableForwarding(family)
            logger.notice(
                "Switched on forwarding, for networks only",
                metadata: ["family": "\(family == .v4 ? "IPv4" : "IPv6")", "network.id": "\(network.id)"])
        }
    }

    static func guardKey(_ family: AddressFamily) -> String {
        "forward-guard.\(family == .v4 ? "ipv4" : "ipv6")"
    }

    /// Makes the host forward again, should somebody have switched it off or should it have been rebooted.
    func reconcileForwarding() async {
        do {
            for network in networks.values where network.phase == .ready { try await forward(for: network) }
        } catch {
            logger.error("Cannot make the host forward, trying again later", error: error)
            areRulesOwed = true
            remindOfUpkeep()
        }
    }
}
