// SPDX-License-Identifier: Apache-2.0

public import Addressing
import FoundationEssentials
import Glibc

extension RTNetlink {
    public func isForwarding(_ family: AddressFamily) throws(KernelError) -> Bool {
        let path = Self.forwardingPath(family)
        if let value = Self.sysctl(path) { return value != "0" }
        // No IPv6 is no failure; no IPv4 means that /proc cannot be read.
        guard family == .v6 else { throw KernelError("read \(path)", code: ENOENT) }
        return false
    }

    public func enableForwarding(_ family: AddressFamily) throws(KernelError) {
        guard try !isForwarding(family) else { return }
        if family == .v6 { try keepListeningToRouters() }
        try writeSysctl(Self.forwardingPath(family), "1")
    }

    /// A link with `accept_ra` 1 takes router advertisements only as long as it does not forward; with the change the
    /// kernel also drops the default routes that it has from them (`rt6_purge_dflt_routers`). With 2 it takes them anyway.
    ///
    /// `all` has no say in this, and `default` is left alone on purpose. With 2 there, every link that somebody makes later
    /// would take them, also other programs' bridges, on which a container or a guest could then become the host's gateway.
    /// The price: a link that appears later and has its addresses from routers needs `accept_ra` 2 from whoever sets it up.
    private func keepListeningToRouters() throws(KernelError) {
        for link in try links() where !link.alias.hasPrefix("plugind:") {
            let settings = "net/ipv6/conf/\(link.name)"
            guard Self.sysctl("\(settings)/accept_ra") == "1", Self.sysctl("\(settings)/forwarding") == "0" else {
                continue
            }
            do throws(KernelError) {
                try writeSysctl("\(settings)/accept_ra", "2")
            } catch {
                // The link is gone, or takes no part in IPv6 any more.
                guard error.code == ENOENT else { throw error }
            }
        }
    }

    private static func forwardingPath(_ family: AddressFamily) -> String {
        switch family {
        case .v4: "net/ipv4/ip_forward"
        case .v6: "net/ipv6/conf/all/forwarding"
        }
    }

    /// Nil if there is none.
    static func sysctl(_ path: String) -> String? {
        FileManager.default.contents(atPath: "/proc/sys/\(path)").map {
            String(decoding: $0, as: UTF8.self).filter { !$0.isNewline }
        }
    }
}
