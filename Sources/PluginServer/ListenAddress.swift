// SPDX-License-Identifier: Apache-2.0

public import Addressing

/// Where something is served over TCP: `127.0.0.1:9477`, `[::1]:9477`.
///
/// The address is always written out, so that nobody serves every address of the host without having said so.
public struct ListenAddress: Hashable, Sendable, LosslessStringConvertible {
    public let address: IPAddress
    public let port: UInt16

    public init(address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }

    /// Fails unless there are an address, in brackets if it is of IPv6, and a port other than zero.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let host = text[..<colon]
        let digits = text[text.index(after: colon)...]
        guard let port = UInt16(digits), port > 0, digits == "\(port)" else { return nil }
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        guard let address = IPAddress(String(isBracketed ? host.dropFirst().dropLast() : host)),
            isBracketed == (address.family == .v6)
        else { return nil }
        self.init(address: address, port: port)
    }

    public var description: String {
        address.family == .v6 ? "[\(address)]:\(port)" : "\(address):\(port)"
    }
}
