// SPDX-License-Identifier: Apache-2.0

public import Addressing

/// An address that a command has kept for one container, by its name or by its MAC address: exactly one of the two.
///
/// It belongs to no pool, and so outlives them. It is in force in every pool that has the address.
public struct ReservationRecord: Codable, Hashable, Sendable {
    public var name: String?
    public var mac: MACAddress?
    public var address: IPAddress

    public init(name: String? = nil, mac: MACAddress? = nil, address: IPAddress) {
        self.name = name
        self.mac = mac
        self.address = address
    }
}
