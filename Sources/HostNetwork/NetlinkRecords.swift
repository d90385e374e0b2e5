// SPDX-License-Identifier: Apache-2.0

import Addressing
import CNetlink

// What the C records say, as values. The records point into the socket's buffer; the values are copies.

extension Link {
    init(_ record: cnl_link) {
        self.init(
            index: record.index,
            name: String(cString: record.name),
            kind: String(cString: record.kind),
            mac: MACAddress(bytes: bytes(record.mac, record.mac_length)),
            mtu: record.mtu,
            isUp: record.is_up,
            master: record.master == 0 ? nil : record.master,
            peer: record.peer == 0 ? nil : record.peer,
            peerNamespace: record.peer_namespace == -1 ? nil : record.peer_namespace,
            alias: String(cString: record.alias),
            group: record.group)
    }
}

extension LinkAddress {
    /// Nil if the kernel says something that is no address.
    init?(_ record: cnl_address) {
        guard let address = IPAddress(bytes: bytes(record.address, record.length)),
            let interfaceAddress = InterfaceAddress(address: address, prefixLength: Int(record.prefix_length))
        else { return nil }
        self.init(link: record.link, address: interfaceAddress)
    }
}

extension Route {
    /// Nil if the kernel says something that is no route.
    init?(_ record: cnl_route) {
        let destination =
            record.destination == nil
            ? [UInt8](repeating: 0, count: Int(record.length)) : bytes(record.destination, record.length)
        guard let base = IPAddress(bytes: destination),
            let prefix = Prefix(base: base, length: Int(record.prefix_length))
        else { return nil }
        self.init(
            destination: prefix,
            gateway: IPAddress(bytes: bytes(record.gateway, record.gateway_length)),
            link: record.link == 0 ? nil : record.link,
            table: record.table)
    }
}

private func bytes(_ start: UnsafePointer<UInt8>?, _ count: UInt32) -> [UInt8] {
    Array(UnsafeBufferPointer(start: start, count: start == nil ? 0 : Int(count)))
}
