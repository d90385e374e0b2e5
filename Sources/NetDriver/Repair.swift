// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork

/// One thing that must be done so that the host has what the store says.
enum Repair: Hashable, Sendable, CustomStringConvertible {
    /// The bridge is gone, or was left half made.
    case addBridge
    /// The port is gone, or was left half made, and its sandbox is alive.
    case addPort
    /// The endpoint has left its sandbox, and the link that was made there is still there.
    case removePort
    /// The link of that index has another name.
    case rename(Int32, from: String)
    case setAlias
    case setMAC(MACAddress)
    case setMTU(UInt32)
    case setUp
    /// The bridge's forwarding, IPv6 and router advertisements.
    case writeSettings
    case addAddress(InterfaceAddress)
    /// The route that comes with an address.
    case addRoute(InterfaceAddress)
    /// The port is in no bridge, or in another one.
    case attach

    /// What kind of thing was put back, as it is counted.
    var kind: String {
        switch self {
        case .addBridge: "bridge"
        case .addPort, .removePort: "port"
        case .rename: "name"
        case .setAlias: "alias"
        case .setMAC: "mac"
        case .setMTU: "mtu"
        case .setUp: "up"
        case .writeSettings: "settings"
        case .addAddress: "address"
        case .addRoute: "route"
        case .attach: "master"
        }
    }

    /// What it was about: `address 10.0.0.1/24`.
    var description: String {
        switch self {
        case .addBridge, .addPort, .setAlias, .setUp, .writeSettings, .attach: kind
        case .removePort: "port, left over"
        case .rename(_, let name): "name, was \(name)"
        case .setMAC(let mac): "mac \(mac)"
        case .setMTU(let mtu): "mtu \(mtu)"
        case .addAddress(let address): "address \(address)"
        case .addRoute(let address): "route \(address.prefix)"
        }
    }
}

extension Repair {
    /// What is wrong while it is not done.
    var problem: String {
        switch self {
        case .addBridge: "the bridge is missing"
        case .addPort: "the port is missing"
        case .removePort: "the port of a sandbox that was left is still there"
        case .rename(_, let name): "the link was renamed to \(name)"
        case .setAlias: "the link has lost plugind's tag"
        case .setMAC(let mac): "the MAC address is not \(mac)"
        case .setMTU(let mtu): "the MTU is not \(mtu)"
        case .setUp: "the link is down"
        case .writeSettings: "forwarding, IPv6 or router advertisements are set otherwise"
        case .addAddress(let address): "address \(address) is missing"
        case .addRoute(let address): "the route to \(address.prefix) is missing"
        case .attach: "the port is not in the network's bridge"
        }
    }
}

extension BridgeSpec {
    /// What the host lacks of this bridge. Throws if a link of somebody else's has its name.
    func repairs(in view: HostView) throws(DriverError) -> [Repair] {
        let named = view.link(named: name)
        guard let link = view.link(tagged: alias, named: name) ?? named.flatMap({ isUntagged($0) ? $0 : nil }) else {
            if let named { throw .nameTaken(name, kind: named.kind) }
            return [.addBridge]
        }
        if let named, named.index != link.index { throw .nameTaken(name, kind: named.kind) }
        if link.isUnfinished { return [.addBridge] }
        var repairs = repairs(of: link)
        // They go with an MTU that is too small for IPv6, and come back as the kernel likes them.
        if !view.hasSettings(of: self) || repairs.contains(.setMTU(mtu)) { repairs.append(.writeSettings) }
        for address in addresses {
            if !view.has(address, on: link) {
                repairs.append(.addAddress(address))
            } else if link.isUp, address.hasRoute, !view.hasRoute(to: address.prefix, over: link) {
                repairs.append(.addRoute(address))
            }
        }
        return repairs
    }

    /// What is wrong with the link itself.
    func repairs(of link: Link) -> [Repair] {
        var repairs: [Repair] = []
        if link.name != name.description { repairs.append(.rename(link.index, from: link.name)) }
        if link.alias != alias { repairs.append(.setAlias) }
        if link.mac != mac { repairs.append(.setMAC(mac)) }
        if link.mtu != mtu { repairs.append(.setMTU(mtu)) }
        if !link.isUp { repairs.append(.setUp) }
        return repairs
    }

    /// A bridge without a tag is ours if it has the MAC address that was stored with the intent to make it.
    func isUntagged(_ link: Link) -> Bool {
        link.alias.isEmpty && link.kind == "bridge" && link.mac == mac
    }
}

/// What the host has of an endpoint.
struct PortSpec: Hashable, Sendable {
    var name: InterfaceName
    var alias: String
    var mtu: UInt32
    /// False for one whose link is made when its sandbox is joined, and goes when that is left.
    var isPresent = true

    /// What the host lacks of this port. One that is gone is put back only into a sandbox that is alive: otherwise it
    /// went with its sandbox, or the next Join puts it back.
    /// Throws if a link of somebody else's has its name.
    func repairs(
        in view: HostView, bridge: Int32?, isSandboxAlive: @autoclosure () -> Bool
    ) throws(DriverError) -> [Repair] {
        guard isPresent else { return view.link(tagged: alias, named: name) == nil ? [] : [.removePort] }
        let named = view.link(named: name)
        guard let link = view.link(tagged: alias, named: name) ?? named.flatMap({ isUntagged($0, bridge) ? $0 : nil })
        else {
            guard isSandboxAlive() else { return [] }
            if let named { throw .nameTaken(name, kind: named.kind) }
            return [.addPort]
        }
        if let named, named.index != link.index { throw .nameTaken(name, kind: named.kind) }
        if link.isUnfinished { return isSandboxAlive() ? [.addPort] : [] }
        return repairs(of: link, bridge: bridge)
    }

    /// What is wrong with the link itself. `bridge` is the index of the right one, nil if that is gone.
    func repairs(of link: Link, bridge: Int32?) -> [Repair] {
        guard isPresent else { return [.removePort] }
        var repairs: [Repair] = []
        if link.name != name.description { repairs.append(.rename(link.index, from: link.name)) }
        if link.alias != alias { repairs.append(.setAlias) }
        if link.mtu != mtu { repairs.append(.setMTU(mtu)) }
        if !link.isUp { repairs.append(.setUp) }
        if let bridge, link.master != bridge { repairs.append(.attach) }
        return repairs
    }

    /// Somebody took its tag away: what is left is its name, its kind and its bridge.
    private func isUntagged(_ link: Link, _ bridge: Int32?) -> Bool {
        link.alias.isEmpty && link.kind == "veth" && link.master != nil && link.master == bridge
    }
}

extension InterfaceAddress {
    /// The kernel makes no route to a prefix of one address.
    fileprivate var hasRoute: Bool { prefixLength < address.family.width }
}
