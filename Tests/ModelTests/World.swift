// SPDX-License-Identifier: Apache-2.0

import Addressing
import IPAM
import NetDriver
import Store
import Synchronization
import TestSupport

/// A host, a store, and one daemon after the other, with callers that do not care which.
final class World: Sendable {
    /// Where the state lies between two daemons.
    typealias OpenStore = @Sendable () throws -> any StateStore

    struct Tally: Sendable {
        var operations = 0
        var cleanRestarts = 0
        var crashes = 0
        var reboots = 0
        var crashesAtStart = 0
        var checks = 0
        var tamperings = 0
        var injected = 0
        var lost = 0
        /// Links that were made in their sandboxes, and those that were there to be moved.
        var direct = 0
        var moved = 0
        /// Publications, and those that were refused because somebody else had a port.
        var published = 0
        var collisions = 0
    }

    let seed: UInt64
    let host: Host
    let model: Model
    let gate = Gate()
    let surroundings: Surroundings
    let tally = Mutex(Tally())
    private let openStore: OpenStore
    private let sabotage: Sabotage
    private let current = Mutex<Daemon?>(nil)
    private let isEnding = Mutex(false)
    /// Networks on which all callers start containers.
    private let published = Mutex<[Caller.Network]>([])
    /// Pools that were chosen in a quarrel, for anybody to release.
    private let chosen = Mutex<[PoolID]>([])

    init(
        seed: UInt64, surroundings: Surroundings, sabotage: Sabotage.Kind? = nil, openStore: @escaping OpenStore
    ) {
        self.sabotage = Sabotage(sabotage)
        self.seed = seed
        self.surroundings = surroundings
        self.openStore = openStore
        host = Host(surroundings: surroundings)
        model = Model(surroundings: surroundings)
        model.registerShared()
    }

    var isSound: Bool { model.finding == nil }
    var isGoingOn: Bool { isSound && !isEnding.withLock(\.self) }
    var daemon: Daemon? { current.withLock(\.self) }

    func end() { isEnding.withLock { $0 = true } }

    /// Ends the daemon, so that another can open the store.
    func bury() async {
        if let daemon {
            daemon.life.end()
            // What it was still deleting when its callers had their answers is not to meet the next one.
            await daemon.driver.settle()
        }
        current.withLock { daemon in
            guard let old = daemon else { return }
            tally.withLock { $0.injected += old.injection.count }
            old.close()
            daemon = nil
        }
    }

    /// A new daemon. One life in two is spared refusals, so that what should succeed does.
    func makeDaemon(using random: inout SeededGenerator) throws {
        let interval = Bool.random(using: &random) ? Int.random(in: 30...200, using: &random) : nil
        let injection = Injection(seed: random.next(), oneIn: interval, sabotage: sabotage)
        host.outlive()
        host.losePort(using: &random)
        model.meet(isSpared: interval == nil, foreignPorts: host.lostPorts)
        let daemon = try Daemon(
            life: Life(), injection: injection, store: openStore(), kernel: host.kernel, firewall: host.firewall,
            ports: host.ports, boot: host.boot, surroundings: surroundings, seed: random.next())
        current.withLock { $0 = daemon }
    }

    // MARK: - What callers do

    func perform(_ call: Call, by caller: Int, isCancelled: Bool) async -> Outcome {
        await gate.enter()
        defer { gate.leave() }
        guard let daemon else { return .lost }
        let outcome = await perform(call, by: caller, isCancelled: isCancelled, daemon)
        standStill(after: daemon)
        tally.withLock { tally in
            if case .lost = outcome { tally.lost += 1 }
            if case .attachment(let attachment)? = outcome.answer {
                if attachment.link == nil { tally.direct += 1 } else { tally.moved += 1 }
            }
            guard case .publish = call else { return }
            if outcome.answer != nil { tally.published += 1 }
            if outcome.isAboutPorts { tally.collisions += 1 }
        }
        return outcome
    }

    func perform(_ call: Call, by caller: Int, isCancelled: Bool = false, _ daemon: Daemon) async -> Outcome {
        let ticket = model.begin(call, by: caller)
        var outcome: Outcome
        do {
            let work = Task { try await daemon.perform(call) }
            if isCancelled { work.cancel() }
            outcome = .answered(try await work.value)
        } catch {
            outcome = .refused(error)
        }
        outcome = daemon.life.isOver ? .lost : sabotage.outcome(outcome, of: call)
        model.end(ticket, outcome)
        return outcome
    }

    func upkeep(isReconciling: Bool) async {
        await gate.enter()
        defer { gate.leave() }
        guard let daemon else { return }
        await daemon.upkeep()
        if isReconciling { _ = try? await daemon.driver.reconcile() }
        standStill(after: daemon)
    }

    /// With a daemon that is dead, or a finding, there is no going on.
    private func standStill(after daemon: Daemon) {
        if daemon.life.isOver || !isSound, !isEnding.withLock(\.self) { gate.close() }
    }

    func destroy(_ container: Caller.Container) {
        model.loseSandbox(of: container.endpoint.id)
        host.destroy(container.sandbox, with: container.link)
    }

    func publish(_ network: Caller.Network) {
        published.withLock { $0.append(network) }
    }

    func withdraw(_ network: Caller.Network) {
        published.withLock { $0.removeAll { $0.request.id == network.request.id } }
    }

    func publishedNetwork(using random: inout SeededGenerator) -> Caller.Network? {
        published.withLock { $0.randomElement(using: &random) }
    }

    func note(chosen pool: PoolID) {
        chosen.withLock { $0.append(pool) }
    }

    /// One in two times a pool that plugind chose.
    func poolToRelease(using random: inout SeededGenerator) -> PoolID? {
        guard Bool.random(using: &random) else { return nil }
        return chosen.withLock { chosen in
            chosen.indices.randomElement(using: &random).map { chosen.remove(at: $0) }
        }
    }
}
