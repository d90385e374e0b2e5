// SPDX-License-Identifier: Apache-2.0

/// Whether somebody else's rules drop what plugind's let pass.
struct FirewallCheck: Check {
    static let name = "firewall"

    static func summary(of facts: Facts) -> String {
        guard let filter = facts.firewall.value, filter.hasOwnTable else { return "nothing drops what is forwarded" }
        return "\(filter.ownTable) is there, nothing drops what it lets pass"
    }

    static func findings(in facts: Facts) -> [Finding] {
        guard let filter = facts.firewall.value else { return unknown(facts.firewall) }
        var findings: [Finding] = []
        if let bridge = facts.bridges.value?.first, !filter.hasOwnTable {
            findings.append(
                Finding(.rulesMissing, "there is no table \(filter.ownTable), and bridge \(bridge.name) is there"))
        }
        return findings + filter.chains.compactMap { finding(of: $0, in: filter) }
    }

    private static func finding(of chain: Facts.PacketFilter.Chain, in filter: Facts.PacketFilter) -> Finding? {
        let title = "\(chain.family) \(chain.table) \(chain.name)"
        if chain.acceptsMark { return nil }
        guard chain.drops else {
            return chain.hasDrops ? Finding(.forwardChainRules, "chain \(title) has rules that drop or reject") : nil
        }
        guard chain.table == "filter", chain.name == "FORWARD", chain.family != "bridge" else {
            return Finding(.forwardChainDrop, "chain \(title) drops what none of its rules accepts")
        }
        // plugind's rule comes with the first network.
        if filter.hasEngineChain, !filter.hasOwnTable { return nil }
        return Finding(
            .forwardDrop, "the policy of \(title) is drop, and nothing there accepts what plugind lets pass")
    }
}
