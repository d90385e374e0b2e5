// SPDX-License-Identifier: Apache-2.0

public import Addressing

/// Why the driver refuses, in words for the person who typed `docker`.
public enum DriverError: Error, Hashable, Sendable, CustomStringConvertible {
    case unknownNetwork(NetworkID)
    case unknownEndpoint(EndpointID)
    case networkDiffers(NetworkID)
    case networkInUse(NetworkID, endpoints: Int)
    case networkBusy(NetworkID)
    case endpointDiffers(EndpointID)
    case unknownOption(String, known: [String])
    case invalidOption(String, value: String, reason: String)
    case unservedOption(String, value: String)
    case bridgeOfNetwork(InterfaceName, NetworkID)
    case nameTaken(InterfaceName, kind: String)
    case overlap(Prefix, other: Prefix, NetworkID)
    case gatewayOnLink(IPAddress, link: String)
    case gatewayOutside(IPAddress, Prefix)
    case bridgeFull(InterfaceName)
    case invalidMAC(MACAddress)
    case addressOutside(IPAddress, NetworkID)
    case addressIsGateway(IPAddress, NetworkID)
    case invalidPort(String)
    case portPublished(TransportProtocol, UInt16, endpoint: EndpointID, network: NetworkID)
    case unreachableHostAddress(IPAddress, EndpointID)

    /// True for a request that can never succeed as it is; false for one that is refused because of what there is.
    public var isBadRequest: Bool {
        switch self {
        case .unknownOption, .invalidOption, .unservedOption, .gatewayOutside, .invalidMAC, .addressOutside,
            .addressIsGateway, .invalidPort, .unreachableHostAddress:
            true
        default: false
        }
    }

    public var description: String {
        switch self {
        case .unknownNetwork(let id):
            "network \(id.short) is not known to plugind"
        case .unknownEndpoint(let id):
            "endpoint \(id.short) is not known to plugind"
        case .networkDiffers(let id):
            "network \(id.short) exists already with other settings"
        case .networkInUse(let id, let endpoints):
            "network \(id.short) has \(endpoints) active endpoint\(endpoints == 1 ? "" : "s")"
        case .networkBusy(let id):
            "network \(id.short) is being made or deleted"
        case .endpointDiffers(let id):
            "endpoint \(id.short) exists already with other settings, or is being deleted"
        case .unknownOption(let key, let known):
            known.isEmpty
                ? "unknown option \(key)"
                : "unknown option \(key); known are: \(known.joined(separator: ", "))"
        case .invalidOption(let key, let value, let reason):
            "option \(key)=\(value): \(reason)"
        case .unservedOption(let key, let value):
            "option \(key)=\(value) is not served by this version of plugind"
        case .bridgeOfNetwork(let bridge, let id):
            "bridge \(bridge) belongs to network \(id.short)"
        case .nameTaken(let name, let kind):
            "a \(kind.isEmpty ? "" : kind + " ")link called \(name) exists already on this host"
        case .overlap(let prefix, let other, let id):
            "\(prefix) overlaps \(other) of network \(id.short)"
        case .gatewayOnLink(let address, let link):
            "gateway \(address) is an address of this host already, on link \(link)"
        case .gatewayOutside(let address, let pool):
            "gateway \(address) is not in the network's pool \(pool)"
        case .bridgeFull(let bridge):
            "bridge \(bridge) has no free port: the kernel allows 1023"
        case .invalidMAC(let mac):
            "\(mac) cannot be a link's address: it is a group address or all zero"
        case .addressOutside(let address, let id):
            "address \(address) is in no subnet of network \(id.short)"
        case .addressIsGateway(let address, let id):
            "address \(address) is the gateway of network \(id.short)"
        case .invalidPort(let reason):
            "cannot publish \(reason)"
        case .portPublished(let transport, let port, let endpoint, let network):
            "cannot publish \(transport) port \(port): it is published for endpoint \(endpoint.short) of network "
                + network.short
        case .unreachableHostAddress(let address, let endpoint):
            "cannot publish at \(address): endpoint \(endpoint.short) has no address to which it could lead"
        }
    }
}
