// SPDX-License-Identifier: Apache-2.0

public import Addressing
public import PluginKit

/// A port that a container listens on.
public struct TransportPort: Codable, Hashable, Sendable {
    public var transport: TransportProtocol
    public var port: UInt16

    public init(transport: TransportProtocol, port: UInt16) {
        self.transport = transport
        self.port = port
    }

    enum CodingKeys: String, CodingKey {
        case transport = "Proto"
        case port = "Port"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        transport = try container.decodeTransport(forKey: .transport)
        port = try container.decodeNumber(UInt16.self, forKey: .port)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(transport.rawValue, forKey: .transport)
        try container.encode(port, forKey: .port)
    }
}

/// A port of a container that is to be reached through the host.
public struct PortBinding: Codable, Hashable, Sendable {
    public var transport: TransportProtocol
    /// The container's address: the engine leaves it empty.
    @NoneIfEmpty public var address: IPAddress?
    /// The container's port.
    public var port: UInt16
    /// Nil for all addresses of the host, IPv4 and IPv6.
    @NoneIfEmpty public var hostAddress: IPAddress?
    /// Zero to choose a free one; else one of this and those up to `lastHostPort`.
    public var hostPort: UInt16
    public var lastHostPort: UInt16

    public init(
        transport: TransportProtocol, address: IPAddress? = nil, port: UInt16, hostAddress: IPAddress? = nil,
        hostPort: UInt16, lastHostPort: UInt16
    ) {
        self.transport = transport
        self.address = address
        self.port = port
        self.hostAddress = hostAddress
        self.hostPort = hostPort
        self.lastHostPort = lastHostPort
    }

    enum CodingKeys: String, CodingKey {
        case transport = "Proto"
        case address = "IP"
        case port = "Port"
        case hostAddress = "HostIP"
        case hostPort = "HostPort"
        case lastHostPort = "HostPortEnd"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        transport = try container.decodeTransport(forKey: .transport)
        _address = try container.decode(NoneIfEmpty<IPAddress>.self, forKey: .address)
        port = try container.decodeNumber(UInt16.self, forKey: .port)
        _hostAddress = try container.decode(NoneIfEmpty<IPAddress>.self, forKey: .hostAddress)
        hostPort = try container.decodeNumber(UInt16.self, forKey: .hostPort)
        lastHostPort = try container.decodeNumber(UInt16.self, forKey: .lastHostPort)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(transport.rawValue, forKey: .transport)
        try container.encode(_address, forKey: .address)
        try container.encode(port, forKey: .port)
        try container.encode(_hostAddress, forKey: .hostAddress)
        try container.encode(hostPort, forKey: .hostPort)
        try container.encode(lastHostPort, forKey: .lastHostPort)
    }
}

extension KeyedDecodingContainer {
    fileprivate func decodeTransport(forKey key: Key) throws -> TransportProtocol {
        let number = try decodeNumber(UInt8.self, forKey: key)
        guard let transport = TransportProtocol(rawValue: number) else {
            throw DecodingError.dataCorruptedError(
                forKey: key, in: self,
                debugDescription: "expected 6 (TCP), 17 (UDP), 132 (SCTP) or 1 (ICMP), found \(number)")
        }
        return transport
    }
}
