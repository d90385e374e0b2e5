// SPDX-License-Identifier: Apache-2.0

import Addressing
import Glibc

extension RTNetlink {
    public func isNamespace(_ path: String) -> Bool {
        NetlinkSocket.isNamespace(path)
    }

    public func addVethPair(_ pair: VethSpec, into sandbox: SandboxSpec) throws(KernelError) {
        let operation = "add \(pair.host) to the sandbox \(sandbox.path)"
        let namespace = open(sandbox.path, O_RDONLY | O_CLOEXEC)
        guard namespace >= 0 else { throw KernelError(operation, code: errno) }
        defer { close(namespace) }
        let inside = try NetlinkSocket(for: .requestsIn(namespace))
        // Whoever began this before did not come to its end.
        if let left = try link(named: pair.host), left.isUnfinished { try deleteLink(pair.host) }
        let name = try Self.freeName(sandbox.linkPrefix, inside, operation)
        var pair = pair
        pair.sandbox = name

        try exchange { [pair] socket throws(KernelError) in
            let bridge = try Self.require(pair.bridge, socket, operation)
            try socket.addVethPair(pair, bridge: bridge.index, namespace: namespace, group: Link.unfinishedGroup)
        }
        try deletingOnFailure(pair.host) { [pair] () throws(KernelError) in
            try exchange { socket throws(KernelError) in
                try socket.setAlias(pair.alias, of: pair.host)
                try Self.allowHairpin(pair.host, socket)
            }
            let link = try Self.require(name, inside, operation)
            // The engine turns IPv6 off for new links of a sandbox, and on for those that it gives IPv6 addresses.
            if sandbox.addresses.contains(where: { $0.address.family == .v6 }) {
                try writeSysctl("net/ipv6/conf/\(name)/disable_ipv6", "0", in: namespace)
            }
            try counting { () throws(KernelError) in
                for address in sandbox.addresses {
                    try inside.addAddress(address, to: link.index, name: name)
                }
                try inside.setUp(true, of: name)
                let routes = try inside.routes()
                for gateway in sandbox.gateways where !routes.contains(where: { $0.isDefault(of: gateway.family) }) {
                    try inside.addDefaultRoute(via: gateway, on: link.index, name: name)
                }
            }
            try exchange { socket throws(KernelError) in try socket.setGroup(0, of: pair.host) }
        }
        countVethPair()
    }

    private static func freeName(
        _ prefix: String, _ inside: borrowing NetlinkSocket, _ operation: String
    ) throws(KernelError) -> InterfaceName {
        let taken = Set(try inside.links().map(\.name))
        guard let free = (0...).lazy.map({ "\(prefix)\($0)" }).first(where: { !taken.contains($0) }),
            let name = InterfaceName(free)
        else { throw KernelError(operation, code: ENFILE, reason: "there is no free name \(prefix)…") }
        return name
    }
}

extension Route {
    fileprivate func isDefault(of family: AddressFamily) -> Bool {
        destination.length == 0 && destination.family == family && table == Route.mainTable
    }
}
