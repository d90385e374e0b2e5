// SPDX-License-Identifier: Apache-2.0

/// Whether frames inside bridges pass IP rules.
struct BridgeNetfilterCheck: Check {
    static let name = "br_netfilter"

    static func summary(of facts: Facts) -> String { "off" }

    static func findings(in facts: Facts) -> [Finding] {
        guard !facts.bridgeNetfilter.isEmpty else { return [] }
        return [Finding(.bridgeNetfilterOn, "on: " + facts.bridgeNetfilter.joined(separator: ", "))]
    }
}
