// SPDX-License-Identifier: Apache-2.0

import Addressing
import CNetlink
import Faults
import Glibc

/// Unique owner of one netlink socket: it cannot be copied, and letting go of it closes the socket.
///
/// Each method is one exchange with the kernel; what belongs together, and what is taken back after a failure, is for
/// `RTNetlink` to know.
struct NetlinkSocket: ~Copyable {
    enum Purpose {
        case requests
        /// In the network namespace of a descriptor.
        case requestsIn(Int32)
        case changes
        case firewallChanges
        case flows
    }

    private let handle: OpaquePointer

    init(for purpose: Purpose) throws(KernelError) {
        var handle: OpaquePointer?
        let code =
            switch purpose {
            case .requests: cnl_open(&handle)
            case .requestsIn(let namespace): cnl_open_in(namespace, &handle)
            case .changes: cnl_open_monitor(&handle)
            case .firewallChanges: cnl_open_firewall_monitor(&handle)
            case .flows: cnl_open_netfilter(&handle)
            }
        guard let handle else { throw KernelError("open a netlink socket", code: -code) }
        self.handle = handle
    }

    deinit {
        cnl_close(handle)
    }

    static func isNamespace(_ path: String) -> Bool { cnl_is_namespace(path) }

    /// Runs something in the network namespace of a descriptor, on this thread.
    static func visit(
        _ namespace: Int32, _ operation: @autoclosure () -> String, _ body: () throws(KernelError) -> Void
    ) throws(KernelError) {
        var own: Int32 = -1
        let code = cnl_enter(namespace, &own)
        guard code == 0 else { throw KernelError(operation(), code: -code) }
        defer { cnl_leave(own) }
        try body()
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

    /// The sandbox end is made in the namespace of a descriptor, if there is one.
    func addVethPair(
        _ pair: VethSpec, bridge: Int32, namespace: Int32 = -1, group: UInt32 = 0
    ) throws(KernelError) {
        try commit("add veth pair \(pair.host), \(pair.sandbox)") {
            cnl_put_veth(
                $0, pair.host.description, nil, bridge, group, pair.sandbox.description, pair.sandboxMAC.bytes,
                namespace,
                pair.mtu)
        }
    }

    func delete(_ name: InterfaceName) throws(KernelError) {
        try commit("delete link \(name)") { cnl_put_delete($0, name.description) }
    }

    func deleteLinks(in group: UInt32) throws(KernelError) {
        try commit("delete the links of group \(group)") { cnl_put_delete_group($0, group) }
    }

    func retire(_ link: Int32, into group: UInt32) throws(KernelError) {
        try commit("take link \(link) out of use") { cnl_put_retire($0, link, group) }
    }

    func setAlias(_ alias: String, of name: InterfaceName) throws(KernelError) {
        try commit("set alias of \(name)") { cnl_put_alias($0, name.description, alias) }
    }

    /// Gives the host end of a pair, once the other end is complete, its tag, and takes it out of the group of those that
    /// are not.
    func finish(_ pair: VethSpec) throws(KernelError) {
        try commit("set alias of \(pair.host)") { handle in
            cnl_put_alias(handle, pair.host.description, pair.alias)
            cnl_put_group(handle, pair.host.description, 0)
        }
    }

    /// Gives a link its addresses, without duplicate address detection, and brings it up.
    func bringUp(
        _ name: InterfaceName, index: Int32, with addresses: [InterfaceAddress]
    ) throws(KernelError) {
        try commit("bring up \(name) with \(addresses.map(\.description).joined(separator: ", "))") { handle in
            for address in addresses { Self.put(address, on: index, handle) }
            cnl_put_up(handle, name.description, true)
        }
    }

    func setHairpin(_ isOn: Bool, of name: InterfaceName) throws(KernelError) {
        try commit("set hairpin of \(name)") { cnl_put_hairpin($0, name.description, isOn) }
    }

    /// `nil` takes the link out of its bridge.
    func setMaster(_ master: Int32?, of name: InterfaceName) throws(KernelError) {
        try commit("set master of \(name)") { cnl_put_master($0, name.description, master ?? 0) }
    }

    func setMTU(_ mtu: UInt32, of name: InterfaceName) throws(KernelError) {
        try commit("set MTU \(mtu) of \(name)") { cnl_put_mtu($0, name.description, mtu) }
    }

    func setMAC(_ mac: MACAddress, of name: InterfaceName) throws(KernelError) {
        try commit("set MAC address \(mac) of \(name)") { cnl_put_mac($0, name.description, mac.bytes) }
    }

    func setName(_ name: InterfaceName, of link: Int32) throws(KernelError) {
        try commit("set name \(name) of link \(link)") { cnl_put_name($0, link, name.description) }
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

    /// The route to the address's prefix.
    func addConnectedRoute(_ address: InterfaceAddress, on link: Int32, name: InterfaceName) throws(KernelError) {
        try commit("add route \(address.prefix) on \(name)") {
            let bytes = address.address.bytes
            cnl_put_connected_route($0, bytes, UInt32(bytes.count), UInt32(address.prefixLength), link)
        }
    }

    func addDefaultRoute(via gateway: IPAddress, on link: Int32, name: InterfaceName) throws(KernelError) {
        try commit("add default route via \(gateway) on \(name)") {
            let (gateway, any) = (gateway.bytes, [UInt8](repeating: 0, count: gateway.bytes.count))
            cnl_put_route($0, any, UInt32(any.count), 0, gateway, link, Route.mainTable)
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
    func nextNotice() throws(KernelError) -> LinkMonitor.Notice? {
        while true {
            var kind = cnl_change.link
            let code = cnl_receive(handle, &kind)
            if code == -EAGAIN { return nil }
            if code == -ENOBUFS { return .init(.overrun) }
            try check(code, "receive changes")
            if let change = change(of: kind) { return .init(change, sender: cnl_sender(handle)) }
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
        case .settings: .settings(link: cnl_changed_settings(handle))
        }
    }

    private var changedAddress: LinkAddress? { cnl_changed_address(handle).flatMap { LinkAddress($0.pointee) } }
    private var changedRoute: Route? { cnl_changed_route(handle).flatMap { Route($0.pointee) } }

    /// The next change of the packet filter that waits to be read, or nil if none does.
    func nextFirewallEvent() throws(KernelError) -> FirewallEvent? {
        var record: UnsafePointer<cnl_firewall_change>?
        let code = cnl_receive_firewall_change(handle, &record)
        if code == -EAGAIN { return nil }
        if code == -ENOBUFS { return FirewallEvent(kind: .overrun, sender: 0) }
        try check(code, "receive changes of the packet filter")
        return record.map { FirewallEvent($0.pointee, sender: cnl_sender(handle)) }
    }

    // MARK: Flows

    /// Deletes the flows of one family and protocol that one of the filters means, and returns how many.
    func deleteFlows(
        _ filters: [FlowFilter], _ transport: TransportProtocol, _ family: AddressFamily
    ) throws(KernelError) -> Int {
        // Of one port the kernel need not tell more; of several it tells of all.
        let ports = filters.map(\.port)
        let onlyPort = ports.allSatisfy { $0.count == 1 && $0 == ports[0] } ? ports[0].lowerBound : 0
        let code = cnl_dump_flows(handle, UInt32(family.width / 8), transport.rawValue, onlyPort)
        // So says a kernel that tracks no flows.
        if [-EINVAL, -EOPNOTSUPP, -ENOENT].contains(code) { return 0 }
        try check(code, "list flows")

        var count = 0
        while let record = cnl_next_flow(handle) {
            let flow = record.pointee
            let destination = UnsafeBufferPointer(start: flow.destination, count: Int(flow.length))
            guard flow.protocol == transport.rawValue, let destination = IPAddress(bytes: Array(destination)),
                filters.contains(where: {
                    $0.port.contains(flow.destination_port) && $0.destinations.contains(destination)
                })
            else { continue }
            // One by one: of several the kernel's answers are not all told. It takes some microseconds.
            cnl_put_delete_flow(handle)
            let code = cnl_commit(handle)
            if code == -ENOENT { continue }
            try check(code, "delete a flow to \(destination)")
            count += 1
        }
        return count
    }

    // MARK: Errors

    /// Queues what `put` puts and sends it in one piece.
    private func commit(
        _ operation: @autoclosure () -> String, caller: StaticString = #function, _ put: (OpaquePointer) -> Void
    ) throws(KernelError) {
        try FaultPoint.around("netlink: \(caller)", failure: { KernelError(operation(), code: $0) }) {
            () throws(KernelError) in
            put(handle)
            try check(cnl_commit(handle), operation())
        }
    }

    private func check(_ code: Int32, _ operation: @autoclosure () -> String) throws(KernelError) {
        guard code == 0 else {
            throw KernelError(operation(), code: -code, reason: String(cString: cnl_reason(handle)))
        }
    }
}
