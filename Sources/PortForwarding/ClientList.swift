// SPDX-License-Identifier: Apache-2.0

import Addressing

/// Who may use a forwarded port.
struct ClientList: Sendable {
    /// Nil lets everybody in.
    let prefixes: [Prefix]?

    /// Whether a client may use the port at the host's address `local`, which is the one it wrote to.
    ///
    /// The host itself may always. It is known by a loopback address, or by the address that it wrote to: whoever
    /// connects to an address of its own does so from that address, unless it chose another.
    func admits(_ client: IPAddress, at local: IPAddress?) -> Bool {
        guard let prefixes else { return true }
        let client = client.unmapped
        return client.isLoopback || client == local?.unmapped || prefixes.contains { $0.contains(client) }
    }
}

extension IPAddress {
    /// The IPv4 address that an IPv6 address such as `::ffff:192.0.2.1` stands for, or the address itself.
    fileprivate var unmapped: IPAddress {
        family == .v6 && bits >> 32 == 0xffff ? IPAddress(v4: UInt32(truncatingIfNeeded: bits)) : self
    }
}
