// SPDX-License-Identifier: Apache-2.0

public import Addressing

/// Why a pool or an address is refused, in words for the person who typed `docker`.
public enum IPAMError: Error, Hashable, Sendable, CustomStringConvertible {
    case unknownSpace(String)
    case unknownOption(String)
    case hostBitsSet(InterfaceAddress)
    case wrongFamily(Prefix, wanted: AddressFamily)
    case reserved(Prefix, by: Prefix, for: String)
    case subPoolWithoutPool(InterfaceAddress)
    case subPoolOutside(Prefix, pool: Prefix)
    case subPoolUnusable(Prefix, pool: Prefix)
    case overlap(Prefix, with: PoolID)
    case noPoolLeft(AddressFamily, tried: UInt128, obstacles: [String])

    case unknownPool(PoolID)
    case invalidMACAddress(option: String, String)
    case outsidePool(IPAddress, PoolID)
    case networkAddress(IPAddress, PoolID)
    case broadcastAddress(IPAddress, PoolID)
    case addressTaken(IPAddress, PoolID, holder: String)
    case noAddressLeft(PoolID, window: Prefix, usable: UInt128)

    case unreadableState(String)

    /// True for a request that can never succeed as it is; false for one that is refused because of what there is.
    public var isBadRequest: Bool {
        switch self {
        case .unknownSpace, .unknownOption, .hostBitsSet, .wrongFamily, .reserved, .subPoolWithoutPool,
            .subPoolOutside, .subPoolUnusable, .invalidMACAddress, .outsidePool, .networkAddress, .broadcastAddress:
            true
        case .overlap, .noPoolLeft, .unknownPool, .addressTaken, .noAddressLeft, .unreadableState:
            false
        }
    }

    public var description: String {
        switch self {
        case .unknownSpace(let name):
            "address space ‘\(name)’ is not known to plugind; known are: "
                + AddressSpace.allCases.map(\.description).joined(separator: ", ")
        case .unknownOption(let key):
            "unknown IPAM option \(key); plugind has no options of its own for pools"
        case .hostBitsSet(let given):
            "\(given) is an address in a subnet, not a subnet; did you mean \(given.prefix)?"
        case .wrongFamily(let prefix, let wanted):
            "pool \(prefix) is \(prefix.family), but an \(wanted) pool was asked for"
        case .reserved(let prefix, let reserved, let purpose):
            "pool \(prefix) cannot be used: \(reserved) is reserved for \(purpose)"
        case .subPoolWithoutPool(let subPool):
            "ip range \(subPool) needs a subnet that it is part of"
        case .subPoolOutside(let subPool, let pool):
            "ip range \(subPool) is not part of subnet \(pool)"
        case .subPoolUnusable(let subPool, let pool):
            "ip range \(subPool) holds no address that a container in subnet \(pool) could have"
        case .overlap(let prefix, let other):
            "subnet \(prefix) overlaps pool \(other), which is in use"
        case .noPoolLeft(let family, let tried, let obstacles):
            "no \(family) pool is free: \(tried) were tried\(Self.list(obstacles)); name one with --subnet"
        case .unknownPool(let pool):
            "pool \(pool) is not known to plugind"
        case .invalidMACAddress(let option, let text):
            "option \(option): ‘\(text)’ is not a MAC address"
        case .outsidePool(let address, let pool):
            "address \(address) is not in pool \(pool)"
        case .networkAddress(let address, let pool):
            address.family == .v4
                ? "address \(address) is the network address of pool \(pool)"
                : "address \(address) is the routers' anycast address of pool \(pool)"
        case .broadcastAddress(let address, let pool):
            "address \(address) is the broadcast address of pool \(pool)"
        case .addressTaken(let address, let pool, let holder):
            "address \(address) of pool \(pool) is taken: \(holder)"
        case .noAddressLeft(let pool, let window, let usable):
            "no address is free in \(window) of pool \(pool): "
                + (usable == 1 ? "the only one is in use" : "all \(usable) are in use")
        case .unreadableState(let reason):
            "the stored pools cannot be used: \(reason)"
        }
    }

    /// Names the first few.
    private static func list(_ obstacles: [String]) -> String {
        guard !obstacles.isEmpty else { return "" }
        let named = obstacles.prefix(3).joined(separator: ", ")
        let rest = obstacles.count > 3 ? " and \(obstacles.count - 3) more" : ""
        return ", in the way are \(named)\(rest)"
    }
}
