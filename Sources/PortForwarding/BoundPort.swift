// SPDX-License-Identifier: Apache-2.0

import Addressing
import Glibc
import HostNetwork

/// One port number, bound at every address of a hold.
struct BoundPort {
    let number: UInt16
    /// One for each address of the hold, in its order; nil where the kernel does not know the transport.
    let sockets: [BoundSocket?]

    /// So many numbers of the kernel's choice are tried: each is free at the first address, but maybe not at the others.
    private static let attempts = 64

    /// Binds the first number that is free at all addresses, all or none. `check` throws if the port is held already.
    init(_ hold: PortHold, check: (IPAddress, UInt16) throws(HostPortError) -> Void) throws(HostPortError) {
        guard let first = hold.addresses.first else {
            throw HostPortError(
                hold.transport, IPAddress(v4: 0), port: nil, code: EINVAL, reason: "there is no address to publish at")
        }
        guard let ports = hold.ports else {
            self = try Self.ephemeral(hold, first, check)
            return
        }
        guard ports.lowerBound > 0 else {
            throw HostPortError(hold.transport, first, port: 0, code: EINVAL, reason: "0 is not a port")
        }
        for number in ports {
            do throws(HostPortError) {
                self = try Self(number, hold, check)
                return
            } catch {
                guard error.code == EADDRINUSE, ports.count > 1 else { throw error }
            }
        }
        throw HostPortError(
            hold.transport, first, port: nil, code: EADDRINUSE,
            reason: "none of the ports \(ports.lowerBound)-\(ports.upperBound) is free on this host")
    }

    /// Binds this number.
    private init(
        _ number: UInt16, _ hold: PortHold, _ check: (IPAddress, UInt16) throws(HostPortError) -> Void
    ) throws(HostPortError) {
        var sockets: [BoundSocket?] = []
        for address in hold.addresses {
            try check(address, number)
            sockets.append(try BoundSocket(hold.transport, address, port: number))
        }
        self.init(number: number, sockets: sockets)
    }

    private init(number: UInt16, sockets: [BoundSocket?]) {
        self.number = number
        self.sockets = sockets
    }

    /// Binds a number of the kernel's choice.
    private static func ephemeral(
        _ hold: PortHold, _ first: IPAddress, _ check: (IPAddress, UInt16) throws(HostPortError) -> Void
    ) throws(HostPortError) -> Self {
        for _ in 0..<attempts {
            do throws(HostPortError) {
                return try ephemeralOnce(hold, first, check)
            } catch {
                guard error.code == EADDRINUSE else { throw error }
            }
        }
        throw HostPortError(hold.transport, first, port: nil, code: EADDRINUSE)
    }

    private static func ephemeralOnce(
        _ hold: PortHold, _ first: IPAddress, _ check: (IPAddress, UInt16) throws(HostPortError) -> Void
    ) throws(HostPortError) -> Self {
        let chosen = try BoundSocket(hold.transport, first, port: 0)
        // A kernel without SCTP chooses as if it were for UDP, which every kernel knows.
        let model = if let chosen { chosen } else { try BoundSocket(.udp, first, port: 0) }
        guard let number = model?.port else {
            throw HostPortError(hold.transport, first, port: nil, code: EPROTONOSUPPORT)
        }
        try check(first, number)
        var others = hold
        others.addresses.removeFirst()
        return Self(number: number, sockets: [chosen] + (try Self(number, others, check)).sockets)
    }
}
