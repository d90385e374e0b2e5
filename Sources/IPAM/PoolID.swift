// SPDX-License-Identifier: Apache-2.0

public import Addressing

/// The name of a pool towards the engine, which stores it and sends it back for ever.
///
/// Made of nothing but what was granted, so that it survives every restart:
/// `plugind-local/10.0.0.0/16`, or `plugind-local/10.0.0.0/16/10.0.5.0/24` with a sub-pool.
public struct PoolID: Hashable, Sendable {
    public let description: String

    init(space: AddressSpace, prefix: Prefix, subPool: Prefix?) {
        let pool = "\(space)/\(prefix)"
        description = subPool.map { "\(pool)/\($0)" } ?? pool
    }
}

extension PoolID {
    /// The pool's subnet, such as `10.0.0.0/16`, of an id that plugind made.
    public var subnet: String {
        description.split(separator: "/").dropFirst().prefix(2).joined(separator: "/")
    }
}

extension PoolID: Comparable {
    public static func < (lhs: PoolID, rhs: PoolID) -> Bool { lhs.description < rhs.description }
}

extension PoolID: StringCodable {
    /// Accepts 1 to 256 printable ASCII characters: an id that plugind never made is unknown, not malformed.
    public init?(_ description: String) {
        guard (1...256).contains(description.utf8.count),
            description.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else { return nil }
        self.description = description
    }
}
