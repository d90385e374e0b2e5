// SPDX-License-Identifier: Apache-2.0

import Addressing
import Glibc
import HostNetwork
import Synchronization
import TestSupport

/// The kernel as one daemon sees it: refuses now and then, and everything once the daemon is dead.
struct MortalKernel: Kernel {
    let kernel: FakeKernel
    let life: Life
    let injection: Injection

    func addBridge(_ bridge: BridgeSpec) throws(KernelError) {
        try step("add bridge \(bridge.name)") { () throws(KernelError) in
            try kernel.addBridge(bridge)
        } half: { () throws(KernelError) in
            // A link gets its tag and its addresses after it was made.
            var untagged = bridge
            untagged.alias = ""
            untagged.addresses = []
            try kernel.addBridge(untagged)
        }
    }

    func addVethPair(_ pair: VethSpec) throws(KernelError) {
        try step("add veth \(pair.host)") { () throws(KernelError) in
            try kernel.addVethPair(pair)
        } half: { () throws(KernelError) in
            var untagged = pair
            untagged.alias = ""
            try kernel.addVethPair(untagged)
        }
    }

    func addVethPair(_ pair: VethSpec, into sandbox: SandboxSpec) throws(KernelError) -> InterfaceName {
        var name = pair.sandbox
        try step("add veth \(pair.host)") { () throws(KernelError) in
            name = try kernel.addVethPair(pair, into: sandbox)
        } half: { () throws(KernelError) in
            try kernel.addUnfinishedVethPair(pair, into: sandbox)
        }
        return name
    }

    func retire(_ link: Int32, into group: UInt32) throws(KernelError) {
        try step("retire \(link)") { () throws(KernelError) in
            if !injection.sabotage.leavesLink { try kernel.retire(link, into: group) }
        }
    }

    func deleteLinks(in group: UInt32) throws(KernelError) {
        try step("delete group \(group)") { () throws(KernelError) in
            if !injection.sabotage.leavesRetiredLinks { try kernel.deleteLinks(in: group) }
        }
    }

    func isNamespace(_ path: String) -> Bool { kernel.isNamespace(path) }

    func hasSettings(of bridge: BridgeSpec) -> Bool { kernel.hasSettings(of: bridge) }

    func writeSettings(of bridge: BridgeSpec) throws(KernelError) {
        try step("write settings of \(bridge.name)") { () throws(KernelError) in
            try kernel.writeSettings(of: bridge)
        }
    }

    func link(named name: InterfaceName) throws(KernelError) -> Link? {
        try injection.kernel("look at \(name)")
        return try kernel.link(named: name)
    }

    func deleteLink(_ name: InterfaceName) throws(KernelError) {
        try step("delete \(name)") { () throws(KernelError) in
            if !injection.sabotage.leavesLink { try kernel.deleteLink(name) }
        }
    }

    func attach(_ name: InterfaceName, to bridge: InterfaceName) throws(KernelError) {
        try step("attach \(name)") { () throws(KernelError) in try kernel.attach(name, to: bridge) }
    }

    func setAlias(_ alias: String, of name: InterfaceName) throws(KernelError) {
        try step("set alias of \(name)") { () throws(KernelError) in try kernel.setAlias(alias, of: name) }
    }

    func setMAC(_ mac: MACAddress, of name: InterfaceName) throws(KernelError) {
        try step("set MAC of \(name)") { () throws(KernelError) in try kernel.setMAC(mac, of: name) }
    }

    func setName(_ name: InterfaceName, of link: Int32) throws(KernelError) {
        try step("set name \(name)") { () throws(KernelError) in try kernel.setName(name, of: link) }
    }

    func addConnectedRoute(of address: InterfaceAddress, on name: InterfaceName) throws(KernelError) {
        try step("add route of \(address)") { () throws(KernelError) in
            try kernel.addConnectedRoute(of: address, on: name)
        }
    }

    func setMTU(_ mtu: UInt32, of name: InterfaceName) throws(KernelError) {
        try step("set MTU of \(name)") { () throws(KernelError) in try kernel.setMTU(mtu, of: name) }
    }

    func setUp(_ isUp: Bool, of name: InterfaceName) throws(KernelError) {
        try step("set \(name) up") { () throws(KernelError) in try kernel.setUp(isUp, of: name) }
    }

    func addAddress(_ address: InterfaceAddress, to name: InterfaceName) throws(KernelError) {
        try step("add \(address)") { () throws(KernelError) in try kernel.addAddress(address, to: name) }
    }

    func deleteAddress(_ address: InterfaceAddress, from name: InterfaceName) throws(KernelError) {
        try step("delete \(address)") { () throws(KernelError) in try kernel.deleteAddress(address, from: name) }
    }

    func links() throws(KernelError) -> [Link] {
        try injection.kernel("list links")
        return try kernel.links()
    }

    func addresses() throws(KernelError) -> [LinkAddress] { try kernel.addresses() }
    func routes() throws(KernelError) -> [Route] { try kernel.routes() }

    func writeSysctl(_ path: String, _ value: String) throws(KernelError) {
        try step("write \(path)") { () throws(KernelError) in try kernel.writeSysctl(path, value) }
    }

    func isForwarding(_ family: AddressFamily) throws(KernelError) -> Bool {
        try injection.kernel("look at forwarding of \(family)")
        return try kernel.isForwarding(family)
    }

    func enableForwarding(_ family: AddressFamily) throws(KernelError) {
        try step("enable forwarding of \(family)") { () throws(KernelError) in try kernel.enableForwarding(family) }
    }

    func forgetFlows(_ flows: [FlowFilter]) throws(KernelError) -> Int {
        var count = 0
        try step("forget flows") { () throws(KernelError) in count = try kernel.forgetFlows(flows) }
        return count
    }

    private func step(
        _ operation: String, _ body: () throws(KernelError) -> Void,
        half: () throws(KernelError) -> Void = { () throws(KernelError) in }
    ) throws(KernelError) {
        switch life.step() {
        case .go:
            try injection.kernel(operation)
            return try body()
        case .die(.before), .tooLate: break
        case .die(.halfway): try half()
        case .die(.after): try body()
        }
        throw KernelError(operation, code: EOWNERDEAD)
    }
}

/// The packet filter as one daemon sees it.
struct MortalFirewall: Firewall {
    var table: String { firewall.table }
    let firewall: FakeFirewall
    let life: Life
    let injection: Injection

    func update(
        adding: Set<RulesetElement>, removing: Set<RulesetElement>
    ) throws(FirewallError) {
        try step("change rules") { () throws(FirewallError) in
            try firewall.update(adding: adding, removing: injection.sabotage.isLeft(removing) ? [] : removing)
        }
    }

    func restore() throws(FirewallError) {
        try step("make rules anew") { () throws(FirewallError) in try firewall.restore() }
    }

    func acceptAtEngine(_ accepts: Bool) throws(FirewallError) -> Bool {
        try step("accept at the engine") { () throws(FirewallError) in try firewall.acceptAtEngine(accepts) }
    }

    func engineBridges() throws(FirewallError) -> Set<String> {
        try step("list rules") { () throws(FirewallError) in try firewall.engineBridges() }
    }

    private func step<Result>(
        _ operation: String, _ body: () throws(FirewallError) -> Result
    ) throws(FirewallError) -> Result {
        switch life.step() {
        case .go:
            try injection.firewall(operation)
            return try body()
        case .die(.after): _ = try body()
        case .die(.before), .die(.halfway), .tooLate: break
        }
        throw FirewallError(operation, reason: "the daemon is dead")
    }
}

/// The host's ports as one daemon sees them: its sockets close when it dies.
struct MortalHostPorts: HostPorts {
    let ports: FakeHostPorts
    let life: Life
    let injection: Injection

    func take(_ hold: PortHold) throws(HostPortError) -> UInt16 {
        guard case .go = life.step() else { throw injection.deadPort(hold) }
        try injection.ports(hold)
        return try ports.take(hold)
    }

    func release(_ port: UInt16, _ transport: TransportProtocol, at addresses: [IPAddress]) {
        // Those of a dead daemon are free already, and may be another's.
        if !life.isOver, !injection.sabotage.keepsPort { ports.release(port, transport, at: addresses) }
    }
}
