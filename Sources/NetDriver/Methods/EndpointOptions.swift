// SPDX-License-Identifier: Apache-2.0

public import Addressing
import FoundationEssentials
public import PluginKit

/// What the engine and the user ask of an endpoint: in CreateEndpoint, Join and ProgramExternalConnectivity.
public struct EndpointOptions: Codable, Hashable, Sendable, EmptyInitializable {
    /// Nil where the engine does not say, which is not the same as none.
    public var portBindings: [PortBinding]?
    /// In no order that could be relied on.
    public var exposedPorts: [TransportPort]?
    /// The one the user chose; base64 on the wire.
    public var macAddress: MACAddress?
    public var dnsServers: [String]?
    /// True if another endpoint serves IPv6: then ports are not to be published on the host's IPv6 addresses.
    public var isWithoutIPv6Proxy: Bool?
    /// The user's `--driver-opt name=value` for this endpoint, and what else the request has.
    public var others: [String: JSONValue]

    public init() {
        self.init(portBindings: nil)
    }

    public init(
        portBindings: [PortBinding]?, exposedPorts: [TransportPort]? = nil, macAddress: MACAddress? = nil,
        dnsServers: [String]? = nil, isWithoutIPv6Proxy: Bool? = nil, others: [String: JSONValue] = [:]
    ) {
        self.portBindings = portBindings
        self.exposedPorts = exposedPorts
        self.macAddress = macAddress
        self.dnsServers = dnsServers
        self.isWithoutIPv6Proxy = isWithoutIPv6Proxy
        self.others = others
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case portBindings = "com.docker.network.portmap"
        case exposedPorts = "com.docker.network.endpoint.exposedports"
        case macAddress = "com.docker.network.endpoint.macaddress"
        case dnsServers = "com.docker.network.endpoint.dnsservers"
        case isWithoutIPv6Proxy = "com.docker.network.driver.private.no_proxy_6to4"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: MemberKey<CodingKeys>.self)
        portBindings = try container.decodeIfPresent([PortBinding].self, forKey: .known(.portBindings))
        exposedPorts = try container.decodeIfPresent([TransportPort].self, forKey: .known(.exposedPorts))
        dnsServers = try container.decodeIfPresent([String].self, forKey: .known(.dnsServers))
        isWithoutIPv6Proxy = try container.decodeIfPresent(Bool.self, forKey: .known(.isWithoutIPv6Proxy))
        if let text = try container.decodeIfPresent(String.self, forKey: .known(.macAddress)), !text.isEmpty {
            guard let mac = Data(base64Encoded: text).flatMap({ MACAddress(bytes: Array($0)) }) else {
                throw DecodingError.dataCorruptedError(
                    forKey: .known(.macAddress), in: container,
                    debugDescription: "‘\(text)’ is not a MAC address in base64")
            }
            macAddress = mac
        }
        others = try container.decodeOthers()
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(portBindings, forKey: .portBindings)
        try container.encodeIfPresent(exposedPorts, forKey: .exposedPorts)
        try container.encodeIfPresent(macAddress.map { Data($0.bytes).base64EncodedString() }, forKey: .macAddress)
        try container.encodeIfPresent(dnsServers, forKey: .dnsServers)
        try container.encodeIfPresent(isWithoutIPv6Proxy, forKey: .isWithoutIPv6Proxy)
        try others.encode(to: encoder)
    }
}
