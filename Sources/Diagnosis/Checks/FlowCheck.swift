// SPDX-License-Identifier: Apache-2.0

/// Whether the kernel has room for more connections.
struct FlowCheck: Check {
    static let name = "conntrack"

    static func summary(of facts: Facts) -> String {
        facts.flows.value.map {
            $0.limit > 0 ? "\($0.count) of \($0.limit) connections" : "\($0.count) connections, without a limit"
        } ?? ""
    }

    static func findings(in facts: Facts) -> [Finding] {
        guard let flows = facts.flows.value else { return unknown(facts.flows) }
        // 0 is no limit.
        guard flows.limit > 0, flows.count * 10 >= flows.limit * 9 else { return [] }
        return [Finding(.flowsShort, "\(flows.count) of \(flows.limit) connections are tracked")]
    }
}
