// SPDX-License-Identifier: Apache-2.0

public import Addressing

/// The kernel's network configuration in the daemon's namespace: what plugind asks of it, and no more.
///
/// Every call is all or nothing: it deletes what it made before it throws. Deleting what is gone succeeds.
/// Calls block for as long as the kernel takes (see each), so an actor that calls them runs on a thread of its own.
public protocol Kernel: Sendable {
    /// Makes a bridge with its addresses, tags it and brings it up. STP is off, the MAC address is fixed.
    /// Throws EEXIST if the name is taken; a bridge of that name and MAC address that was left half made is replaced.
    ///
    /// Equivalent to `ip link add NAME mtu MTU address MAC type bridge stp_state 0`, `ip link set NAME alias …`,
    /// `ip address add … nodad`, `ip link set NAME up`.
    func addBridge(_ bridge: BridgeSpec) throws(KernelError)

    /// Makes a veth pair, its host end up and in the bridge, in one request. Throws EEXIST if a name is taken.
    ///
    /// Equivalent to `ip link add HOST mtu MTU master BRIDGE up type veth peer name SANDBOX mtu MTU address MAC`
    /// and `ip link set HOST alias …`. Takes about 0.4 ms.
    func addVethPair(_ pair: VethSpec) throws(KernelError)

    /// Makes a veth pair whose sandbox end is in the sandbox already, as the engine would leave it there: under its name,
    /// with its settings and addresses, up, and announced to its neighbours; and with the default routes that were asked
    /// for and that the sandbox has not. Returns the name. A pair that was left half made is replaced.
    ///
    /// Throws EEXIST if the name is taken. Equivalent to `ip link add HOST mtu MTU master BRIDGE up type veth peer name
    /// NAME netns …` and, in the sandbox, `sysctl …`, `ip address add … nodad`, `ip link set NAME up`, `arping -U`,
    /// `ip route add default via GATEWAY`. Takes about 0.5 ms, and no grace period as moving a link does.
    @discardableResult
    func addVethPair(_ pair: VethSpec, into sandbox: SandboxSpec) throws(KernelError) -> InterfaceName

    /// Whether a network namespace is at that path, such as `/var/run/docker/netns/1f2e…`.
    func isNamespace(_ path: String) -> Bool

    /// Whether the bridge's own settings are as `addBridge` makes them: forwarding, IPv6, router advertisements. False if
    /// there is no such link.
    func hasSettings(of bridge: BridgeSpec) -> Bool

    /// Makes them so again. They change with `ip_forward`, and the kernel drops those of IPv6 when the MTU is too small
    /// for it.
    func writeSettings(of bridge: BridgeSpec) throws(KernelError)

    /// The link of that name, or nil.
    func link(named name: InterfaceName) throws(KernelError) -> Link?

    /// Deletes a link, and with it its peer, its addresses and its routes.
    ///
    /// Equivalent to `ip link delete NAME`. Blocks for an RCU grace period, about 16 ms.
    func deleteLink(_ name: InterfaceName) throws(KernelError)

    /// Takes a link out of use at once: down, out of its bridge, and in the group with which it is deleted later. One that
    /// is gone is success. Equivalent to `ip link set dev LINK down nomaster group GROUP`. Takes 0.3 ms.
    func retire(_ link: Int32, into group: UInt32) throws(KernelError)

    /// Deletes the links of a group together. That there is none is success. Equivalent to `ip link delete group GROUP`.
    /// Blocks for one RCU grace period, about 16 ms, however many there are.
    func deleteLinks(in group: UInt32) throws(KernelError)

    /// Puts a link into a bridge. Equivalent to `ip link set NAME master BRIDGE up`.
    func attach(_ name: InterfaceName, to bridge: InterfaceName) throws(KernelError)

    func setAlias(_ alias: String, of name: InterfaceName) throws(KernelError)
    func setMAC(_ mac: MACAddress, of name: InterfaceName) throws(KernelError)
    func setMTU(_ mtu: UInt32, of name: InterfaceName) throws(KernelError)
    func setUp(_ isUp: Bool, of name: InterfaceName) throws(KernelError)
    /// Renames the link of that index, and brings it down and up for that where the kernel wants it (before 6.2).
    func setName(_ name: InterfaceName, of link: Int32) throws(KernelError)

    /// Adds an address without duplicate address detection; one that is there already is success.
    /// Equivalent to `ip address replace ADDRESS dev NAME nodad`.
    func addAddress(_ address: InterfaceAddress, to name: InterfaceName) throws(KernelError)
    func deleteAddress(_ address: InterfaceAddress, from name: InterfaceName) throws(KernelError)

    /// Puts back the route that the kernel makes with an address; one that is there already is success.
    /// Equivalent to `ip route add PREFIX dev NAME proto kernel scope link src ADDRESS`.
    func addConnectedRoute(of address: InterfaceAddress, on name: InterfaceName) throws(KernelError)

    /// Every link of the namespace.
    func links() throws(KernelError) -> [Link]
    /// Every address of the namespace.
    func addresses() throws(KernelError) -> [LinkAddress]
    /// Every unicast route of every table, both families.
    func routes() throws(KernelError) -> [Route]

    /// Whether the host is a router for that family. A kernel without IPv6 is none for it.
    func isForwarding(_ family: AddressFamily) throws(KernelError) -> Bool

    /// Makes the host a router for that family, on every link; where it is one already, nothing changes.
    ///
    /// For IPv6, links that listen to router advertisements go on doing so: the kernel would drop the host's default route
    /// otherwise. Equivalent to `sysctl net.ipv4.ip_forward=1`; for IPv6 to `sysctl net.ipv6.conf.LINK.accept_ra=2` for
    /// each such link, and `sysctl net.ipv6.conf.all.forwarding=1`.
    func enableForwarding(_ family: AddressFamily) throws(KernelError)

    /// Deletes what the kernel remembers of flows, by what their first packet said: so the next packet of each goes by the
    /// rules that are there now. Returns how many there were; none where the kernel tracks no flows. Takes some 10 ms
    /// for each family (with 262,144 buckets), however many addresses and ports there are.
    ///
    /// Equivalent to `conntrack -D --proto PROTOCOL --orig-dst ADDRESS --orig-port-dst PORT`, for each.
    @discardableResult
    func forgetFlows(_ flows: [FlowFilter]) throws(KernelError) -> Int

    /// Writes a sysctl, such as `net/ipv6/conf/br0/accept_ra`. A missing one throws ENOENT.
    func writeSysctl(_ path: String, _ value: String) throws(KernelError)
}

/// A bridge to be made.
public struct BridgeSpec: Hashable, Sendable {
    public var name: InterfaceName
    public var mac: MACAddress
    /// Bytes, 68 to 65535.
    public var mtu: UInt32
    /// How the link is recognised as plugind's: `plugind:network:<id>`. At most 255 bytes.
    public var alias: String
    public var addresses: [InterfaceAddress]
    /// Off: the bridge takes part in no IPv6 at all, so that the host learns nothing from a network without it.
    public var isIPv6Enabled: Bool
    /// Whether what comes out of the bridge may be routed on. It is the bridge's own setting: whether the host is a
    /// router, and for which of its links, stays the host's.
    public var isForwarding: Bool
    /// Whether the host may speak to containers from 127.0.0.1 (route_localnet). The packet filter then has to keep what
    /// comes out of the bridge off the host's loopback addresses.
    public var isReachedFromLoopback: Bool

    public init(
        name: InterfaceName, mac: MACAddress, mtu: UInt32, alias: String, addresses: [InterfaceAddress],
        isIPv6Enabled: Bool, isForwarding: Bool, isReachedFromLoopback: Bool = false
    ) {
        self.name = name
        self.mac = mac
        self.mtu = mtu
        self.alias = alias
        self.addresses = addresses
        self.isIPv6Enabled = isIPv6Enabled
        self.isForwarding = isForwarding
        self.isReachedFromLoopback = isReachedFromLoopback
    }
}

/// A veth pair to be made: `host` stays and is a port of `bridge`, `sandbox` is for the engine to move.
public struct VethSpec: Hashable, Sendable {
    public var host: InterfaceName
    public var sandbox: InterfaceName
    public var bridge: InterfaceName
    /// The sandbox end's address. The host end gets one that the kernel makes.
    public var sandboxMAC: MACAddress
    public var mtu: UInt32
    /// On the host end: `plugind:endpoint:<id>`.
    public var alias: String

    public init(
        host: InterfaceName, sandbox: InterfaceName, bridge: InterfaceName, sandboxMAC: MACAddress, mtu: UInt32,
        alias: String
    ) {
        self.host = host
        self.sandbox = sandbox
        self.bridge = bridge
        self.sandboxMAC = sandboxMAC
        self.mtu = mtu
        self.alias = alias
    }
}

/// What the end of a pair that is made in a sandbox gets there.
public struct SandboxSpec: Hashable, Sendable {
    /// Of the sandbox's network namespace.
    public var path: String
    public var name: Name
    public var addresses: [InterfaceAddress]
    /// Of default routes for families that have none in the sandbox.
    public var gateways: [IPAddress]
    /// Written before the link is up.
    public var settings: [LinkSetting]

    /// What the link is called.
    public enum Name: Hashable, Sendable {
        /// This and the first free number.
        case numbered(prefix: String)
        case exactly(InterfaceName)
    }

    public init(
        path: String, name: Name, addresses: [InterfaceAddress], gateways: [IPAddress] = [],
        settings: [LinkSetting] = []
    ) {
        self.path = path
        self.name = name
        self.addresses = addresses
        self.gateways = gateways
        self.settings = settings
    }
}

/// Which flows to forget, by the original direction: before any translation.
public struct FlowFilter: Hashable, Sendable {
    public var transport: TransportProtocol
    public var destinations: Set<IPAddress>
    public var port: ClosedRange<UInt16>

    public init(transport: TransportProtocol, destinations: Set<IPAddress>, port: ClosedRange<UInt16>) {
        self.transport = transport
        self.destinations = destinations
        self.port = port
    }
}

/// A link as the kernel reports it.
public struct Link: Hashable, Sendable {
    public var index: Int32
    /// As the kernel has it; the kernel allows bytes that `InterfaceName` refuses.
    public var name: String
    /// The driver, such as `bridge`, `veth`, or "" where the kernel names none.
    public var kind: String
    public var mac: MACAddress?
    public var mtu: UInt32
    public var isUp: Bool
    /// Index of the bridge that the link is a port of.
    public var master: Int32?
    /// Index of the other end, in its namespace.
    public var peer: Int32?
    /// The kernel's id of the namespace of the other end (IFLA_LINK_NETNSID), nil if it is this one.
    public var peerNamespace: Int32?
    public var alias: String
    public var group: UInt32

    /// The group of a port from when it is made until the sandbox's end of it is complete. Unlike the tag, the kernel takes
    /// a group when it makes a link, so there is no moment at which a half-made one looks finished. ASCII for `plug`.
    public static let unfinishedGroup: UInt32 = 0x706c_7567

    /// True for a port as above, and for a bridge that is neither tagged nor up: it gets both last, after its sysctls.
    public var isUnfinished: Bool {
        group == Self.unfinishedGroup || kind == "bridge" && alias.isEmpty && !isUp
    }

    public init(
        index: Int32, name: String, kind: String = "", mac: MACAddress? = nil, mtu: UInt32 = 1500, isUp: Bool = false,
        master: Int32? = nil, peer: Int32? = nil, peerNamespace: Int32? = nil, alias: String = "", group: UInt32 = 0
    ) {
        self.index = index
        self.name = name
        self.kind = kind
        self.mac = mac
        self.mtu = mtu
        self.isUp = isUp
        self.master = master
        self.peer = peer
        self.peerNamespace = peerNamespace
        self.alias = alias
        self.group = group
    }
}

/// An address on a link.
public struct LinkAddress: Hashable, Sendable {
    public var link: Int32
    public var address: InterfaceAddress

    public init(link: Int32, address: InterfaceAddress) {
        self.link = link
        self.address = address
    }
}

/// A unicast route.
public struct Route: Hashable, Sendable {
    /// `0.0.0.0/0` or `::/0` for the default route.
    public var destination: Prefix
    public var gateway: IPAddress?
    /// Index of the outgoing link, where there is just one.
    public var link: Int32?
    public var table: UInt32

    /// RT_TABLE_MAIN.
    public static let mainTable: UInt32 = 254

    public init(destination: Prefix, gateway: IPAddress? = nil, link: Int32? = nil, table: UInt32 = mainTable) {
        self.destination = destination
        self.gateway = gateway
        self.link = link
        self.table = table
    }
}
