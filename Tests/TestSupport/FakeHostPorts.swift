// SPDX-License-Identifier: Apache-2.0

public import Addressing
public import HostNetwork
import Synchronization

/// A host whose ports are in memory.
public final class FakeHostPorts: HostPorts {
    fileprivate struct Door: Hashable {
        var transport: TransportProtocol
        var address: IPAddress
        var port: UInt16
    }

    fileprivate struct State {
        var held: [Door: PortTarget?] = [:]
        /// Ports that somebody else has.
        var foreign: Set<UInt16> = []
        /// Addresses that are none of the host's.
        var absent: Set<IPAddress> = []
    }

    private let state = Mutex(State())

    public init() {}

    /// `tcp 0.0.0.0 8080`, and ` to ADDRESS PORT` where it is forwarded; sorted.
    public var held: [String] {
        state.withLock { state in
            state.held.map { door, target in
                "\(door.transport) \(door.address) \(door.port)"
                    + (target.map { " to \($0.address) \($0.port)" } ?? "")
            }.sorted()
        }
    }

    public func takeByOther(_ port: UInt16) { state.withLock { _ = $0.foreign.insert(port) } }
    public func giveBackByOther(_ port: UInt16) { state.withLock { _ = $0.foreign.remove(port) } }
    public func remove(_ address: IPAddress) { state.withLock { _ = $0.absent.insert(address) } }
    /// The daemon ends, and its sockets with it.
    public func forgetAll() { state.withLock { $0.held = [:] } }

    public func take(_ hold: PortHold) throws(HostPortError) -> UInt16 {
        try state.withLock { state throws(HostPortError) in
            if let address = hold.addresses.first(where: { state.absent.contains($0) }) {
                throw HostPortError(hold.transport, address, port: nil, code: 99, reason: "not an address of this host")
            }
            guard let port = (hold.ports ?? 32768...60999).first(where: { port in state.isFree(port, hold) }) else {
                throw HostPortError(
                    hold.transport, hold.addresses[0], port: hold.ports?.lowerBound, code: 98,
                    reason: "the port is in use on this host")
            }
            for address in hold.addresses {
                state.held[Door(transport: hold.transport, address: address, port: port)] = hold.forwarding[address]
            }
            return port
        }
    }

    public func release(_ port: UInt16, _ transport: TransportProtocol, at addresses: [IPAddress]) {
        state.withLock { state in
            for address in addresses {
                state.held.removeValue(forKey: Door(transport: transport, address: address, port: port))
            }
        }
    }
}

extension FakeHostPorts.State {
    fileprivate func isFree(_ port: UInt16, _ hold: PortHold) -> Bool {
        !foreign.contains(port)
            && !held.keys.contains { door in
                door.port == port && door.transport == hold.transport
                    && hold.addresses.contains {
                        $0 == door.address
                            || $0.family == door.address.family && ($0.isUnspecified || door.address.isUnspecified)
                    }
            }
    }
}
