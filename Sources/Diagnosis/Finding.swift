// SPDX-License-Identifier: Apache-2.0

/// Something that was found on the host.
public struct Finding: Hashable, Sendable, Encodable {
    public let kind: FindingKind
    /// What it is here, with names and numbers: a sentence without its full stop.
    public let what: String

    public init(_ kind: FindingKind, _ what: String) {
        self.kind = kind
        self.what = what
    }

    private enum CodingKeys: CodingKey {
        case id, severity, what, why, remedy
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(kind.rawValue, forKey: .id)
        try container.encode(kind.severity, forKey: .severity)
        try container.encode(what, forKey: .what)
        try container.encode(kind.why, forKey: .why)
        try container.encode(kind.remedy, forKey: .remedy)
    }
}
