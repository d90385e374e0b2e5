// SPDX-License-Identifier: Apache-2.0

public import Addressing

/// What is known of an address that was released: by whom it had been held, and since when it rests.
public struct RestRecord: Codable, Hashable, Sendable {
    public var pool: String
    public var address: IPAddress
    /// The name of the container that had held it, where the engine sent one.
    public var name: String?
    /// The MAC address of the link that had held it, where the engine sent one.
    public var mac: MACAddress?
    /// False for a claim by MAC alone that was asked for only once.
    public var isConfirmed: Bool
    /// The address had been asked for by number.
    public var isFixed: Bool
    /// When it was released, in milliseconds since 1970.
    public var released: Int64

    public init(
        pool: String, address: IPAddress, name: String?, mac: MACAddress?, isConfirmed: Bool = true,
        isFixed: Bool = false, released: Int64
    ) {
        self.pool = pool
        self.address = address
        self.name = name
        self.mac = mac
        self.isConfirmed = isConfirmed
        self.isFixed = isFixed
        self.released = released
    }
}
