// SPDX-License-Identifier: Apache-2.0

/// An address with the length of its prefix, such as `10.0.0.1/24`: what a link is given.
public struct InterfaceAddress: Hashable, Sendable {
    public let address: IPAddress
    public let prefixLength: Int

    /// Fails if `prefixLength` is out of the family's range.
    public init?(address: IPAddress, prefixLength: Int) {
        guard (0...address.family.width).contains(prefixLength) else { return nil }
        self.address = address
        self.prefixLength = prefixLength
    }

    /// The block that the address is in.
    public var prefix: Prefix {
        guard let prefix = Prefix(containing: address, length: prefixLength) else {
            preconditionFailure("the length was checked when the value was made")
        }
        return prefix
    }
}

extension InterfaceAddress: StringCodable {
    /// Accepts an address, a slash and a decimal length without leading zeros.
    public init?(_ description: String) {
        var rest = description.utf8[...]
        guard let address = IPAddress(takenFrom: &rest),
            rest.pop(UInt8(ascii: "/")),
            let length = rest.popDecimal(upTo: address.family.width),
            rest.isEmpty
        else { return nil }
        self.init(address: address, prefixLength: length)
    }

    public var description: String { "\(address)/\(prefixLength)" }
}
