// SPDX-License-Identifier: Apache-2.0

public import Addressing

/// The kernel's network configuration in the daemon's namespace: what plugind asks of it, and no more.
///
/// Every call is all or nothing: it deletes what it made before it throws. Deleting what is gone succeeds.
/// Calls block for as long as the kernel takes (see each), so an actor that calls them runs on a thread of its own.
public protocol Kernel: Sendable {
    /// Makes a bridge with its addresses, tags it and brings it up. STP is off, the MAC address is fixed.
    /// Throws EEXIST if the name is taken.
    ///
    /// Equivalent to `ip link add NAME mtu MTU address MAC type bridge stp_state 0`, `ip link set NAME alias …`,
    /// `ip address add … nodad`, `ip link set NAME up`.
    func addBridge(_ bridge: BridgeSpec) throws(KernelError)

    /// Makes a veth pair, its host end up and in the bridge, in one request. Throws EEXIST if a name is taken.
    ///
    /// Equivalent to `ip link add HOST mtu MTU master BRIDGE up type veth peer name SANDBOX mtu MTU address MAC`
    /// and `ip link set HOST alias …`. Takes about 0.4 ms.
    func addVethPair(_ pair: VethSpec) throws(KernelError)

    /// The link of that name, or nil.
    func link(named name: InterfaceName) throws(KernelError) -> Link?

    /// Deletes a link, and with it its peer, its addresses and its routes.
    ///
    /// Equivalent to `ip link delete NAME`. Blocks for an RCU grace period, about 16 ms.
    func deleteLink(_ name: InterfaceName) throws(KernelError)

    /// Puts a link into a bridge. Equivalent to `ip link set NAME master BRIDGE up`.
    func attach(_ name: InterfaceName, to bridge: InterfaceName) throws(KernelError)

    func setMTU(_ mtu: UInt32, of name: InterfaceName) throws(KernelError)
    func setUp(_ isUp: Bool, of name: InterfaceName) throws(KernelError)

    /// Adds an address without duplicate address detection; one that is there already is success.
    /// Equivalent to `ip address replace ADDRESS dev NAME nodad`.
    func addAddress(_ address: InterfaceAddress, to name: InterfaceName) throws(KernelError)
    func deleteAddress(_ address: InterfaceAddress, from name: InterfaceName) throws(KernelError)

    /// Every link of the namespace.
    func links() throws(KernelError) -> [Link]
    /// Every address of the namespace.
    func addresses() throws(KernelError) -> [LinkAddress]
    /// Every unicast route of every table, both families.
    func routes() throws(KernelError) -> [Route]

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

    public init(
        name: InterfaceName, mac: MACAddress, mtu: UInt32, alias: String, addresses: [InterfaceAddress],
        isIPv6Enabled: Bool, isForwarding: Bool
    ) {
        self.name = name
        self.mac = mac
        self.mtu = mtu
        self.alias = alias
        self.addresses = addresses
        self.isIPv6Enabled = isIPv6Enabled
        self.isForwarding = isForwarding
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
    /// 254 is main, 255 is local.
    public var table: UInt32

    public init(destination: Prefix, gateway: IPAddress? = nil, link: Int32? = nil, table: UInt32 = 254) {
        self.destination = destination
        self.gateway = gateway
        self.link = link
        self.table = table
    }
}
