// SPDX-License-Identifier: Apache-2.0

import Addressing
public import Events
public import IPAM
public import Logging
public import NetDriver
public import Store

/// Finds what the engine has lost, and frees it when that is certain.
///
/// One pass asks the engine, then looks at the host and at what is held. What has been suspect in every pass of a grace
/// period, and unknown to the engine in every one, is freed, after its owner has looked at it once more. Each decision is
/// in the audit log before it is carried out, and there only once.
public actor GarbageCollector {
    public private(set) var policy: GarbagePolicy
    private let driver: Driver
    private let ipam: IPAM
    /// Nil: there is none to be asked.
    private var engine: (any EngineDirectory)?
    private let store: any StateStore
    private let events: EventLog
    private let timestamp: @Sendable () -> Int64
    private let logger: Logger

    var watches: [Suspect.Object: Watch] = [:]
    /// What kept the last pass from its work, so that it is logged when it begins and not again and again.
    private var hindrance: String?
    /// Looks that wait for the one that is under way, in the order in which they came; nil if none is.
    private var waiting: [CheckedContinuation<Void, Never>]?

    /// `timestamp` gives milliseconds since 1970, for the audit log.
    public init(
        policy: GarbagePolicy, driver: Driver, ipam: IPAM, engine: (any EngineDirectory)?, store: any StateStore,
        timestamp: @escaping @Sendable () -> Int64, events: EventLog = EventLog(), logger: Logger
    ) {
        self.policy = policy
        self.driver = driver
        self.ipam = ipam
        self.engine = engine
        self.store = store
        self.events = events
        self.timestamp = timestamp
        self.logger = logger
    }

    /// Takes another policy and another engine to be asked, after any look that is under way.
    ///
    /// Where nobody looked, or not as often as the new policy wants it, or somebody else was asked, nothing is known of how
    /// long something has been suspect.
    public func update(policy: GarbagePolicy, engine: (any EngineDirectory)?, isSameEngine: Bool) async {
        await enter()
        defer { leave() }
        let isBlind = self.policy.mode == .off || policy.mode == .off || policy.interval < self.policy.interval
        if isBlind || !isSameEngine {
            watches = [:]
            hindrance = nil
        }
        self.policy = policy
        self.engine = engine
    }

    /// Looks once, after any other look that is under way. `now` counts from any moment, but always from the same.
    public func pass(at now: Duration) async {
        if policy.mode == .off { return }
        await enter()
        defer { leave() }
        // What kept it from looking was logged.
        _ = try? await passOnce(at: now)
    }

    /// What it found, and what became of each. Throws what kept it from looking.
    func passOnce(at now: Duration) async throws -> [GarbageReport.Entry] {
        let suspects: [Suspect]
        do {
            suspects = try await findSuspects()
        } catch let error as CancellationError {
            throw error
        } catch {
            note(hindrance: error)
            watches = [:]
            throw error
        }
        let found = Set(suspects.map(\.object))
        watches = watches.filter { found.contains($0.key) }
        var entries: [GarbageReport.Entry] = []
        var counts = Counts()
        for suspect in suspects {
            var watch = watches[suspect.object] ?? Watch(at: now)
            let news = watch.see(suspect, at: now, policy)
            watches[suspect.object] = watch
            var entry = entry(of: suspect, watch, at: now)
            if let news { await carryOut(news, on: suspect, at: now, &counts, &entry) }
            entries.append(entry)
        }
        if counts != Counts() {
            logger.info("Decided about garbage", metadata: counts.metadata(suspects: suspects.count))
        }
        return entries
    }

    /// Waits until no other look is under way. To be followed by `leave()`.
    func enter() async {
        guard waiting != nil else {
            waiting = []
            return
        }
        await withCheckedContinuation { waiting?.append($0) }
    }

    func leave() {
        guard waiting?.isEmpty == false else {
            waiting = nil
            return
        }
        // It is under way from here on, so that nobody gets in between.
        waiting?.removeFirst().resume()
    }

    // MARK: Looking

    func findSuspects() async throws -> [Suspect] {
        let before = try await driver.inventory()
        let poolsBefore = await ipam.heldPools()
        let isEmpty =
            before.networks.isEmpty && before.endpoints.isEmpty && before.strays.isEmpty && poolsBefore.isEmpty
        guard let engine, !isEmpty else {
            return Suspect.find(before, poolsBefore, .notAsked)
        }
        let view: EngineView
        do {
            view = try await engine.ask()
        } catch {
            try Task.checkCancellation()
            note(hindrance: error)
            return Suspect.find(try await driver.inventory(), await ipam.heldPools(), .failed(error))
        }
        // What was made since is new, and a suspect for no time at all.
        let inventory = try await driver.inventory()
        let pools = await ipam.heldPools()
        if let error = view.contradiction(before, inventory) {
            note(hindrance: error)
            return Suspect.find(inventory, pools, .failed(error))
        }
        note(hindrance: nil)
        return Suspect.find(inventory, pools, .view(view))
    }

    private func note(hindrance error: (any Error)?) {
        let words = error.map { "\($0)" }
        defer { hindrance = words }
        if let error, words != hindrance {
            logger.warning("Cannot tell what is garbage", error: error)
        } else if error == nil, hindrance != nil {
            logger.info("Can tell again what is garbage")
        }
    }

    // MARK: Deciding

    /// `entry` is what is to be reported, which says so far what the verdict is.
    private func carryOut(
        _ verdict: Verdict, on suspect: Suspect, at now: Duration, _ counts: inout Counts,
        _ entry: inout GarbageReport.Entry
    ) async {
        let reason = suspect.sentence(for: verdict, grace: policy.grace)
        let metadata: Logger.Metadata = ["subject": "\(suspect.object)", "reason": "\(reason)"]
        do {
            switch verdict {
            case .undecided:
                break
            case .kept:
                try await audit(suspect, "kept", reason)
                logger.debug("Kept what may be garbage", metadata: metadata)
                counts.kept += 1
            case .wouldFree:
                try await audit(suspect, "would free", reason)
                logger.notice("Would free garbage", metadata: metadata)
                counts.wouldFree += 1
            case .free:
                // If the log cannot take the intent, nothing is freed.
                try await audit(suspect, "freeing", reason)
                if try await free(suspect.object) {
                    logger.notice("Freed garbage", metadata: metadata)
                    counts.freed += 1
                    events.emit(.garbageFreed("\(suspect.object)", reason: reason))
                    entry.outcome = .freed
                    await auditOutcome(suspect, "freed", reason)
                } else {
                    counts.kept += 1
                    watches[suspect.object] = nil
                    (entry.outcome, entry.reason) = (.kept, "it was in use, or gone, when it was looked at again")
                    await auditOutcome(suspect, "kept", entry.reason)
                }
            }
        } catch let error as UnfinishedDeletion {
            // The driver sees to it: to everybody the object is being deleted.
            logger.error("Could not finish freeing garbage, trying again later", error: error, metadata: metadata)
            counts.unfinished += 1
            events.emit(.garbageLeft("\(suspect.object)", reason: "\(error)"))
            (entry.outcome, entry.reason) = (.willBeFinished, "\(error)")
            await auditOutcome(suspect, "will be finished", "\(error)")
        } catch {
            logger.error("Could not carry out a decision about garbage", error: error, metadata: metadata)
            counts.failed += 1
            if verdict == .free { events.emit(.garbageLeft("\(suspect.object)", reason: "\(error)")) }
            (entry.outcome, entry.reason) = (.failed, "\(error)")
            // It is tried again, a grace period later.
            watches[suspect.object] = Watch(at: now)
            if verdict == .free { await auditOutcome(suspect, "not freed", "\(error)") }
        }
    }

    /// What came of an intent that is in the log already: it is so, whether the log takes it or not.
    private func auditOutcome(_ suspect: Suspect, _ decision: String, _ reason: String) async {
        do {
            try await audit(suspect, decision, reason)
        } catch {
            logger.error(
                "Could not write down what became of garbage", error: error,
                metadata: ["subject": "\(suspect.object)", "decision": "\(decision)"])
        }
    }

    private func audit(_ suspect: Suspect, _ decision: String, _ reason: String) async throws(StoreError) {
        try await store.commit([
            .audit(
                AuditRecord(time: timestamp(), subject: "\(suspect.object)", decision: decision, reason: reason))
        ])
    }

    /// False if the owner saw, looking again, that it must not be freed.
    private func free(_ object: Suspect.Object) async throws -> Bool {
        switch object {
        case .endpoint(let id): try await driver.freeIfIdle(id)
        case .stray(let stray): try await driver.freeIfStray(stray)
        case .network(let id): try await driver.freeIfEmpty(id)
        case .address(let address, let pool, let serial):
            try await ipam.releaseAddress(address, in: pool, ifStill: serial)
        case .pool(let id, let serial): try await ipam.releasePool(id, ifStill: serial)
        }
    }
}

/// What was decided in one pass.
private struct Counts: Hashable {
    var kept = 0
    var wouldFree = 0
    var freed = 0
    var unfinished = 0
    var failed = 0

    func metadata(suspects: Int) -> Logger.Metadata {
        [
            "suspects": "\(suspects)", "kept": "\(kept)", "would-free": "\(wouldFree)", "freed": "\(freed)",
            "unfinished": "\(unfinished)", "failed": "\(failed)",
        ]
    }
}

extension EngineView {
    /// An endpoint that was in use all along, and that the engine does not know, is another engine's: nothing that this
    /// one says then tells what is garbage.
    fileprivate func contradiction(_ before: Inventory, _ after: Inventory) -> EngineError? {
        let inUse = Set(before.endpoints.lazy.filter(\.isInUse).map(\.id))
        let stranger = after.endpoints.first {
            $0.isInUse && inUse.contains($0.id) && !endpoints.contains($0.id)
        }
        return stranger.map { endpoint in
            EngineError(
                "the engine does not know endpoint \(endpoint.id), which is in use: it is not, or not the only, engine "
                    + "that plugind serves")
        }
    }
}
