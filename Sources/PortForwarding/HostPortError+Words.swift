// SPDX-License-Identifier: Apache-2.0

import Addressing
import Glibc
import HostNetwork

extension HostPortError {
    /// What the kernel refused, in words.
    init(_ transport: TransportProtocol, _ address: IPAddress, port: UInt16?, code: Int32) {
        let reason =
            switch code {
            case EADDRINUSE where port == nil: "no port is free on this host"
            case EADDRINUSE: "the port is in use on this host"
            case EADDRNOTAVAIL: "\(address) is not an address of this host"
            case EAFNOSUPPORT: "this host has no \(address.family)"
            case EPROTONOSUPPORT where transport == .icmp: "\(transport) has no ports"
            default: String(cString: strerror(code))
            }
        self.init(transport, address, port: port, code: code, reason: reason)
    }
}
