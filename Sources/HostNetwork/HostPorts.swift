// SPDX-License-Identifier: Apache-2.0

public import Addressing

/// The host's ports: held by bound sockets for as long as they are published, so that nobody else gets them.
public protocol HostPorts: Sendable {
    /// Takes one port number at every address of `hold`, all or none, and returns the number. Of several it is the first
    /// that is free at all of them. Where the hold says so, what arrives at the socket itself is forwarded.
    ///
    /// Throws EADDRINUSE if somebody else has the port, EADDRNOTAVAIL if an address is none of this host's.
    func take(_ hold: PortHold) throws(HostPortError) -> UInt16

    /// Lets go of a port at these addresses, and ends what is being forwarded there. One that is not held is success.
    func release(_ port: UInt16, _ transport: TransportProtocol, at addresses: [IPAddress])
}

/// A port that is to be taken.
public struct PortHold: Hashable, Sendable {
    public var transport: TransportProtocol
    /// The host's addresses; `0.0.0.0` and `::` stand for all of a family. Never both an address and all of its family.
    public var addresses: [IPAddress]
    /// The numbers to choose from; nil leaves it to the kernel, which chooses from its ephemeral range.
    public var ports: ClosedRange<UInt16>?
    /// Where what arrives at the sockets of an address goes, without which nothing is accepted there.
    public var forwarding: [IPAddress: PortTarget]

    public init(
        transport: TransportProtocol, addresses: [IPAddress], ports: ClosedRange<UInt16>?,
        forwarding: [IPAddress: PortTarget] = [:]
    ) {
        self.transport = transport
        self.addresses = addresses
        self.ports = ports
        self.forwarding = forwarding
    }
}

/// Where a connection to a held port goes.
public struct PortTarget: Hashable, Sendable {
    /// The container's.
    public var address: IPAddress
    public var port: UInt16
    /// Only clients in these get through, besides the host itself (loopback addresses); nil lets everybody in.
    public var clients: [Prefix]?

    public init(address: IPAddress, port: UInt16, clients: [Prefix]? = nil) {
        self.address = address
        self.port = port
        self.clients = clients
    }
}

/// A port that cannot be taken, and why.
public struct HostPortError: Error, Hashable, Sendable, CustomStringConvertible {
    public let transport: TransportProtocol
    public let address: IPAddress
    /// Nil if none of the numbers was free.
    public let port: UInt16?
    /// A positive errno. Code decides by this, never by text.
    public let code: Int32
    /// The errno's sentence, or a better one.
    public let reason: String

    public init(_ transport: TransportProtocol, _ address: IPAddress, port: UInt16?, code: Int32, reason: String) {
        self.transport = transport
        self.address = address
        self.port = port
        self.code = code
        self.reason = reason
    }

    public var description: String {
        let host = address.family == .v6 ? "[\(address)]" : "\(address)"
        return "cannot publish \(transport) port \(host):\(port.map { "\($0)" } ?? "any"): \(reason)"
    }
}
