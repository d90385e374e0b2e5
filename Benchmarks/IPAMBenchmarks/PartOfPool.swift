// SPDX-License-Identifier: Apache-2.0

import Addressing
import IPAM
import Store

/// A pool of which a part is used up already.
///
/// Up to 65,536 addresses, the part is given away and spread evenly, which makes the most holes. A larger pool would
/// not fit into memory: it is cut into 4096 stretches, in each of which 16 addresses are given away and so many
/// excluded that the part is used up.
struct PartOfPool {
    let prefix: Prefix
    /// In thousandths.
    let part: Int

    /// The state of a daemon that has the pool.
    var state: StoredState {
        StoredState(pools: [record], addresses: isLarge ? addressesOfStretches : spreadAddresses)
    }

    var id: String { "\(AddressSpace.local)/\(prefix)" }

    private var hostBits: Int { prefix.family.width - prefix.length }
    private var isLarge: Bool { hostBits > 16 }

    private var record: PoolRecord {
        PoolRecord(
            id: id, space: AddressSpace.local.rawValue, prefix: prefix, subPool: nil,
            options: isLarge && part > 0 ? ["plugind.exclude": exclusions] : [:], isChosen: false)
    }

    private func address(_ offset: UInt128) -> String {
        IPAddress(family: prefix.family, bits: prefix.first.bits + offset)?.description ?? ""
    }

    private func record(_ offset: UInt128) -> AddressRecord? {
        IPAddress(family: prefix.family, bits: prefix.first.bits + offset).map {
            AddressRecord(pool: id, address: $0, role: .address, name: nil, mac: nil)
        }
    }

    // MARK: Small pools

    private var spreadAddresses: [AddressRecord] {
        // Not the network's address, nor the broadcast address.
        let usable = UInt128(1) << UInt128(hostBits) - 2
        let part = UInt128(part)
        // The count goes up by one at every address that is given away.
        return (0..<usable).filter { ($0 + 1) * part / 1000 > $0 * part / 1000 }.compactMap { record($0 + 1) }
    }

    // MARK: Large pools

    private static let stretches: UInt128 = 4096
    private static let given: UInt128 = 16

    private var stretch: UInt128 { UInt128(1) << UInt128(hostBits) / Self.stretches }
    /// How many are excluded, at the beginning of each stretch.
    private var excluded: UInt128 {
        stretch / 1000 * UInt128(part) + stretch % 1000 * UInt128(part) / 1000 - Self.given
    }

    private var exclusions: String {
        (0..<Self.stretches).map { index in
            "\(address(index * stretch))-\(address(index * stretch + excluded - 1))"
        }.joined(separator: ",")
    }

    private var addressesOfStretches: [AddressRecord] {
        guard part > 0 else { return [] }
        return (0..<Self.stretches).flatMap { index in
            (0..<Self.given).compactMap { record(index * stretch + excluded + $0) }
        }
    }
}
