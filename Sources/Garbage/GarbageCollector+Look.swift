// SPDX-License-Identifier: Apache-2.0

/// A look that somebody asks for.
extension GarbageCollector {
    /// Looks once, as `pass(at:)`, and tells what it found. A dry run frees nothing and writes nothing, and what it sees
    /// for the first time is not remembered: it says what a look would come to now.
    ///
    /// Throws what kept it from looking, or `GarbageCollectionOff`.
    public func look(at now: Duration, isDryRun: Bool) async throws -> GarbageReport {
        guard isDryRun || policy.mode != .off else { throw GarbageCollectionOff() }
        await enter()
        defer { leave() }
        let entries =
            isDryRun
            ? try await findSuspects().map { suspect in
                var watch = watches[suspect.object] ?? Watch(at: now)
                _ = watch.see(suspect, at: now, policy)
                return entry(of: suspect, watch, at: now)
            } : try await passOnce(at: now)
        return GarbageReport(policy: policy, isDryRun: isDryRun, entries: entries)
    }

    /// What is to be said of a suspect that was seen just now.
    func entry(of suspect: Suspect, _ watch: Watch, at now: Duration) -> GarbageReport.Entry {
        let verdict = watch.assess(suspect, at: now, policy)
        let outcome: GarbageReport.Outcome =
            switch verdict {
            case .undecided: .waiting
            case .kept: .kept
            case .wouldFree, .free: .wouldFree
            }
        return GarbageReport.Entry(
            subject: "\(suspect.object)", outcome: outcome,
            reason: verdict == .undecided ? suspect.standing : suspect.sentence(for: verdict, grace: policy.grace),
            age: watch.age(at: now),
            rest: verdict == .undecided && policy.mode != .off ? watch.rest(at: now, policy) : nil)
    }
}

extension Suspect {
    /// What speaks against it, and what the engine says, before anything is decided.
    fileprivate var standing: String {
        switch engine {
        case .knows: "\(reason), but the engine knows it"
        case .unavailable(let error): "\(reason), but \(error)"
        case .notAsked: needsEngine ? "\(reason); the engine is not asked: engine-socket is not set" : reason
        case .doesNotKnow: "\(reason), and the engine does not know it"
        }
    }
}
