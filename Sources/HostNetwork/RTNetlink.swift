// SPDX-License-Identifier: Apache-2.0

public import Addressing
import Glibc
import Synchronization

/// The real kernel, over rtnetlink.
public final class RTNetlink: Kernel {
    private let requests: Mutex<NetlinkSocket>
    private let tally: HostTally

    public init(tally: HostTally = HostTally()) throws(KernelError) {
        requests = Mutex(try NetlinkSocket(for: .requests))
        self.tally = tally
    }

    // MARK: Bridges and veth pairs

    public func addBridge(_ bridge: BridgeSpec) throws(KernelError) {
        // A bridge takes its MTU over from its ports, and goes back to 1500 with the last one, until somebody changes
        // the MTU; being made with one does not count, and neither does "changing" it to what it is. So the bridge is
        // made with one and gets another: `br_mtu_auto_adjust` then leaves it alone.
        let firstMTU: UInt32 = bridge.mtu == 1500 ? 1499 : 1500
        // Whoever began this before did not come to its end. The address was drawn for this bridge, so it is no other.
        if let left = try link(named: bridge.name), left.isUnfinished, left.mac == bridge.mac {
            try deleteLink(bridge.name)
        }
        try exchange { socket throws(KernelError) in
            try socket.addBridge(bridge.name, mac: bridge.mac, mtu: firstMTU)
        }
        try deletingOnFailure(bridge.name) { () throws(KernelError) in
            // While the bridge is down: once it is up, a container could be quicker with a router advertisement.
            try writeSettings(of: bridge)
            try exchange { socket throws(KernelError) in
                let link = try Self.require(bridge.name, socket, "configure bridge \(bridge.name)")
                try socket.configure(bridge, index: link.index)
            }
        }
        tally.count(\.bridgesMade)
    }

    public func addVethPair(_ pair: VethSpec) throws(KernelError) {
        try exchange { socket throws(KernelError) in
            let bridge = try Self.require(pair.bridge, socket, "add veth pair \(pair.host)")
            try socket.addVethPair(pair, bridge: bridge.index)
        }
        // The kernel takes no alias when it makes a link. Not in the same batch: had the pair been refused because the
        // name is taken, the alias would go to the link that has it.
        try deletingOnFailure(pair.host) { () throws(KernelError) in
            try exchange { socket throws(KernelError) in
                try socket.setAlias(pair.alias, of: pair.host)
                try Self.allowHairpin(pair.host, socket)
            }
        }
        countVethPair()
    }

    func countVethPair() {
        tally.count(\.vethPairsMade)
    }

    /// Where br_netfilter is on, what a container sends to a published port of its own is turned round inside the bridge
    /// (`br_nf_pre_routing_finish` in the kernel's net/bridge/br_netfilter_hooks.c), so its port must let it out again.
    /// Elsewhere it is not needed, and would send a container its own broadcasts.
    static func allowHairpin(_ port: InterfaceName, _ socket: borrowing NetlinkSocket) throws(KernelError) {
        guard
            ["net/bridge/bridge-nf-call-iptables", "net/bridge/bridge-nf-call-ip6tables"].contains(where: {
                sysctl($0) == "1"
            })
        else { return }
        try socket.setHairpin(true, of: port)
    }

    // MARK: Links

    public func link(named name: InterfaceName) throws(KernelError) -> Link? {
        try exchange { socket throws(KernelError) in try socket.link(named: name) }
    }

    public func deleteLink(_ name: InterfaceName) throws(KernelError) {
        // A socket of its own for each, so that nothing waits for it. The kernel answers a delete only after an RCU grace
        // period, some 16 ms; but it waits for that (in `netdev_run_todo`) when it has already let go of the rtnl lock,
        // so that requests on other sockets pass meanwhile, in part other deletes too.
        do throws(KernelError) {
            try NetlinkSocket(for: .requests).delete(name)
            tally.count(\.linksDeleted)
        } catch {
            guard error.code == ENODEV else {
                tally.count(error)
                throw error
            }
        }
    }

    public func retire(_ link: Int32, into group: UInt32) throws(KernelError) {
        do throws(KernelError) {
            try exchange { socket throws(KernelError) in try socket.retire(link, into: group) }
        } catch {
            guard error.code == ENODEV else { throw error }
        }
    }

    public func deleteLinks(in group: UInt32) throws(KernelError) {
        // On a socket of its own, as above.
        do throws(KernelError) {
            try NetlinkSocket(for: .requests).deleteLinks(in: group)
        } catch {
            guard error.code == ENODEV else {
                tally.count(error)
                throw error
            }
        }
    }

    public func attach(_ name: InterfaceName, to bridge: InterfaceName) throws(KernelError) {
        let operation = "attach \(name) to \(bridge)"
        try exchange { socket throws(KernelError) in
            let link = try Self.require(name, socket, operation)
            let master = try Self.require(bridge, socket, operation)
            try socket.setMaster(master.index, of: name)
            do throws(KernelError) {
                try Self.allowHairpin(name, socket)
                try socket.setUp(true, of: name)
            } catch {
                try? socket.setMaster(link.master, of: name)
                throw error
            }
        }
    }

    public func setAlias(_ alias: String, of name: InterfaceName) throws(KernelError) {
        try exchange { socket throws(KernelError) in try socket.setAlias(alias, of: name) }
    }

    public func setMAC(_ mac: MACAddress, of name: InterfaceName) throws(KernelError) {
        try exchange { socket throws(KernelError) in try socket.setMAC(mac, of: name) }
    }

    public func setName(_ name: InterfaceName, of link: Int32) throws(KernelError) {
        try exchange { socket throws(KernelError) in
            do throws(KernelError) {
                try socket.setName(name, of: link)
            } catch {
                guard error.code == EBUSY, let old = try socket.links().first(where: { $0.index == link }),
                    let oldName = InterfaceName(old.name)
                else { throw error }
                try socket.setUp(false, of: oldName)
                do throws(KernelError) {
                    try socket.setName(name, of: link)
                } catch {
                    try? socket.setUp(true, of: oldName)
                    throw error
                }
                try socket.setUp(true, of: name)
            }
        }
    }

    public func setMTU(_ mtu: UInt32, of name: InterfaceName) throws(KernelError) {
        try exchange { socket throws(KernelError) in try socket.setMTU(mtu, of: name) }
    }

    public func setUp(_ isUp: Bool, of name: InterfaceName) throws(KernelError) {
        try exchange { socket throws(KernelError) in try socket.setUp(isUp, of: name) }
    }

    // MARK: Addresses

    public func addAddress(_ address: InterfaceAddress, to name: InterfaceName) throws(KernelError) {
        try exchange { socket throws(KernelError) in
            let link = try Self.require(name, socket, "add address \(address) to \(name)")
            try socket.addAddress(address, to: link.index, name: name)
        }
    }

    public func deleteAddress(_ address: InterfaceAddress, from name: InterfaceName) throws(KernelError) {
        try exchange { socket throws(KernelError) in
            guard let link = try socket.link(named: name) else { return }
            do throws(KernelError) {
                try socket.deleteAddress(address, from: link.index, name: name)
            } catch {
                guard error.code == EADDRNOTAVAIL || error.code == ENODEV else { throw error }
            }
        }
    }

    public func addConnectedRoute(of address: InterfaceAddress, on name: InterfaceName) throws(KernelError) {
        try exchange { socket throws(KernelError) in
            let link = try Self.require(name, socket, "add route \(address.prefix) on \(name)")
            do throws(KernelError) {
                try socket.addConnectedRoute(address, on: link.index, name: name)
            } catch {
                guard error.code == EEXIST else { throw error }
            }
        }
    }

    // MARK: Everything

    public func links() throws(KernelError) -> [Link] {
        try exchange { socket throws(KernelError) in try socket.links() }
    }

    public func addresses() throws(KernelError) -> [LinkAddress] {
        try exchange { socket throws(KernelError) in try socket.addresses() }
    }

    public func routes() throws(KernelError) -> [Route] {
        try exchange { socket throws(KernelError) in try socket.routes() }
    }

    // MARK: Steps

    func exchange<Value: Sendable>(
        _ body: (borrowing NetlinkSocket) throws(KernelError) -> Value
    ) throws(KernelError) -> Value {
        try counting { () throws(KernelError) in
            try requests.withLock { socket throws(KernelError) in try body(socket) }
        }
    }

    /// Counts the kernel's refusal, if `body` ends with one.
    func counting<Value>(_ body: () throws(KernelError) -> Value) throws(KernelError) -> Value {
        do throws(KernelError) {
            return try body()
        } catch {
            tally.count(error)
            throw error
        }
    }

    /// Runs the steps that follow the making of a link, and deletes it if one of them fails.
    func deletingOnFailure(
        _ name: InterfaceName, _ steps: () throws(KernelError) -> Void
    ) throws(KernelError) {
        do throws(KernelError) {
            try steps()
        } catch {
            // The failure that matters to the caller is the first one.
            try? deleteLink(name)
            throw error
        }
    }

    static func require(
        _ name: InterfaceName, _ socket: borrowing NetlinkSocket, _ operation: @autoclosure () -> String
    ) throws(KernelError) -> Link {
        guard let link = try socket.link(named: name) else {
            throw KernelError(operation(), code: ENODEV, reason: "there is no link \(name)")
        }
        return link
    }
}
