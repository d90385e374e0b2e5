// SPDX-License-Identifier: Apache-2.0

/// The engine's name for a network.
public struct NetworkID: Hashable, Sendable {
    public let description: String

    /// The first 12 characters, as the engine abbreviates ids.
    public var short: String { String(description.prefix(12)) }
}

extension NetworkID: Comparable {
    public static func < (lhs: NetworkID, rhs: NetworkID) -> Bool { lhs.description < rhs.description }
}

extension NetworkID: StringCodable {
    /// Accepts 1 to 128 bytes of letters, digits, `_`, `.` and `-`.
    public init?(_ description: String) {
        guard description.isIdentifier else { return nil }
        self.description = description
    }
}
