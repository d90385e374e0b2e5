// SPDX-License-Identifier: Apache-2.0

public import Addressing
public import PluginKit

/// A sandbox's place in a network is to be made. After an error no DeleteEndpoint follows.
public struct CreateEndpoint: PluginMethod, Codable, Hashable {
    public static let name = "NetworkDriver.CreateEndpoint"

    public var networkID: NetworkID
    public var endpointID: EndpointID
    /// What IPAM gave, and the MAC address if the user or IPAM chose one.
    @EmptyIfNull public var interface: EndpointInterface
    @EmptyIfNull public var options: EndpointOptions

    public init(
        networkID: NetworkID, endpointID: EndpointID, interface: EndpointInterface = EndpointInterface(),
        options: EndpointOptions = EndpointOptions()
    ) {
        self.networkID = networkID
        self.endpointID = endpointID
        self.interface = interface
        self.options = options
    }

    enum CodingKeys: String, CodingKey {
        case networkID = "NetworkID"
        case endpointID = "EndpointID"
        case interface = "Interface"
        case options = "Options"
    }

    public struct Reply: Codable, Hashable, Sendable {
        /// Only what the request left empty: an answer to anything else fails, even one that repeats it.
        @EmptyIfNull public var interface: EndpointInterface

        public init(interface: EndpointInterface = EndpointInterface()) {
            self.interface = interface
        }

        enum CodingKeys: String, CodingKey {
            case interface = "Interface"
        }
    }
}

/// The addresses of an endpoint.
public struct EndpointInterface: Codable, Hashable, Sendable, EmptyInitializable {
    @NoneIfEmpty public var address: InterfaceAddress?
    @NoneIfEmpty public var addressIPv6: InterfaceAddress?
    @NoneIfEmpty public var macAddress: MACAddress?

    public init() {
        self.init(address: nil)
    }

    public init(address: InterfaceAddress?, addressIPv6: InterfaceAddress? = nil, macAddress: MACAddress? = nil) {
        self.address = address
        self.addressIPv6 = addressIPv6
        self.macAddress = macAddress
    }

    enum CodingKeys: String, CodingKey {
        case address = "Address"
        case addressIPv6 = "AddressIPv6"
        case macAddress = "MacAddress"
    }
}

/// An endpoint is gone for the engine, whatever the answer. May name one that was never made.
public struct DeleteEndpoint: PluginMethod, Codable, Hashable {
    public static let name = "NetworkDriver.DeleteEndpoint"

    public var networkID: NetworkID
    public var endpointID: EndpointID

    public init(networkID: NetworkID, endpointID: EndpointID) {
        self.networkID = networkID
        self.endpointID = endpointID
    }

    enum CodingKeys: String, CodingKey {
        case networkID = "NetworkID"
        case endpointID = "EndpointID"
    }

    public typealias Reply = EmptyReply
}

/// What the driver has to say about an endpoint. Up to 28.0 a failure here fails the container's start.
public struct EndpointOperInfo: PluginMethod, Codable, Hashable {
    public static let name = "NetworkDriver.EndpointOperInfo"

    public var networkID: NetworkID
    public var endpointID: EndpointID

    public init(networkID: NetworkID, endpointID: EndpointID) {
        self.networkID = networkID
        self.endpointID = endpointID
    }

    enum CodingKeys: String, CodingKey {
        case networkID = "NetworkID"
        case endpointID = "EndpointID"
    }

    public struct Reply: Codable, Hashable, Sendable {
        /// The engine shows nothing of it.
        @EmptyIfNull public var value: [String: JSONValue]

        public init(value: [String: JSONValue] = [:]) {
            self.value = value
        }

        enum CodingKeys: String, CodingKey {
            case value = "Value"
        }
    }
}
