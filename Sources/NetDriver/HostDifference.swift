// SPDX-License-Identifier: Apache-2.0

/// What the host lacks of one thing, or has and should not have.
public struct HostDifference: Hashable, Sendable {
    /// Whose it is: `network 09df…`, `endpoint 56e4…`, or `host`.
    public var subject: String
    /// The link that it has, or should have.
    public var link: String?
    /// What is to be done, or was done: `bridge`, `address 10.0.0.1/24`, `deletion`.
    public var repairs: [String]
    /// What is wrong, in words: `the link is down`. Ports that another program has are not among it: `Reach` tells.
    public var problems: [String]
    /// What is in the way, in words.
    public var obstacle: String?

    public init(
        subject: String, link: String? = nil, repairs: [String], problems: [String] = [], obstacle: String? = nil
    ) {
        self.subject = subject
        self.link = link
        self.repairs = repairs
        self.problems = problems
        self.obstacle = obstacle
    }
}

/// What a reconciliation did, thing by thing.
public struct MendedHost: Hashable, Sendable {
    public var mended: [HostDifference]
    /// What is tried again later.
    public var left: [HostDifference]

    public init(mended: [HostDifference], left: [HostDifference]) {
        self.mended = mended
        self.left = left
    }
}
