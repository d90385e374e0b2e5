// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Synchronization

/// A kernel that keeps links in memory, records what it was asked, and refuses what it is told to refuse.
final class FakeKernel: Kernel {
    struct State {
        var links: [String: Link] = [:]
        var addresses: [LinkAddress] = []
        var calls: [String] = []
        /// Call name to errno.
        var refusals: [String: Int32] = [:]
        var nextIndex: Int32 = 1
    }

    let state = Mutex(State())

    var calls: [String] { state.withLock { $0.calls } }
    var linkNames: Set<String> { state.withLock { Set($0.links.keys) } }

    func refuse(_ call: String, code: Int32) {
        state.withLock { $0.refusals[call] = code }
    }

    func allowEverything() {
        state.withLock { $0.refusals = [:] }
    }

    /// A link that is not plugind's.
    func addForeign(_ name: String, kind: String = "veth", address: InterfaceAddress? = nil) {
        state.withLock { state in
            let index = state.add(name, kind: kind, alias: "")
            if let address { state.addresses.append(LinkAddress(link: index, address: address)) }
        }
    }

    /// What somebody else's `ip link delete` does.
    func lose(_ name: InterfaceName) {
        state.withLock { $0.links[name.description] = nil }
    }

    func addBridge(_ bridge: BridgeSpec) throws(KernelError) {
        try call("addBridge", bridge.name.description) { state throws(KernelError) in
            if state.links[bridge.name.description] != nil { throw KernelError("add bridge \(bridge.name)", code: 17) }
            let index = state.add(bridge.name.description, kind: "bridge", alias: bridge.alias, mac: bridge.mac)
            state.addresses += bridge.addresses.map { LinkAddress(link: index, address: $0) }
        }
    }

    func addVethPair(_ pair: VethSpec) throws(KernelError) {
        try call("addVethPair", pair.host.description) { state throws(KernelError) in
            guard let bridge = state.links[pair.bridge.description] else {
                throw KernelError("add veth \(pair.host)", code: 19)
            }
            _ = state.add(pair.host.description, kind: "veth", alias: pair.alias, master: bridge.index)
            _ = state.add(pair.sandbox.description, kind: "veth", alias: "", mac: pair.sandboxMAC)
        }
    }

    func link(named name: InterfaceName) throws(KernelError) -> Link? {
        state.withLock { $0.links[name.description] }
    }

    func deleteLink(_ name: InterfaceName) throws(KernelError) {
        try call("deleteLink", name.description) { state throws(KernelError) in
            guard let link = state.links.removeValue(forKey: name.description) else { return }
            state.addresses.removeAll { $0.link == link.index }
            // The pair's names differ in their first three letters only.
            state.links = state.links.filter {
                $0.value.kind != "veth" || $0.key.dropFirst(3) != name.description.dropFirst(3)
            }
        }
    }

    func attach(_ name: InterfaceName, to bridge: InterfaceName) throws(KernelError) {
        try call("attach", name.description) { state throws(KernelError) in
            let master = state.links[bridge.description]?.index
            state.links[name.description]?.master = master
        }
    }

    func setMTU(_ mtu: UInt32, of name: InterfaceName) throws(KernelError) {
        try call("setMTU", name.description) { state throws(KernelError) in
            state.links[name.description]?.mtu = mtu
        }
    }

    func setUp(_ isUp: Bool, of name: InterfaceName) throws(KernelError) {
        try call("setUp", name.description) { state throws(KernelError) in
            state.links[name.description]?.isUp = isUp
        }
    }

    func addAddress(_ address: InterfaceAddress, to name: InterfaceName) throws(KernelError) {
        try call("addAddress", address.description) { state throws(KernelError) in
            guard let link = state.links[name.description] else { throw KernelError("add address", code: 19) }
            state.addresses.append(LinkAddress(link: link.index, address: address))
        }
    }

    func deleteAddress(_ address: InterfaceAddress, from name: InterfaceName) throws(KernelError) {
        try call("deleteAddress", address.description) { state throws(KernelError) in
            state.addresses.removeAll { $0.address == address }
        }
    }

    func links() throws(KernelError) -> [Link] { state.withLock { Array($0.links.values) } }
    func addresses() throws(KernelError) -> [LinkAddress] { state.withLock { $0.addresses } }
    func routes() throws(KernelError) -> [Route] { [] }

    func writeSysctl(_ path: String, _ value: String) throws(KernelError) {
        try call("writeSysctl", path) { _ throws(KernelError) in }
    }

    private func call(
        _ name: String, _ argument: String, _ body: (inout State) throws(KernelError) -> Void
    ) throws(KernelError) {
        try state.withLock { state throws(KernelError) in
            state.calls.append("\(name) \(argument)")
            if let code = state.refusals[name] { throw KernelError("\(name) \(argument)", code: code) }
            try body(&state)
        }
    }
}

extension FakeKernel.State {
    fileprivate mutating func add(
        _ name: String, kind: String, alias: String, mac: MACAddress? = nil, master: Int32? = nil
    ) -> Int32 {
        defer { nextIndex += 1 }
        links[name] = Link(
            index: nextIndex, name: name, kind: kind, mac: mac, isUp: true, master: master, alias: alias)
        return nextIndex
    }
}

/// A packet filter that remembers which bridges may talk inside.
final class FakeFirewall: Firewall {
    private let state = Mutex<(bridges: Set<InterfaceName>, refuses: Bool)>(([], false))

    var bridges: Set<InterfaceName> { state.withLock { $0.bridges } }
    func refuse(_ refuses: Bool) { state.withLock { $0.refuses = refuses } }

    func acceptInside(_ bridge: InterfaceName) throws(FirewallError) -> Bool {
        try state.withLock { state throws(FirewallError) -> Bool in
            if state.refuses { throw FirewallError("accept traffic inside \(bridge)", reason: "told to") }
            return state.bridges.insert(bridge).inserted
        }
    }

    func forgetInside(_ bridge: InterfaceName) throws(FirewallError) {
        _ = state.withLock { $0.bridges.remove(bridge) }
    }
}
