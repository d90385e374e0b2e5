// SPDX-License-Identifier: Apache-2.0

import Addressing
import Events
import FoundationEssentials

/// Something that plugind has on the host, and keeps as it should be.
enum HostObject: Hashable, Comparable, Sendable {
    /// Its bridge, with its addresses and routes.
    case network(NetworkID)
    /// Its port.
    case endpoint(EndpointID)
}

/// What is known of who changed something: the kernel tells the netlink port of the socket by which it was asked, and
/// that is mostly the id of the process (`netlink_autobind` in the kernel's net/netlink/af_netlink.c).
struct SenderName: CustomStringConvertible {
    let description: String

    /// Nil for port 0: the kernel does not tell.
    init?(_ port: UInt32) {
        guard port != 0 else { return nil }
        guard let name = FileManager.default.contents(atPath: "/proc/\(port)/comm") else {
            // A program that has ended, or the second socket of one.
            description = "netlink port \(port)"
            return
        }
        description = "\(String(decoding: name.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)) (process \(port))"
    }
}

extension HostObject {
    var eventSubject: Occurrence.Subject {
        switch self {
        case .network(let id): .network(id)
        case .endpoint(let id): .endpoint(id)
        }
    }
}
