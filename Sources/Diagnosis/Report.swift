// SPDX-License-Identifier: Apache-2.0

/// What the doctor says.
public struct Report: Hashable, Sendable, Encodable {
    /// What came of one check.
    public struct Result: Hashable, Sendable, Encodable {
        public let check: String
        /// That of the worst finding.
        public let severity: Severity
        /// What is as it should be. Absent if there are findings.
        public let summary: String?
        /// The worst first.
        public let findings: [Finding]
    }

    public let results: [Result]
    public let problems: Int
    public let notes: Int

    /// All checks, in the order in which they are told.
    public static let checks: [any Check.Type] = [
        DaemonCheck.self, PluginCheck.self, RightsCheck.self, FilesCheck.self, StateCheck.self, KernelCheck.self,
        SysctlCheck.self, ForwardingCheck.self, BridgeNetfilterCheck.self, FirewallCheck.self, LegacyCheck.self,
        FlowCheck.self, PoolCheck.self, BridgeCheck.self, NeighbourCheck.self, EngineCheck.self,
    ]

    public init(_ facts: Facts) {
        results = Self.checks.map { check in
            let found = check.findings(in: facts)
            // Those of one severity stay in their order.
            let findings = Severity.allCases.reversed().flatMap { severity in
                found.filter { $0.kind.severity == severity }
            }
            return Result(
                check: check.name, severity: findings.first?.kind.severity ?? .ok,
                summary: findings.isEmpty ? check.summary(of: facts) : nil, findings: findings)
        }
        let severities = results.flatMap(\.findings).map(\.kind.severity)
        problems = severities.count { $0 == .problem }
        notes = severities.count { $0 == .note }
    }
}
