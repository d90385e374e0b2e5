// SPDX-License-Identifier: Apache-2.0

/// How bad it is.
public enum Severity: String, Codable, Comparable, CaseIterable, Sendable {
    case ok
    /// Worth knowing; nothing has to be done.
    case note
    /// Something does not work, or soon will not.
    case problem

    public static func < (lhs: Severity, rhs: Severity) -> Bool { lhs.rank < rhs.rank }

    private var rank: Int {
        switch self {
        case .ok: 0
        case .note: 1
        case .problem: 2
        }
    }
}
