// SPDX-License-Identifier: Apache-2.0

import Addressing
import Events
import HostNetwork
import Logging
import PluginKit
import Store

/// What a reconciliation did.
public struct Reconciliation: Hashable, Sendable {
    public var networks = 0
    public var endpoints = 0
    /// Objects that were not as the store says, and are now.
    public var mended = 0
    /// Objects that should be gone and are not, or could not be put back. They are tried again.
    public var left = 0
    public var duration = Duration.zero
}

extension Driver {
    /// Brings the host in line with the store: at start, before the first call is answered; after changes of links were
    /// lost; and when somebody asks for it. Calls may come meanwhile.
    ///
    /// Creations that were not finished are undone: their caller never had an answer. Deletions are finished. Bridges,
    /// addresses, routes and ports that are missing are put back: the engine never asks for them again, not even after
    /// the host was rebooted. A failure concerns one object: it is logged, tried again later, and the rest goes on.
    ///
    /// If it throws, the host could not be looked at; it is tried again later.
    @discardableResult
    public func reconcile() async throws -> Reconciliation {
        try await reconcile(by: nil)
    }

    /// `sender` is who changed what will be found, as for `mend`.
    @discardableResult
    func reconcile(by sender: UInt32?) async throws -> Reconciliation {
        do {
            return try await reconcileOnce(by: sender)
        } catch {
            isReconciliationOwed = true
            remindOfUpkeep()
            throw error
        }
    }

    private func reconcileOnce(by sender: UInt32?) async throws -> Reconciliation {
        let begin = ContinuousClock.now
        await finishOwed()
        // Before bridges: see createNetwork. At start the tables are made anew by the first change.
        reconcileRules(anew: areRulesMade)
        await reconcileForwarding()
        holdPublishedPorts()
        var result = Reconciliation()
        var view = try look()
        // Bridges first: ports are put into them.
        result.mended += try await mendAll(
            networks.values.filter { $0.phase == .ready }.map { .network($0.id) }, &view, by: sender)
        if result.mended > 0 { view = try look() }
        result.mended += try await mendAll(
            endpoints.values.filter { $0.phase == .ready }.map { .endpoint($0.id) }, &view, by: sender)
        result.networks = networks.count
        result.endpoints = endpoints.count
        result.left = owed.count + unmended.count
        result.duration = .now - begin
        reconciliations += 1
        lastReconciliation = result.duration
        events.emit(
            .reconciled(
                networks: result.networks, endpoints: result.endpoints, mended: result.mended, left: result.left))
        logger.info(
            "Reconciled",
            metadata: [
                "networks": "\(result.networks)", "endpoints": "\(result.endpoints)", "mended": "\(result.mended)",
                "left": "\(result.left)", "duration": "\(result.duration)",
            ])
        return result
    }

    /// Mends what needs it, and lets calls in from time to time. Returns how many did.
    private func mendAll(
        _ objects: [HostObject], _ view: inout HostView, by sender: UInt32?
    ) async throws -> Int {
        var mended = 0
        var seen = ContinuousClock.now
        for object in objects where mend(object, view, by: sender) {
            mended += 1
            guard .now - seen > Self.longestTurn else { continue }
            await Task.yield()
            view = try look()
            seen = .now
        }
        return mended
    }

    /// For so long calls may have to wait.
    private static let longestTurn = Duration.milliseconds(50)
}

// MARK: - What is owed

extension Driver {
    /// Does what could not be done before: finishes deletions and undoings, puts back what could not be put back, looks
    /// again at what was left alone for a while. To be called at each signal of `upkeepSignals`.
    public func upkeep() async {
        do {
            if isReconciliationOwed {
                isReconciliationOwed = false
                try await reconcile()
            } else {
                await finishOwed()
                if areRulesOwed {
                    reconcileRules(anew: true)
                    await reconcileForwarding()
                }
            }
        } catch {
            logger.error("Cannot look at the host, trying again later", error: error)
        }
        deleteRetired()
        if !unheld.isEmpty { holdPublishedPorts() }
        let ready = missed.filter(isReady)
        missed.subtract(ready)
        let (rested, next) = fights.endedPauses(at: .now)
        let suspects = unmended.union(rested).union(ready)
        if !suspects.isEmpty { await mend(Dictionary(uniqueKeysWithValues: suspects.map { ($0, 0) })) }
        if let next { reminder.after(next - .now) }
        if owesAnything {
            upkeepPause.fail()
            remindOfUpkeep()
        } else if !hasRetired {
            // Deletions that are under way may yet fail.
            upkeepPause.reset()
        }
    }

    /// Something could not be done, and is tried again and again.
    var owesAnything: Bool {
        !owed.isEmpty || !unmended.isEmpty || !unheld.isEmpty || areRulesOwed || isReconciliationOwed
    }

    private func isReady(_ object: HostObject) -> Bool {
        switch object {
        case .network(let id): networks[id]?.phase == .ready
        case .endpoint(let id): endpoints[id]?.phase == .ready && !attaching.contains(id)
        }
    }

    /// Notes that an object must go and could not be made to. The engine has forgotten it and never asks again.
    func owe(_ object: HostObject) {
        owed.insert(object)
        remindOfUpkeep()
    }

    func remindOfUpkeep() {
        reminder.after(upkeepPause.pause)
    }

    /// Deletes what should be gone already.
    private func finishOwed() async {
        let begin = owed
        for case .endpoint(let id) in begin { await finish(.endpoint(id)) { try await $0.finishEndpoint(id) } }
        for case .network(let id) in begin { await finish(.network(id)) { try await $0.finishNetwork(id) } }
    }

    private func finish(_ object: HostObject, _ step: (isolated Driver) async throws -> Void) async {
        do {
            try await step(self)
            owed.remove(object)
        } catch {
            logger.error("Could not finish, trying again later", error: error, metadata: metadata(of: object))
        }
    }

    private func finishEndpoint(_ id: EndpointID) async throws {
        await endpointTurns.enter(id)
        defer { endpointTurns.leave(id) }
        guard let endpoint = endpoints[id], endpoint.phase != .ready else { return }
        let metadata = metadata(of: .endpoint(id))
        try await removeStoringIntent(endpoint)
        logger.notice("Removed unfinished endpoint", metadata: metadata)
    }

    private func finishNetwork(_ id: NetworkID) async throws {
        await networkTurns.enter(id)
        defer { networkTurns.leave(id) }
        // Meanwhile the engine may have asked for it again, or have deleted it and made it anew.
        guard owed.contains(.network(id)) else { return }
        do {
            try await delete(id)
        } catch let error as DriverError {
            // Whether it is in use could not be seen when the engine deleted it. It is.
            logger.warning("Kept a network", error: error, metadata: metadata(of: .network(id)))
        }
    }
}
