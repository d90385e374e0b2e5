// SPDX-License-Identifier: Apache-2.0

/// Whether pools overlap what the host uses, as the daemon sees it.
struct PoolCheck: Check {
    static let name = "pools"

    static func summary(of facts: Facts) -> String { "none overlaps what the host uses" }

    static func findings(in facts: Facts) -> [Finding] {
        guard case .up(_, let conflicts) = facts.daemon else {
            return [Finding(.notChecked, "pools could not be checked: the daemon, which knows them, was not reached")]
        }
        return conflicts.map { Finding(.poolConflict, $0) }
    }
}
