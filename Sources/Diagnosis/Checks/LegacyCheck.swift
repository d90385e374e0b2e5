// SPDX-License-Identifier: Apache-2.0

/// Rules that nftables does not show.
struct LegacyCheck: Check {
    static let name = "iptables"

    static func summary(of facts: Facts) -> String { "no legacy rules about what is forwarded" }

    static func findings(in facts: Facts) -> [Finding] {
        unknown(facts.legacyTables)
            + (facts.legacyTables.value ?? []).compactMap { table in
                if table.drops, !table.acceptsMark {
                    return Finding(.legacyDrop, "the policy of FORWARD of \(table.command) is DROP")
                }
                return table.rules ? Finding(.legacyRules, "\(table.command) has rules in FORWARD") : nil
            }
    }
}
