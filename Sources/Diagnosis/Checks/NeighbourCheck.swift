// SPDX-License-Identifier: Apache-2.0

/// Whether the tables of neighbours are large enough: all network namespaces share them.
struct NeighbourCheck: Check {
    static let name = "neighbours"

    static func summary(of facts: Facts) -> String {
        facts.neighbours.sorted { $0.key < $1.key }.map { "\($0): \($1.count) of \($1.limit)" }
            .joined(separator: ", ")
    }

    static func findings(in facts: Facts) -> [Finding] {
        guard !facts.neighbours.isEmpty else {
            return [
                Finding(
                    .notChecked,
                    "neighbours could not be checked: the kernel shows the limit in the first network namespace only")
            ]
        }
        let endpoints = (facts.bridges.value ?? []).reduce(0) { $0 + $1.ports }
        return facts.neighbours.sorted { $0.key < $1.key }.compactMap { family, fill in
            // The host has one for each container, and that one for its gateway.
            if endpoints * 2 > fill.limit {
                return Finding(
                    .neighboursShort, "\(family) takes \(fill.limit) neighbours, too few for \(endpoints) endpoints")
            }
            guard fill.count * 10 >= fill.limit * 9 else { return nil }
            return Finding(.neighboursShort, "\(family) has \(fill.count) of \(fill.limit) neighbours")
        }
    }
}
