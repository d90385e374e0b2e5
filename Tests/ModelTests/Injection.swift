// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostNetwork
import Store
import Synchronization
import TestSupport

/// Decides which steps of a daemon's life are refused.
final class Injection: Sendable {
    /// In every refusal that was injected and in no other.
    static let words = "injected by the model check"
    private static let codes = [EBUSY, EPERM, ENOBUFS, ENOMEM]

    private struct State {
        var random: SeededGenerator
        var count = 0
        var isOn = true
    }

    private let state: Mutex<State>
    /// One step in so many is refused; nil refuses none.
    private let interval: Int?
    let sabotage: Sabotage

    init(seed: UInt64, oneIn interval: Int?, sabotage: Sabotage) {
        self.sabotage = sabotage
        state = Mutex(State(random: SeededGenerator(seed: seed)))
        self.interval = interval
    }

    /// How many steps were refused.
    var count: Int { state.withLock { $0.count } }

    /// Off while what was left is looked at.
    func turn(on: Bool) { state.withLock { $0.isOn = on } }

    private func draw() -> Int32? {
        guard let interval else { return nil }
        return state.withLock { state in
            guard state.isOn, Int.random(in: 0..<interval, using: &state.random) == 0 else { return nil }
            state.count += 1
            return Self.codes.randomElement(using: &state.random)
        }
    }

    func kernel(_ operation: String) throws(KernelError) {
        if let code = draw() { throw KernelError(operation, code: code, reason: Self.words) }
    }

    func firewall(_ operation: String) throws(FirewallError) {
        if draw() != nil { throw FirewallError(operation, reason: Self.words) }
    }

    func ports(_ hold: PortHold) throws(HostPortError) {
        guard let code = draw() else { return }
        throw HostPortError(hold.transport, hold.addresses[0], port: nil, code: code, reason: Self.words)
    }

    func deadPort(_ hold: PortHold) -> HostPortError {
        HostPortError(
            hold.transport, hold.addresses[0], port: nil, code: EOWNERDEAD, reason: "the daemon is dead")
    }

    func store() throws(StoreError) {
        if draw() != nil { throw StoreError("the disk is full, \(Self.words)") }
    }
}
