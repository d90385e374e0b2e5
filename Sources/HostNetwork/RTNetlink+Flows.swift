// SPDX-License-Identifier: Apache-2.0

import Addressing
import Faults
import Glibc

extension RTNetlink {
    /// Over a socket of its own: flows are another netlink protocol's, and opening one takes some 10 µs. What takes time is
    /// the kernel's walk through its table, once for each family.
    @discardableResult
    public func forgetFlows(_ flows: [FlowFilter]) throws(KernelError) -> Int {
        var count = 0
        try FaultPoint.around("netlink: forgetFlows", failure: { KernelError("forget flows", code: $0) }) {
            () throws(KernelError) in
            count = try counting { () throws(KernelError) in try Self.delete(flows) }
        }
        return count
    }

    private static func delete(_ flows: [FlowFilter]) throws(KernelError) -> Int {
        guard let socket = try openForFlows() else { return 0 }
        var count = 0
        for (transport, flows) in Dictionary(grouping: flows, by: \.transport) {
            for family in [AddressFamily.v4, .v6] {
                let flows = flows.filter { $0.destinations.contains { $0.family == family } }
                if !flows.isEmpty { count += try socket.deleteFlows(flows, transport, family) }
            }
        }
        return count
    }

    /// Nil where the kernel has no packet filter at all, and so no flows.
    private static func openForFlows() throws(KernelError) -> NetlinkSocket? {
        do throws(KernelError) {
            return try NetlinkSocket(for: .flows)
        } catch {
            guard error.code == EPROTONOSUPPORT else { throw error }
            return nil
        }
    }
}
