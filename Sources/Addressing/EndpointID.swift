// SPDX-License-Identifier: Apache-2.0

/// The engine's name for an endpoint: one attachment of a sandbox to a network.
public struct EndpointID: Hashable, Sendable {
    public let description: String

    /// The first 12 characters, as the engine abbreviates ids.
    public var short: String { String(description.prefix(12)) }
}

extension EndpointID: Comparable {
    public static func < (lhs: EndpointID, rhs: EndpointID) -> Bool { lhs.description < rhs.description }
}

extension EndpointID: StringCodable {
    /// Accepts 1 to 128 bytes of letters, digits, `_`, `.` and `-`.
    public init?(_ description: String) {
        guard description.isIdentifier else { return nil }
        self.description = description
    }
}
