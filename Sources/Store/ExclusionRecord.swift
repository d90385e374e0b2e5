// SPDX-License-Identifier: Apache-2.0

public import Addressing

/// Addresses of a pool, of one family and in a row, that a command has taken out of it. Those of a pool do not overlap.
public struct ExclusionRecord: Codable, Hashable, Sendable {
    public var pool: String
    public var first: IPAddress
    public var last: IPAddress

    public init(pool: String, first: IPAddress, last: IPAddress) {
        self.pool = pool
        self.first = first
        self.last = last
    }
}
