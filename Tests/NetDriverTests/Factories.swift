// SPDX-License-Identifier: Apache-2.0

import Addressing
import HostNetwork
import Store
import TestSupport
import Testing

@testable import NetDriver

extension IPAddress {
    static func make(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }
}

extension Prefix {
    static func make(_ text: String) throws -> Prefix { try #require(Prefix(text)) }
}

extension InterfaceName {
    static func make(_ text: String) throws -> InterfaceName { try #require(InterfaceName(text)) }
}

extension NetworkID {
    /// That of `NetworkRequest.make()`.
    static func make(_ text: String = "09dff9c378bc2a0e5bfce0e5") throws -> NetworkID { try #require(NetworkID(text)) }
}

extension EndpointID {
    /// That of `EndpointRequest.make()`.
    static func make(_ text: String = "56e4d91db20dac74f4b1218b") throws -> EndpointID {
        try #require(EndpointID(text))
    }
}

extension PortRequest {
    /// As after `-p`: `8080:80`, `192.0.2.1:8080:80/udp`, `[::1]:8080:80`, `8080-8090:80`, or `80` for any of the host's.
    static func make(_ text: String) throws -> PortRequest {
        var rest = Substring(text)
        var transport = TransportProtocol.tcp
        if let slash = rest.lastIndex(of: "/") {
            transport = try #require([.tcp, .udp, .sctp].first { "\($0)" == rest[rest.index(after: slash)...] })
            rest = rest[..<slash]
        }
        let port = try #require(UInt16(rest.split(separator: ":").last ?? ""))
        guard let colon = rest.lastIndex(of: ":") else {
            return .init(transport: transport, port: port, hostPorts: nil)
        }
        rest = rest[..<colon]
        let numbers = rest.split(separator: ":").last?.split(separator: "-").compactMap { UInt16($0) } ?? []
        let host = rest.lastIndex(of: ":").map { rest[..<$0].filter { $0 != "[" && $0 != "]" } }
        return PortRequest(
            transport: transport, port: port, hostAddress: try host.map { try .make(String($0)) },
            hostPorts: try #require(numbers.first)...(try #require(numbers.last)))
    }
}

extension PublishedPort {
    /// As `PortRequest.make`, with the host's addresses apart: `8080:80` at `0.0.0.0` and `::` unless others are given.
    static func make(_ text: String, at hosts: String...) throws -> PublishedPort {
        let request = try PortRequest.make(text)
        return PublishedPort(
            transport: request.transport, port: request.port,
            hostAddresses: try (hosts.isEmpty ? ["0.0.0.0", "::"] : hosts).map { try .make($0) },
            hostPort: try #require(request.hostPorts?.lowerBound))
    }
}

extension Bench {
    /// Publishes ports of the endpoint of `EndpointRequest.make()`, written as after `-p`, unless told otherwise.
    func publish(
        _ ports: String..., of endpoint: String = "56e4d91db20dac74f4b1218b",
        in network: String = "09dff9c378bc2a0e5bfce0e5", isWithoutIPv6Proxy: Bool = false, by driver: Driver? = nil
    ) async throws {
        try await (driver ?? self.driver).publish(
            try ports.map { try .make($0) }, of: .make(endpoint), in: .make(network),
            isWithoutIPv6Proxy: isWithoutIPv6Proxy)
    }

    /// What was published of an endpoint, as stored, and in memory.
    func published(_ endpoint: String = "56e4d91db20dac74f4b1218b") throws -> [PublishedPort] {
        let id = try EndpointID.make(endpoint)
        return try store.load().endpoints.first { $0.id == id }?.publication?.ports ?? []
    }
}
