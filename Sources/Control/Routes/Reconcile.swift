// SPDX-License-Identifier: Apache-2.0

public import NetDriver

/// The answer to `POST /v1/reconcile`: where the host is not as the state says, or was not.
public struct ReconcileAnswer: Codable, Hashable, Sendable {
    /// Nothing was touched.
    public var dryRun: Bool
    public var differences: [ReconcileDifference]

    public init(dryRun: Bool, differences: [ReconcileDifference]) {
        self.dryRun = dryRun
        self.differences = differences
    }
}

/// What was to be done about one thing, and what became of it.
public struct ReconcileDifference: Codable, Hashable, Sendable {
    public enum Outcome: String, Codable, Hashable, Sendable, CaseIterable {
        /// In a dry run.
        case wouldMend
        case mended
        /// It could not be done, and is tried again. In a dry run: something is in the way.
        case left
    }

    /// `network 09df…`, `endpoint 56e4…`, or `host`.
    public var subject: String
    /// The link that it has, or should have.
    public var link: String?
    public var outcome: Outcome
    /// `bridge`, `address 10.0.0.1/24`, `master`, …
    public var repairs: [String]
    /// What is in the way, in words.
    public var obstacle: String?

    public init(_ difference: HostDifference, _ outcome: Outcome) {
        subject = difference.subject
        link = difference.link
        self.outcome = difference.obstacle == nil ? outcome : .left
        repairs = difference.repairs
        obstacle = difference.obstacle
    }
}

extension ControlRouter {
    /// `look` tells where the host is not as the state says, `mend` makes it so and tells what was done.
    public mutating func onReconcile(
        look: @escaping @Sendable () async throws -> [HostDifference],
        mend: @escaping @Sendable () async throws -> MendedHost
    ) {
        on("POST", "/reconcile", query: ["dryRun"]) { request in
            if try request.isSet("dryRun") {
                let differences = try await look().map { ReconcileDifference($0, .wouldMend) }
                return ReconcileAnswer(dryRun: true, differences: differences)
            }
            let host = try await mend()
            return ReconcileAnswer(
                dryRun: false,
                differences: host.mended.map { ReconcileDifference($0, .mended) }
                    + host.left.map { ReconcileDifference($0, .left) })
        }
    }
}
