// SPDX-License-Identifier: Apache-2.0

/// Whether the host is a router for the networks that need one.
struct ForwardingCheck: Check {
    static let name = "forwarding"

    static func summary(of facts: Facts) -> String {
        let families = facts.isForwarding.filter(\.value).keys.sorted()
        guard facts.bridges.value?.isEmpty == false else { return "no network of plugind's needs it" }
        return families.isEmpty ? "not needed" : "on for " + families.joined(separator: " and ")
    }

    static func findings(in facts: Facts) -> [Finding] {
        let bridges = facts.bridges.value ?? []
        let off = facts.isForwarding.filter { !$0.value }.keys.sorted()
        let needing = off.compactMap { family -> Finding? in
            let names = bridges.filter { $0.forwards.contains(family) }.map(\.name)
            guard let first = names.first else { return nil }
            let more = names.count > 1 ? " and \(names.count - 1) more" : ""
            return Finding(.forwardingOff, "the host forwards no \(family), and \(first)\(more) needs it")
        }
        // ip_forward writes that of each link, too: while no daemon puts it back, bridges do not say whether they need it.
        guard needing.isEmpty, !bridges.isEmpty, off.contains("IPv4"), bridges.allSatisfy(\.forwards.isEmpty) else {
            return needing
        }
        return [Finding(.forwardingNotOn, "neither the host nor a bridge of plugind's forwards")]
    }
}
