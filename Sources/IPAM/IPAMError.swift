// SPDX-License-Identifier: Apache-2.0

public import Addressing

/// Why a pool or an address is refused, in words for the person who typed `docker`.
public enum IPAMError: Error, Hashable, Sendable, CustomStringConvertible {
    case unknownSpace(String)
    case badOption(OptionProblem)
    case hostBitsSet(InterfaceAddress)
    case wrongFamily(Prefix, wanted: AddressFamily)
    case reserved(Prefix, by: Prefix, for: String)
    case subPoolWithoutPool(InterfaceAddress)
    case subPoolOutside(Prefix, pool: Prefix)
    case subPoolUnusable(Prefix, pool: Prefix)
    case overlap(Prefix, with: PoolID)
    case noPoolLeft(PoolShortage)

    case unknownPool(PoolID)
    case invalidMACAddress(option: String, String)
    case outsidePool(IPAddress, PoolID)
    case networkAddress(IPAddress, PoolID)
    case broadcastAddress(IPAddress, PoolID)
    case addressTaken(IPAddress, PoolID, holder: String)
    /// The address is kept for somebody else.
    case addressReserved(IPAddress, PoolID, for: Identity)
    case addressProtected(IPAddress, PoolID, for: String, since: Int64)
    case noAddressLeft(PoolID, window: Prefix, usable: UInt128, reserved: Int, protected: Int)

    case unreadableState(String)

    /// True for a request that can never succeed as it is; false for one that is refused because of what there is.
    public var isBadRequest: Bool {
        switch self {
        case .unknownSpace, .badOption, .hostBitsSet, .wrongFamily, .reserved, .subPoolWithoutPool,
            .subPoolOutside, .subPoolUnusable, .invalidMACAddress, .outsidePool, .networkAddress, .broadcastAddress:
            true
        case .overlap, .noPoolLeft, .unknownPool, .addressTaken, .addressReserved, .addressProtected, .noAddressLeft,
            .unreadableState:
            false
        }
    }

    public var description: String {
        switch self {
        case .unknownSpace(let name):
            "address space ‘\(name)’ is not known to plugind; known are: "
                + AddressSpace.allCases.map(\.description).joined(separator: ", ")
        case .badOption(let problem):
            problem.description
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
        case .noPoolLeft(let shortage):
            shortage.description
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
        case .addressReserved(let address, let pool, let identity):
            "address \(address) of pool \(pool) is reserved for \(identity)"
        case .addressProtected(let address, let pool, let name, let since):
            "address \(address) of pool \(pool) is kept for container \(name), which asked for it by number and had it "
                + "until \(Moment.text(since)); remove that container, or choose another address"
        case .noAddressLeft(let pool, let window, usable: 0, _, _):
            "no address is free in \(window) of pool \(pool): its exclusions leave none to choose from"
        case .noAddressLeft(let pool, let window, let usable, let reserved, let protected):
            "no address is free in \(window) of pool \(pool): "
                + (usable == 1 ? "the only one is " : "all \(usable) are ")
                + Self.uses(reserved: reserved, protected: protected)
        case .unreadableState(let reason):
            "the stored pools cannot be used: \(reason)"
        }
    }

    private static func uses(reserved: Int, protected: Int) -> String {
        let others = [
            reserved > 0 ? "reserved (\(reserved))" : nil,
            protected > 0 ? "kept for containers that asked for them by number (\(protected))" : nil,
        ].compactMap(\.self)
        return others.isEmpty ? "in use" : "in use, " + others.joined(separator: " or ")
    }
}
