// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import IPAM
import NetDriver
import Synchronization
import TestSupport

/// How a daemon's life ends.
private enum Ending: CaseIterable {
    /// It does not: only everything is looked at.
    case none
    case clean
    case crash
    case reboot
}

extension World {
    static let callers = 8

    /// Lets the callers make `operations` calls in all, then lets them give everything back.
    func run(operations: Int, period: ClosedRange<Int>) async throws {
        var random = SeededGenerator(seed: seed)
        try await start(using: &random)
        async let callers: Void = withTaskGroup(of: Void.self) { group in
            for number in 0..<Self.callers {
                group.addTask { [self] in
                    var caller = Caller(number: number, world: self, seed: seed)
                    await caller.run()
                }
            }
        }
        do {
            while isSound, gate.count < operations {
                let ending = Ending.allCases.randomElement(using: &random) ?? .none
                await letGo(for: Int.random(in: period, using: &random), until: ending, using: &random)
                try await stop(ending, using: &random)
            }
        } catch {
            model.find(nil, "the daemon does not start: \(error)")
        }
        // The rest without accidents.
        daemon?.injection.turn(on: false)
        end()
        gate.open()
        await callers
        gate.close()
        try await check(using: &random, resolving: 100)
        tally.withLock { $0.operations = gate.count }
    }

    private func letGo(for calls: Int, until ending: Ending, using random: inout SeededGenerator) async {
        let moment = Life.Moment.allCases.randomElement(using: &random) ?? .before
        let steps = Int.random(in: 0..<40, using: &random)
        let life = daemon?.life
        gate.open(limit: gate.count + calls) { [gate] in
            switch ending {
            case .none, .clean: gate.close()
            case .crash, .reboot: life?.end(after: steps, moment)
            }
        }
        await gate.stillness()
    }

    private func stop(_ ending: Ending, using random: inout SeededGenerator) async throws {
        if ending != .none { model.remark("\(ending)") }
        switch ending {
        case .none:
            try await check(using: &random, resolving: 30)
        case .clean:
            try await check(using: &random, resolving: 30)
            daemon?.life.end()
            tally.withLock { $0.cleanRestarts += 1 }
            try await start(using: &random)
        case .crash:
            tally.withLock { $0.crashes += 1 }
            try await start(using: &random)
        case .reboot:
            tally.withLock { $0.reboots += 1 }
            host.reboot()
            model.loseAllSandboxes()
            try await start(using: &random)
        }
    }

    /// A new daemon on what the last one left, which may die while it starts.
    private func start(using random: inout SeededGenerator) async throws {
        while true {
            await bury()
            try makeDaemon(using: &random)
            guard let daemon else { return }
            let diesEarly = Int.random(in: 0..<5, using: &random) == 0
            if diesEarly {
                daemon.life.end(
                    after: Int.random(in: 0..<10, using: &random),
                    Life.Moment.allCases.randomElement(using: &random) ?? .before)
            }
            // A refusal concerns one object, or makes the start fail as a whole; then it is started again.
            let isStarted = (try? await daemon.driver.reconcile()) != nil
            if isStarted, !daemon.life.isOver {
                daemon.life.spare()
                break
            }
            daemon.life.end()
            tally.withLock { $0.crashesAtStart += 1 }
        }
        model.restarted()
        try await check(using: &random, resolving: 30)
    }

    /// Somebody else changes what plugind made, while no call is under way.
    func tamper(using random: inout SeededGenerator) {
        if Int.random(in: 0..<3, using: &random) == 0 {
            host.firewall.flush()
            model.remark("somebody flushed all rules")
        }
        let joined = model.joinedEndpoints
        host.kernel.state.withLock { state in
            let ours = state.links.values.filter { $0.alias.hasPrefix("plugind:") }.sorted { $0.name < $1.name }
            guard let link = ours.randomElement(using: &random) else { return }
            switch Int.random(in: 0..<5, using: &random) {
            case 0: state.links[link.name]?.isUp = false
            case 1: state.links[link.name]?.mtu = 1400
            case 2 where link.kind == "veth": state.links[link.name]?.master = nil
            case 3 where link.kind == "bridge": state.addresses.removeAll { $0.link == link.index }
            case 4 where link.kind == "bridge":
                state.links[link.name] = nil
                state.addresses.removeAll { $0.link == link.index }
                for port in state.links.values where port.master == link.index {
                    state.links[port.name]?.master = nil
                }
            case 4:
                // The pair of a container that runs is put back into its sandbox.
                guard joined.contains(where: { $0.link == link.name && state.namespaces.contains($0.sandbox) }) else {
                    return
                }
                state.links[link.name] = nil
                // Its other end goes along, also if the engine has not moved it yet.
                state.links["pds" + link.name.dropFirst(3)] = nil
                state.insides[link.name] = nil
            default: state.links[link.name]?.alias = link.kind == "bridge" ? "" : link.alias
            }
        }
        model.remark("somebody changed a link")
        tally.withLock { $0.tamperings += 1 }
    }
}
