// SPDX-License-Identifier: Apache-2.0

public import Addressing
import Glibc

extension RTNetlink {
    public func isNamespace(_ path: String) -> Bool {
        NetlinkSocket.isNamespace(path)
    }

    public func addVethPair(_ pair: VethSpec, into sandbox: SandboxSpec) throws(KernelError) -> InterfaceName {
        let operation = "add \(pair.host) to the sandbox \(sandbox.path)"
        let namespace = open(sandbox.path, O_RDONLY | O_CLOEXEC)
        guard namespace >= 0 else { throw KernelError(operation, code: errno) }
        defer { close(namespace) }
        let inside = try NetlinkSocket(for: .requestsIn(namespace))
        let name = try makePair(pair, into: sandbox, namespace, inside, operation)
        try deletingOnFailure(pair.host) { () throws(KernelError) in
            let link = try Self.require(name, inside, operation)
            try writeSettings(of: name, in: namespace, sandbox, operation)
            try counting { () throws(KernelError) in
                try inside.bringUp(name, index: link.index, with: sandbox.addresses)
                let families = sandbox.gateways.isEmpty ? [] : try inside.routes().defaultFamilies
                for gateway in sandbox.gateways where !families.contains(gateway.family) {
                    try inside.addDefaultRoute(via: gateway, on: link.index, name: name)
                }
            }
            try exchange { socket throws(KernelError) in
                try Self.allowHairpin(pair.host, socket)
                try socket.finish(pair)
            }
            try announce(pair, name, sandbox, inside)
        }
        countVethPair()
        return name
    }

    /// Tells the link's neighbours, which may know another place for an address that somebody had before.
    ///
    /// The kernel announces a link's addresses when the link is given a MAC address, also the one that it has
    /// (`arp_notify`, `ndisc_notify`; `dev_set_mac_address` in net/core/dev.c). That needs no raw socket, and so no right
    /// to have one, and no grace period to close it. What the link knows of its own neighbours goes with that, so it is
    /// done while that is nothing.
    private func announce(
        _ pair: VethSpec, _ name: InterfaceName, _ sandbox: SandboxSpec, _ inside: borrowing NetlinkSocket
    ) throws(KernelError) {
        guard !sandbox.addresses.isEmpty else { return }
        // A port forwards once the kernel has seen its carrier, which it puts off; but not beyond being asked about it
        // (`rtnl_getlink` in net/core/rtnetlink.c, from 6.8 on; before, one announcement in fifty gets lost).
        _ = try link(named: pair.host)
        try counting { () throws(KernelError) in try inside.setMAC(pair.sandboxMAC, of: name) }
    }

    /// Makes the pair, in the group of those that are not finished, and returns what the sandbox's end is called.
    private func makePair(
        _ pair: VethSpec, into sandbox: SandboxSpec, _ namespace: Int32, _ inside: borrowing NetlinkSocket,
        _ operation: String
    ) throws(KernelError) -> InterfaceName {
        // The kernel refuses a name that is taken, so it is looked for only then.
        var pair = pair
        pair.sandbox = try sandbox.name.first(operation)
        var attempts = 0
        while true {
            do throws(KernelError) {
                try makePair(pair, namespace, operation)
                return pair.sandbox
            } catch {
                attempts += 1
                // Another one may be made there at the same time.
                guard error.code == EEXIST, attempts < Self.mostAttempts else { throw error }
            }
            // Whoever began this before did not come to its end.
            if let left = try link(named: pair.host), left.isUnfinished { try deleteLink(pair.host) }
            pair.sandbox = try sandbox.name.free(among: Set(try inside.links().map(\.name)), operation)
        }
    }

    /// Of finding a name that is free.
    private static let mostAttempts = 4

    private func makePair(_ pair: VethSpec, _ namespace: Int32, _ operation: String) throws(KernelError) {
        do throws(KernelError) {
            try exchange { socket throws(KernelError) in
                let bridge = try Self.require(pair.bridge, socket, operation)
                try socket.addVethPair(pair, bridge: bridge.index, namespace: namespace, group: Link.unfinishedGroup)
            }
        } catch {
            // It may have been made, and the kernel's word for that got lost.
            if error.code != EEXIST, let left = try? link(named: pair.host), left.isUnfinished {
                try? deleteLink(pair.host)
            }
            throw error
        }
    }

    /// IPv6 is on for links with an IPv6 address and off for others, as the engine has it; then what was asked for.
    private func writeSettings(
        of link: InterfaceName, in namespace: Int32, _ sandbox: SandboxSpec, _ operation: String
    ) throws(KernelError) {
        let families = Set(sandbox.addresses.map(\.address.family))
        let (ipv4, ipv6) = ("net/ipv4/conf/\(link)", "net/ipv6/conf/\(link)")
        try NetlinkSocket.visit(namespace, operation) { () throws(KernelError) in
            do throws(KernelError) {
                try writeSysctl("\(ipv6)/disable_ipv6", families.contains(.v6) ? "0" : "1")
            } catch {
                // A kernel without IPv6 has none to turn off.
                guard error.code == ENOENT, !families.contains(.v6) else { throw error }
            }
            // See `announce`.
            if families.contains(.v4) { try writeSysctl("\(ipv4)/arp_notify", "1") }
            if families.contains(.v6) { try writeSysctl("\(ipv6)/ndisc_notify", "1") }
            for setting in sandbox.settings { try writeSysctl(setting.path(of: link), setting.value) }
        }
    }
}

extension SandboxSpec.Name {
    /// What is tried first.
    fileprivate func first(_ operation: String) throws(KernelError) -> InterfaceName {
        try free(among: [], operation)
    }

    fileprivate func free(among taken: Set<String>, _ operation: String) throws(KernelError) -> InterfaceName {
        switch self {
        case .exactly(let name):
            guard !taken.contains(name.description) else {
                throw KernelError(operation, code: EEXIST, reason: "the sandbox has a link \(name) already")
            }
            return name
        case .numbered(let prefix):
            guard let free = (0...).lazy.map({ "\(prefix)\($0)" }).first(where: { !taken.contains($0) }),
                let name = InterfaceName(free)
            else { throw KernelError(operation, code: ENFILE, reason: "there is no free name \(prefix)…") }
            return name
        }
    }
}

extension [Route] {
    /// The families that have a default route.
    fileprivate var defaultFamilies: Set<AddressFamily> {
        Set(lazy.filter { $0.destination.length == 0 && $0.table == Route.mainTable }.map(\.destination.family))
    }
}
