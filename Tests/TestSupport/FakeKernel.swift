// SPDX-License-Identifier: Apache-2.0

public import Addressing
public import Dispatch
public import HostNetwork
public import Synchronization

/// A kernel that keeps links in memory, records what it was asked, and refuses what it is told to refuse.
public final class FakeKernel: Kernel {
    public struct State: Sendable {
        public var links: [String: Link] = [:]
        public var addresses: [LinkAddress] = []
        /// Routes that somebody deleted.
        public var lostRoutes: Set<Route> = []
        /// Bridges whose settings somebody changed.
        public var lostSettings: Set<String> = []
        /// Paths of sandboxes that are alive.
        public var namespaces: Set<String> = []
        /// What the other end of a pair that was made in a sandbox is there, by the name of the host end.
        public var insides: [String: Inside] = [:]
        /// The families that the host is a router for.
        public var forwarding: Set<AddressFamily> = []
        /// What was forgotten, in order.
        public var forgottenFlows: [FlowFilter] = []
        public var calls: [String] = []
        /// Call name to errno.
        public var refusals: [String: Int32] = [:]
        /// Call name to what it waits for.
        public var holds: [String: DispatchGroup] = [:]
        public var nextIndex: Int32 = 1
    }

    public struct Inside: Hashable, Sendable {
        public var spec: SandboxSpec
        public var pair: VethSpec
        public var name: InterfaceName
    }

    public let state = Mutex(State())

    public init() {}

    public var calls: [String] { state.withLock { $0.calls } }
    public var linkNames: Set<String> { state.withLock { Set($0.links.keys) } }
    /// The links that were made in a sandbox and are there, by their names.
    public func inside(_ sandbox: String) -> [String: Inside] {
        state.withLock { state in
            let there = state.insides.values.filter { $0.spec.path == sandbox }
            return Dictionary(there.map { ($0.name.description, $0) }) { first, _ in first }
        }
    }

    public func refuse(_ call: String, code: Int32) {
        state.withLock { $0.refusals[call] = code }
    }

    public func allowEverything() {
        state.withLock { $0.refusals = [:] }
    }

    /// Keeps calls of that name waiting from now on, each with its thread.
    public func hold(_ call: String) {
        state.withLock { state in
            let hold = DispatchGroup()
            hold.enter()
            state.holds[call] = hold
        }
    }

    public func letGo() {
        let holds = state.withLock { state in
            defer { state.holds = [:] }
            return state.holds
        }
        for hold in holds.values { hold.leave() }
    }

    /// Returns when there was a call of that name, be it held or done, or when the test has been given up.
    public func untilCalled(_ call: String) async {
        while !Task.isCancelled, count(of: call) == 0 { await Task.yield() }
    }

    public func count(of call: String) -> Int {
        calls.count { $0.split(separator: " ").first.map(String.init) == call }
    }

    /// A link that is not plugind's.
    public func addForeign(_ name: String, kind: String = "veth", address: InterfaceAddress? = nil) {
        state.withLock { state in
            let index = state.add(name, kind: kind, alias: "")
            if let address { state.addresses.append(LinkAddress(link: index, address: address)) }
        }
    }

    /// What somebody else's `ip link delete` does.
    public func lose(_ name: InterfaceName) {
        state.withLock { state in
            state.links[name.description] = nil
            state.insides[name.description] = nil
        }
    }

    public func addBridge(_ bridge: BridgeSpec) throws(KernelError) {
        try call("addBridge", bridge.name.description) { state throws(KernelError) in
            if state.links[bridge.name.description] != nil { throw KernelError("add bridge \(bridge.name)", code: 17) }
            let index = state.add(
                bridge.name.description, kind: "bridge", alias: bridge.alias, mac: bridge.mac, mtu: bridge.mtu)
            state.addresses += bridge.addresses.map { LinkAddress(link: index, address: $0) }
        }
    }

    public func addVethPair(_ pair: VethSpec) throws(KernelError) {
        try call("addVethPair", pair.host.description) { state throws(KernelError) in
            guard let bridge = state.links[pair.bridge.description] else {
                throw KernelError("add veth \(pair.host)", code: 19)
            }
            let host = state.add(
                pair.host.description, kind: "veth", alias: pair.alias, master: bridge.index, mtu: pair.mtu)
            let sandbox = state.add(
                pair.sandbox.description, kind: "veth", alias: "", mac: pair.sandboxMAC, mtu: pair.mtu)
            state.links[pair.host.description]?.peer = sandbox
            state.links[pair.sandbox.description]?.peer = host
        }
    }

    public func link(named name: InterfaceName) throws(KernelError) -> Link? {
        try state.withLock { state throws(KernelError) in
            if let code = state.refusals["link"] { throw KernelError("look at \(name)", code: code) }
            return state.links[name.description]
        }
    }

    public func deleteLink(_ name: InterfaceName) throws(KernelError) {
        try call("deleteLink", name.description) { state throws(KernelError) in
            state.delete(name.description)
        }
    }

    public func retire(_ link: Int32, into group: UInt32) throws(KernelError) {
        try call("retire", "\(link)") { state throws(KernelError) in
            guard let name = state.links.first(where: { $0.value.index == link })?.key else { return }
            state.links[name]?.isUp = false
            state.links[name]?.master = nil
            state.links[name]?.group = group
        }
    }

    public func deleteLinks(in group: UInt32) throws(KernelError) {
        try call("deleteLinks", "\(group)") { state throws(KernelError) in
            let names = state.links.values.filter { $0.group == group }.map(\.name)
            for name in names { state.delete(name) }
        }
    }

    public func attach(_ name: InterfaceName, to bridge: InterfaceName) throws(KernelError) {
        try call("attach", name.description) { state throws(KernelError) in
            let master = state.links[bridge.description]?.index
            state.links[name.description]?.master = master
        }
    }

    public func addVethPair(_ pair: VethSpec, into sandbox: SandboxSpec) throws(KernelError) -> InterfaceName {
        var name = pair.sandbox
        try call("addVethPairInto", pair.host.description) { state throws(KernelError) in
            name = try state.add(pair, into: sandbox)
        }
        return name
    }

    /// What is left where somebody died while he made such a pair.
    public func addUnfinishedVethPair(_ pair: VethSpec, into sandbox: SandboxSpec) throws(KernelError) {
        try call("addUnfinishedVethPairInto", pair.host.description) { state throws(KernelError) in
            var untagged = pair
            untagged.alias = ""
            _ = try state.add(untagged, into: sandbox)
            state.links[pair.host.description]?.group = Link.unfinishedGroup
        }
    }

    public func hasSettings(of bridge: BridgeSpec) -> Bool {
        state.withLock { state in
            state.links[bridge.name.description] != nil && !state.lostSettings.contains(bridge.name.description)
        }
    }

    public func writeSettings(of bridge: BridgeSpec) throws(KernelError) {
        try call("writeSettings", bridge.name.description) { state throws(KernelError) in
            state.lostSettings.remove(bridge.name.description)
        }
    }

    public func isNamespace(_ path: String) -> Bool {
        state.withLock { $0.namespaces.contains(path) }
    }

    public func setAlias(_ alias: String, of name: InterfaceName) throws(KernelError) {
        try call("setAlias", name.description) { state throws(KernelError) in
            state.links[name.description]?.alias = alias
        }
    }

    public func setMAC(_ mac: MACAddress, of name: InterfaceName) throws(KernelError) {
        try call("setMAC", name.description) { state throws(KernelError) in
            state.links[name.description]?.mac = mac
        }
    }

    public func setName(_ name: InterfaceName, of link: Int32) throws(KernelError) {
        try call("setName", name.description) { state throws(KernelError) in
            guard let old = state.links.first(where: { $0.value.index == link }) else {
                throw KernelError("set name", code: 19)
            }
            state.links[old.key] = nil
            state.links[name.description] = old.value
            state.links[name.description]?.name = name.description
        }
    }

    public func setMTU(_ mtu: UInt32, of name: InterfaceName) throws(KernelError) {
        try call("setMTU", name.description) { state throws(KernelError) in
            state.links[name.description]?.mtu = mtu
        }
    }

    public func setUp(_ isUp: Bool, of name: InterfaceName) throws(KernelError) {
        try call("setUp", name.description) { state throws(KernelError) in
            state.links[name.description]?.isUp = isUp
        }
    }

    public func addAddress(_ address: InterfaceAddress, to name: InterfaceName) throws(KernelError) {
        try call("addAddress", address.description) { state throws(KernelError) in
            guard let link = state.links[name.description] else { throw KernelError("add address", code: 19) }
            state.addresses.append(LinkAddress(link: link.index, address: address))
        }
    }

    public func deleteAddress(_ address: InterfaceAddress, from name: InterfaceName) throws(KernelError) {
        try call("deleteAddress", address.description) { state throws(KernelError) in
            state.addresses.removeAll { $0.address == address }
        }
    }

    public func addConnectedRoute(of address: InterfaceAddress, on name: InterfaceName) throws(KernelError) {
        try call("addConnectedRoute", address.description) { state throws(KernelError) in
            guard let link = state.links[name.description] else { throw KernelError("add route", code: 19) }
            state.lostRoutes.remove(Route(destination: address.prefix, link: link.index))
        }
    }

    public func links() throws(KernelError) -> [Link] { state.withLock { Array($0.links.values) } }
    public func addresses() throws(KernelError) -> [LinkAddress] { state.withLock { $0.addresses } }
    /// Those that come with the addresses of links that are up, less those that were lost.
    public func routes() throws(KernelError) -> [Route] {
        state.withLock { state in
            state.addresses.filter { address in state.links.values.contains { $0.index == address.link && $0.isUp } }
                .map { Route(destination: $0.address.prefix, link: $0.link) }.filter { !state.lostRoutes.contains($0) }
        }
    }

    public func writeSysctl(_ path: String, _ value: String) throws(KernelError) {
        try call("writeSysctl", path) { _ throws(KernelError) in }
    }

    public func isForwarding(_ family: AddressFamily) throws(KernelError) -> Bool {
        try state.withLock { state throws(KernelError) in
            if let code = state.refusals["isForwarding"] { throw KernelError("look at forwarding", code: code) }
            return state.forwarding.contains(family)
        }
    }

    public func enableForwarding(_ family: AddressFamily) throws(KernelError) {
        try call("enableForwarding", family.description) { state throws(KernelError) in
            state.forwarding.insert(family)
        }
    }

    public func forgetFlows(_ flows: [FlowFilter]) throws(KernelError) -> Int {
        let words = flows.map { "\($0.transport) \($0.port)" }.joined(separator: ", ")
        try call("forgetFlows", words) { state throws(KernelError) in state.forgottenFlows += flows }
        return 0
    }

    private func call(
        _ name: String, _ argument: String, _ body: (inout State) throws(KernelError) -> Void
    ) throws(KernelError) {
        let hold = state.withLock { state in
            state.calls.append("\(name) \(argument)")
            return state.holds[name]
        }
        hold?.wait()
        try state.withLock { state throws(KernelError) in
            if let code = state.refusals[name] { throw KernelError("\(name) \(argument)", code: code) }
            try body(&state)
        }
    }
}

extension FakeKernel.State {
    /// With its peer and its addresses.
    fileprivate mutating func delete(_ name: String) {
        guard let link = links.removeValue(forKey: name) else { return }
        insides[name] = nil
        addresses.removeAll { $0.link == link.index }
        // The pair's names differ in their first three letters only.
        links = links.filter { $0.value.kind != "veth" || $0.key.dropFirst(3) != name.dropFirst(3) }
    }

    fileprivate mutating func add(
        _ pair: VethSpec, into sandbox: SandboxSpec
    ) throws(KernelError) -> InterfaceName {
        let operation = "add \(pair.host) to the sandbox \(sandbox.path)"
        guard namespaces.contains(sandbox.path) else { throw KernelError(operation, code: 2) }
        if let left = links[pair.host.description] {
            guard left.isUnfinished else { throw KernelError(operation, code: 17) }
            delete(pair.host.description)
        }
        guard let bridge = links[pair.bridge.description] else { throw KernelError(operation, code: 19) }
        let name = try name(in: sandbox, operation)
        _ = add(pair.host.description, kind: "veth", alias: pair.alias, master: bridge.index, mtu: pair.mtu)
        links[pair.host.description]?.peerNamespace = 0
        insides[pair.host.description] = FakeKernel.Inside(spec: sandbox, pair: pair, name: name)
        return name
    }

    /// Taken is what was made there and is not deleted yet. What the engine moved there is not seen.
    private func name(in sandbox: SandboxSpec, _ operation: String) throws(KernelError) -> InterfaceName {
        let taken = Set(insides.values.filter { $0.spec.path == sandbox.path }.map(\.name.description))
        switch sandbox.name {
        case .exactly(let name):
            if taken.contains(name.description) { throw KernelError(operation, code: 17) }
            return name
        case .numbered(let prefix):
            guard let free = (0...).lazy.map({ "\(prefix)\($0)" }).first(where: { !taken.contains($0) }),
                let name = InterfaceName(free)
            else { throw KernelError(operation, code: 23) }
            return name
        }
    }

    fileprivate mutating func add(
        _ name: String, kind: String, alias: String, mac: MACAddress? = nil, master: Int32? = nil,
        mtu: UInt32 = 1500
    ) -> Int32 {
        defer { nextIndex += 1 }
        links[name] = Link(
            index: nextIndex, name: name, kind: kind, mac: mac, mtu: mtu, isUp: true, master: master, alias: alias)
        return nextIndex
    }
}
