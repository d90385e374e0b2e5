// SPDX-License-Identifier: Apache-2.0

import Addressing

extension DaemonStatus {
    /// All about it for people, a line each.
    public func text(isColoured: Bool) -> String {
        let title = "plugind \(version)"
        let debts = owed.words
        var facts = [
            ("up for", Self.words(seconds: uptimeSeconds)),
            ("state", stateDirectory),
            ("plugin socket", pluginSocket),
            ("control socket", controlSocket),
            ("engine socket", engineSocket ?? "none, the engine is never asked"),
            ("networks", "\(networks)"),
            ("endpoints", "\(endpoints)"),
            ("ports", "\(ports)"),
            ("pools", "\(pools)"),
            ("addresses", "\(addresses)"),
            ("rules", "\(rules)"),
        ]
        let kinds = repairs.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        facts += Self.spread("repairs", kinds.isEmpty ? ["none"] : kinds)
        facts += Self.spread("owed", debts.isEmpty ? ["nothing"] : debts).map { name, text in
            (name, isColoured && !debts.isEmpty ? Ink.red.applied(to: text) : text)
        }
        return (isColoured ? Ink.bold.applied(to: title) : title) + "\n" + Lines.of(facts)
    }

    /// As many lines as it takes; the name stands before the first.
    private static func spread(_ name: String, _ parts: [String]) -> [(String, String)] {
        let parts = parts.enumerated().map { $0 < parts.count - 1 ? "\($1)," : $1 }
        return Lines.of(parts, indent: 18).enumerated().map { ($0 == 0 ? name : "", String($1.dropFirst(18))) }
    }

    /// The two largest units: `3 d 4 h`, `5 min 2 s`.
    private static func words(seconds: Int64) -> String {
        let units: [(String, Int64)] = [("d", 86_400), ("h", 3600), ("min", 60), ("s", 1)]
        var rest = seconds
        var parts: [String] = []
        for (name, size) in units {
            if rest >= size || !parts.isEmpty { parts.append("\(rest / size) \(name)") }
            rest %= size
        }
        return parts.isEmpty ? "0 s" : parts.prefix(2).joined(separator: " ")
    }
}

extension DaemonStatus.Owed {
    fileprivate var words: [String] {
        [
            deletions > 0 ? "\(deletions) to be deleted" : nil,
            repairs > 0 ? "\(repairs) to be put back" : nil,
            releases > 0 ? "\(releases) to be released" : nil,
            ports > 0 ? "\(ports) ports that another program has" : nil,
            rules ? "rules or forwarding" : nil,
            reconciliation ? "a reconciliation" : nil,
        ].compactMap(\.self)
    }
}
