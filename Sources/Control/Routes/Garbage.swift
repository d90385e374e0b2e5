// SPDX-License-Identifier: Apache-2.0

public import Garbage

/// The answer to `POST /v1/gc`: what is suspect, and what became of it, or would become of it.
public struct GarbageAnswer: Codable, Hashable, Sendable {
    /// The setting `gc`: off, report or on.
    public var mode: String
    public var graceSeconds: Double
    /// Nothing was freed and nothing written.
    public var dryRun: Bool
    /// In the order in which they are freed.
    public var suspects: [GarbageSuspect]

    public init(_ report: GarbageReport) {
        mode = report.policy.mode.rawValue
        graceSeconds = report.policy.grace / .seconds(1)
        dryRun = report.isDryRun
        suspects = report.entries.map(GarbageSuspect.init)
    }
}

/// Something that plugind holds and that nothing on the host speaks for.
public struct GarbageSuspect: Codable, Hashable, Sendable {
    /// As in the audit log.
    public var subject: String
    public var outcome: GarbageReport.Outcome
    public var reason: String
    /// For how long, without interruption, it has been suspect.
    public var suspectForSeconds: Double
    /// For one that waits: how long until it is decided about, if nothing changes.
    public var decidedInSeconds: Double?

    public init(_ entry: GarbageReport.Entry) {
        subject = entry.subject
        outcome = entry.outcome
        reason = entry.reason
        suspectForSeconds = entry.age.roundedSeconds
        decidedInSeconds = entry.rest?.roundedSeconds
    }
}

extension Duration {
    /// To a tenth.
    fileprivate var roundedSeconds: Double { ((self / .seconds(1)) * 10).rounded() / 10 }
}

extension ControlRouter {
    /// `look` has the garbage collector look now; its argument tells whether it is a dry run.
    public mutating func onGarbage(_ look: @escaping @Sendable (Bool) async throws -> GarbageReport) {
        on("POST", "/gc", query: ["dryRun"]) { request in
            let isDryRun = try request.isSet("dryRun")
            do {
                return GarbageAnswer(try await look(isDryRun))
            } catch let error as GarbageCollectionOff {
                throw ControlError(status: 409, text: error.description)
            }
        }
    }
}
