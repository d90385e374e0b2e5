// SPDX-License-Identifier: Apache-2.0

import Addressing
import CNetlink
import Glibc

/// Unique owner of one rtnetlink socket: it cannot be copied, and letting go of it closes the socket.
///
/// Each method is one exchange with the kernel; what belongs together, and what is taken back after a failure, is for
/// `RTNetlink` to know.
struct NetlinkSocket: ~Copyable {
    enum Purpose {
        case requests
        case changes
    }

    private let handle: OpaquePointer

    init(for purpose: Purpose) throws(KernelError) {
        var handle: OpaquePointer?
        let code =
            switch purpose {
            case .requests: cnl_open(&handle)
            case .changes: cnl_open_monitor(&handle)
            }
        guard let handle else { throw KernelError("open a netlink socket", code: -code) }
        self.handle = handle
    }

    deinit {
        cnl_close(handle)
    }

    /// To wait on. Reading and closing it are the socket's.
    var descriptor: Int32 { cnl_descriptor(handle) }

    // MARK: Links

    func addBridge(_ name: InterfaceName, mac: MACAddress, mtu: UInt32) throws(KernelError) {
        try commit("add bridge \(name)") { cnl_put_bridge($0, name.description, mac.bytes, mtu) }
    }

    /// Gives a bridge that was just made the rest, and brings it up.
    func configure(_ bridge: BridgeSpec, index: Int32) throws(KernelError) {
        try commit("configure bridge \(bridge.name)") { handle in
            cnl_put_alias(handle, bridge.name.description, bridge.alias)
            cnl_put_mtu(handle, bridge.name.description, bridge.mtu)
            for address in bridge.addresses {
                Self.put(address, on: index, handle)
            }
            cnl_put_up(handle, bridge.name.description, true)
        }
    }

    func addVethPair(_ pair: VethSpec, bridge: Int32) throws(KernelError) {
        try commit("add veth pair \(pair.host), \(pair.sandbox)") {
            cnl_put_veth(
                $0, pair.host.description, nil, bridge, 0, pair.sandbox.description, pair.sandboxMAC.bytes, -1, pair.mtu
            )
        }
    }

    func delete(_ name: InterfaceName) throws(KernelError) {
        try commit("delete link \(name)") { cnl_put_delete($0, name.description) }
    }

    func setAlias(_ alias: String, of name: InterfaceName) throws(KernelError) {
        try commit("set alias of \(name)") { cnl_put_alias($0, name.description, alias) }
    }

    /// `nil` takes the link out of its bridge.
    func setMaster(_ master: Int32?, of name: InterfaceName) throws(KernelError) {
        try commit("set master of \(name)") { cnl_put_master($0, name.description, master ?? 0) }
    }

    func setMTU(_ mtu: UInt32, of name: InterfaceName) throws(KernelError) {
        try commit("set MTU \(mtu) of \(name)") { cnl_put_mtu($0, name.description, mtu) }
    }

    func setUp(_ isUp: Bool, of name: InterfaceName) throws(KernelError) {
        try commit("bring \(isUp ? "up" : "down") \(name)") { cnl_put_up($0, name.description, isUp) }
    }

    func link(named name: InterfaceName) throws(KernelError) -> Link? {
        var record: UnsafePointer<cnl_link>?
        let code = cnl_find_link(handle, name.description, &record)
        if code == -ENODEV { return nil }
        try check(code, "find link \(name)")
        return record.map { Link($0.pointee) }
    }

    func links() throws(KernelError) -> [Link] {
        try check(cnl_dump_links(handle), "list links")
        var links: [Link] = []
        while let record = cnl_next_link(handle) {
            links.append(Link(record.pointee))
        }
        return links
    }

    // MARK: Addresses and routes

    func addAddress(_ address: InterfaceAddress, to link: Int32, name: InterfaceName) throws(KernelError) {
        try commit("add address \(address) to \(name)") { Self.put(address, on: link, $0) }
    }

    func deleteAddress(_ address: InterfaceAddress, from link: Int32, name: InterfaceName) throws(KernelError) {
        try commit("delete address \(address) from \(name)") {
            let bytes = address.address.bytes
            cnl_put_delete_address($0, link, bytes, UInt32(bytes.count), UInt32(address.prefixLength))
        }
    }

    func addresses() throws(KernelError) -> [LinkAddress] {
        try check(cnl_dump_addresses(handle), "list addresses")
        var addresses: [LinkAddress] = []
        while let record = cnl_next_address(handle) {
            if let address = LinkAddress(record.pointee) { addresses.append(address) }
        }
        return addresses
    }

    func routes() throws(KernelError) -> [Route] {
        try check(cnl_dump_routes(handle), "list routes")
        var routes: [Route] = []
        while let record = cnl_next_route(handle) {
            if let route = Route(record.pointee) { routes.append(route) }
        }
        return routes
    }

    private static func put(_ address: InterfaceAddress, on link: Int32, _ handle: OpaquePointer) {
        let bytes = address.address.bytes
        cnl_put_address(handle, link, bytes, UInt32(bytes.count), UInt32(address.prefixLength))
    }

    // MARK: Changes

    /// The next change that waits to be read, or nil if none does.
    func nextChange() throws(KernelError) -> LinkMonitor.Change? {
        while true {
            var kind = cnl_change.link
            let code = cnl_receive(handle, &kind)
            if code == -EAGAIN { return nil }
            if code == -ENOBUFS { return .overrun }
            try check(code, "receive changes")
            if let change = change(of: kind) { return change }
        }
    }

    private func change(of kind: cnl_change) -> LinkMonitor.Change? {
        switch kind {
        case .link: cnl_changed_link(handle).map { .link(Link($0.pointee)) }
        case .link_gone: cnl_changed_link(handle).map { .linkGone(Link($0.pointee)) }
        case .address: changedAddress.map { .address($0) }
        case .address_gone: changedAddress.map { .addressGone($0) }
        case .route: changedRoute.map { .route($0) }
        case .route_gone: changedRoute.map { .routeGone($0) }
        }
    }

    private var changedAddress: LinkAddress? { cnl_changed_address(handle).flatMap { LinkAddress($0.pointee) } }
    private var changedRoute: Route? { cnl_changed_route(handle).flatMap { Route($0.pointee) } }

    // MARK: Errors

    /// Queues what `put` puts and sends it in one piece.
    private func commit(_ operation: @autoclosure () -> String, _ put: (OpaquePointer) -> Void) throws(KernelError) {
        put(handle)
        try check(cnl_commit(handle), operation())
    }

    private func check(_ code: Int32, _ operation: @autoclosure () -> String) throws(KernelError) {
        guard code == 0 else {
            throw KernelError(operation(), code: -code, reason: String(cString: cnl_reason(handle)))
        }
    }
}
