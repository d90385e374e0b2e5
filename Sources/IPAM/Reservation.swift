// SPDX-License-Identifier: Apache-2.0

public import Addressing

/// An address that nobody gets but one container or link. Addresses of both families are two reservations.
public struct Reservation: Hashable, Sendable {
    public let identity: Identity
    public let address: IPAddress

    public init(identity: Identity, address: IPAddress) {
        self.identity = identity
        self.address = address
    }
}

extension Reservation: CustomStringConvertible {
    /// `web=10.0.0.5`, as in options.
    public var description: String { "\(identity.text)=\(address)" }
}

extension Reservation {
    /// Takes one entry of an option's list: `NAME=ADDRESS` or `MAC=ADDRESS`.
    init(_ text: String, of key: PoolOptions.Key) throws(OptionProblem) {
        let parts = text.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2 else {
            throw OptionProblem(key, text, "is not a reservation such as web=10.0.0.5 or 02:11:22:33:44:55=10.0.0.5")
        }
        guard let identity = Identity(parts[0]) else {
            throw OptionProblem(
                key, text,
                MACAddress(parts[0]) == nil
                    ? "begins neither with a container's name (letters, digits, ‘_’, ‘.’, ‘-’) nor with a MAC address"
                    : "begins with a MAC address that no link can have")
        }
        guard let address = IPAddress(parts[1]) else { throw OptionProblem(key, text, "does not end in an address") }
        self.init(identity: identity, address: address)
    }
}
