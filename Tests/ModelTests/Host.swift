// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Synchronization
import TestSupport

/// The host's kernel, packet filter and ports, and what others than plugind do there.
final class Host: Sendable {
    let kernel = FakeKernel()
    let firewall = FakeFirewall()
    let ports = FakeHostPorts()
    private let surroundings: Surroundings
    /// Links that were moved into sandboxes, by name.
    private let moved = Mutex<[String: Link]>([:])

    init(surroundings: Surroundings) {
        self.surroundings = surroundings
        surroundings.add(to: kernel)
        for sandbox in Shared.sandboxes { open(sandbox) }
    }

    /// How often it was booted, as a text.
    var boot: String { boots.withLock { "\($0)" } }
    private let boots = Mutex(1)

    var movedLinks: Set<String> { moved.withLock { Set($0.keys) } }

    func open(_ sandbox: String) {
        kernel.state.withLock { _ = $0.namespaces.insert(sandbox) }
    }

    func close(_ sandbox: String) {
        kernel.state.withLock { _ = $0.namespaces.remove(sandbox) }
    }

    /// The engine moves a link into its sandbox.
    func move(_ link: String) {
        let link = kernel.state.withLock { $0.links.removeValue(forKey: link) }
        if let link { moved.withLock { $0[link.name] = link } }
    }

    /// The engine moves it back, if its other end is still there.
    func moveBack(_ link: String) {
        guard let link = moved.withLock({ $0.removeValue(forKey: link) }) else { return }
        kernel.state.withLock { state in
            if state.links["pdh" + link.name.dropFirst(3)] != nil { state.links[link.name] = link }
        }
    }

    /// A sandbox dies, and with it both ends of its link.
    func destroy(_ sandbox: String, with link: String) {
        moved.withLock { $0[link] = nil }
        kernel.state.withLock { state in
            state.namespaces.remove(sandbox)
            state.links[link] = nil
            state.links["pdh" + link.dropFirst(3)] = nil
            state.insides["pdh" + link.dropFirst(3)] = nil
        }
    }

    /// Nothing that a kernel knows survives it.
    func reboot() {
        moved.withLock { $0 = [:] }
        boots.withLock { $0 += 1 }
        kernel.state.withLock { state in
            state.links = [:]
            state.insides = [:]
            state.addresses = []
            state.forwarding = []
            state.namespaces = Set(Shared.sandboxes)
        }
        surroundings.add(to: kernel)
        firewall.flush()
    }

    /// A daemon's sockets close with it, and the next one's packet filter knows nothing.
    func outlive() {
        ports.forgetAll()
        firewall.forgetWhatWasTold()
    }

    /// Ports that somebody else has.
    var lostPorts: Set<UInt16> { lost.withLock(\.self) }
    private let lost = Mutex<Set<UInt16>>([])

    /// Now and then somebody takes a port while there is no daemon.
    func losePort(using random: inout SeededGenerator) {
        guard Bool.random(using: &random), let port = Shared.hostPorts.randomElement(using: &random) else { return }
        ports.takeByOther(port)
        lost.withLock { _ = $0.insert(port) }
    }

    func giveBackPorts() {
        let ended = lost.withLock { lost in
            defer { lost = [] }
            return lost
        }
        for port in ended { ports.giveBackByOther(port) }
    }

    /// The record of calls is of no use here.
    func forgetCalls() {
        kernel.state.withLock { state in
            state.calls = []
            state.forgottenFlows = []
        }
    }
}
