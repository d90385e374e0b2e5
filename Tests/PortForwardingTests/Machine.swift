// SPDX-License-Identifier: Apache-2.0

import Addressing
import Foundation
import HostNetwork
import Logging
import Testing

@testable import PortForwarding

extension IPAddress {
    static let loopback4 = IPAddress(v4: 0x7f00_0001)
    /// All of 127.0.0.0/8 is this machine's.
    static let other4 = IPAddress(v4: 0x7f00_0002)
    static let all4 = IPAddress(v4: 0)
    static let loopback6 = IPAddress(v6: 1)
    static let all6 = IPAddress(v6: 0)
}

/// What the machine that tests has.
enum Machine {
    static let hasSocketFilters = (try? BoundSocket(.tcp, .loopback4, port: 0)) != nil
    static let hasIPv6 = (try? Peer(.udp, at: .loopback6)) != nil

    /// An IPv4 address of this machine that is no loopback address.
    static let outerAddress: IPAddress? = {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return nil }
        defer { freeifaddrs(list) }
        return sequence(first: list, next: { $0?.pointee.ifa_next }).lazy
            .compactMap { $0?.pointee.ifa_addr }
            .compactMap { SocketName(UnsafeRawBufferPointer(start: $0, count: 16))?.address }
            .first { !$0.isLoopback && (try? Peer(.udp, at: $0)) != nil }
    }()
}

extension Trait where Self == ConditionTrait {
    static var needsSocketFilters: Self {
        .enabled(if: Machine.hasSocketFilters, "this kernel lets only CAP_NET_ADMIN attach a filter to a TCP socket")
    }
    static var needsIPv6: Self { .enabled(if: Machine.hasIPv6, "this machine has no ::1") }
    static var needsOuterAddress: Self {
        .enabled(if: Machine.outerAddress != nil, "this machine has no IPv4 address but loopback ones")
    }
}

extension HeldPorts {
    static func make(idleTime: Duration = .seconds(90), budget: DescriptorBudget = .init(512)) -> HeldPorts {
        HeldPorts(logger: Logger(label: "test"), idleTime: idleTime, budget: budget)
    }

    /// Takes one port number, or one of the kernel's choice.
    func take(_ transport: TransportProtocol, at addresses: IPAddress..., port: UInt16? = nil) throws -> UInt16 {
        try take(PortHold(transport: transport, addresses: addresses, ports: port.map { $0...$0 }))
    }

    /// Takes a port of the kernel's choice at an address, and forwards it to a container.
    func forward(
        _ transport: TransportProtocol, at address: IPAddress, to container: Peer, clients: [Prefix]? = nil
    ) throws -> UInt16 {
        let target = PortTarget(address: .loopback4, port: container.port, clients: clients)
        return try take(
            PortHold(transport: transport, addresses: [address], ports: nil, forwarding: [address: target]))
    }
}

/// The errno that keeps somebody else from a port; nil if nothing does.
func refusal(
    _ transport: TransportProtocol, at address: IPAddress, port: UInt16, sharing: Bool = false
) throws -> CInt? {
    do {
        _ = try Peer(transport, at: address, port: port, sharing: sharing)
        return nil
    } catch let error as PeerError {
        return error.code
    }
}
