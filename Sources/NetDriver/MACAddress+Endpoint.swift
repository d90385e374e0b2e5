// SPDX-License-Identifier: Apache-2.0

import Addressing

extension MACAddress {
    /// The address of an endpoint's link, made from its IP address: unicast, locally administered, and the same whenever a
    /// container comes back with that address. So what its neighbours remember of it stays true; with another one they
    /// would send to nobody until their entries expire.
    init?(of address: IPAddress, in network: NetworkID) {
        // FNV-1a, 64 bits: short, spreads well, and never changes, unlike Swift's own hash.
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in Array(network.description.utf8) + address.bytes {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
        }
        var bytes = (0..<6).map { UInt8(truncatingIfNeeded: hash >> (8 * UInt64($0))) }
        bytes[0] = bytes[0] & 0b1111_1100 | 0b10
        self.init(bytes: bytes)
    }
}
