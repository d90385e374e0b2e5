// SPDX-License-Identifier: Apache-2.0

public import Addressing
import Glibc
public import HostNetwork
public import Logging
import NIOCore
import NIOPosix
import Synchronization

/// The real host's ports.
///
/// Calls block for as long as a few system calls take, and must not come from an event loop. There is no thread until the
/// first port is to be forwarded: then there is one event loop for all TCP, and a dispatch queue for each UDP port.
public final class HeldPorts: HostPorts {
    /// A number of one transport.
    private struct Door: Hashable {
        var transport: TransportProtocol
        var port: UInt16
    }

    /// What is at one address of a door.
    private enum Holding {
        /// The kernel does not know the transport, so there is no socket.
        case inMemory
        /// Drops everything. Closed when it is let go of.
        case idle(BoundSocket)
        case tcp(TCPForwarder)
        case udp(UDPForwarder)

        func end() {
            switch self {
            case .inMemory, .idle: break
            case .tcp(let forwarder): forwarder.end()
            case .udp(let forwarder): forwarder.end()
            }
        }
    }

    private struct State {
        var doors: [Door: [IPAddress: Holding]] = [:]
        /// Nil until it is needed.
        var group: MultiThreadedEventLoopGroup?
    }

    private let logger: Logger
    private let idleTime: Duration
    private let budget: DescriptorBudget
    private let state = Mutex(State())

    public convenience init(logger: Logger) {
        self.init(logger: logger, idleTime: .seconds(90), budget: .ofProcess())
    }

    /// UDP sessions end when they are idle for `idleTime`.
    init(logger: Logger, idleTime: Duration, budget: DescriptorBudget) {
        self.logger = logger
        self.idleTime = idleTime
        self.budget = budget
    }

    deinit {
        releaseAll()?.shutdownGracefully { _ in }
    }

    public func take(_ hold: PortHold) throws(HostPortError) -> UInt16 {
        try state.withLock { state throws(HostPortError) in
            let doors = state.doors
            let bound = try BoundPort(hold) { address, port throws(HostPortError) in
                try check(address, Door(transport: hold.transport, port: port), in: doors)
            }
            var holdings: [IPAddress: Holding] = [:]
            for (address, socket) in zip(hold.addresses, bound.sockets) {
                do throws(HostPortError) {
                    holdings[address] = try holding(socket, address, hold, &state)
                } catch {
                    for holding in holdings.values { holding.end() }
                    throw error
                }
            }
            let door = Door(transport: hold.transport, port: bound.number)
            state.doors[door, default: [:]].merge(holdings) { _, new in new }
            return bound.number
        }
    }

    public func release(_ port: UInt16, _ transport: TransportProtocol, at addresses: [IPAddress]) {
        let door = Door(transport: transport, port: port)
        state.withLock { state in
            for address in addresses { state.doors[door]?.removeValue(forKey: address)?.end() }
            if state.doors[door]?.isEmpty == true { state.doors[door] = nil }
        }
    }

    /// Lets go of all ports, and returns when nothing of this runs any more.
    public func close() async {
        do {
            try await releaseAll()?.shutdownGracefully()
        } catch {
            logger.warning("Cannot end the forwarding of ports", error: error)
        }
    }

    /// Returns the event loop, which has nothing to do any more.
    private func releaseAll() -> MultiThreadedEventLoopGroup? {
        state.withLock { state in
            for holdings in state.doors.values { for holding in holdings.values { holding.end() } }
            state.doors = [:]
            return state.group.take()
        }
    }

    /// Throws if the port is held here. The kernel would refuse it, too, if it knows the transport, but not in such words.
    private func check(
        _ address: IPAddress, _ door: Door, in doors: [Door: [IPAddress: Holding]]
    ) throws(HostPortError) {
        let isHeld = doors[door]?.keys.contains { held in
            held.family == address.family && (held == address || held.isUnspecified || address.isUnspecified)
        }
        guard isHeld == true else { return }
        throw HostPortError(
            door.transport, address, port: door.port, code: EADDRINUSE,
            reason: "the port is held for a container already")
    }

    /// Begins to forward what comes to a socket, if the hold says so.
    private func holding(
        _ socket: BoundSocket?, _ address: IPAddress, _ hold: PortHold, _ state: inout State
    ) throws(HostPortError) -> Holding {
        guard let socket else { return .inMemory }
        guard let target = hold.forwarding[address] else { return .idle(socket) }
        do {
            switch hold.transport {
            case .tcp:
                let group = state.group ?? MultiThreadedEventLoopGroup(numberOfThreads: 1)
                state.group = group
                return .tcp(
                    try TCPForwarder(socket, to: target, on: group.next(), budget: budget, logger: logger))
            case .udp:
                return .udp(
                    try UDPForwarder(socket, address.family, to: target, idleTime: idleTime, budget: budget))
            case .icmp, .sctp:
                return .idle(socket)
            }
        } catch {
            let code = (error as? ForwardingError)?.code ?? (error as? IOError)?.errnoCode ?? EIO
            throw HostPortError(hold.transport, address, port: socket.port, code: code)
        }
    }
}
