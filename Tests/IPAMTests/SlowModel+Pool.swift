// SPDX-License-Identifier: Apache-2.0

import Addressing
import Store

@testable import IPAM

extension SlowModel {
    /// One pool: who has what, and who had what. Nothing here is sorted, and everything is searched from end to end.
    struct Pool {
        let id: PoolID
        let space: AddressSpace
        let prefix: Prefix
        let subPool: Prefix?
        let options: PoolOptions
        var held: [IPAddress: AddressRecord] = [:]
        var rests: [IPAddress: RestRecord] = [:]
        /// Where the last choice fell.
        var cursor: IPAddress?
        /// What is chosen from, as bits: ascending, without overlaps. Reserved addresses are in it.
        private(set) var window: [ClosedRange<UInt128>] = []
        /// By command.
        private(set) var exclusions: Set<IPAddress> = []
        /// Whose rests were over while they were excluded: nothing is known of them any more.
        var lapsed: Set<IPAddress> = []

        init(space: AddressSpace, prefix: Prefix, subPool: Prefix?, options: PoolOptions) {
            self.id = PoolID(space: space, prefix: prefix, subPool: subPool)
            self.space = space
            self.prefix = prefix
            self.subPool = subPool
            self.options = options
            setExclusions([])
        }

        mutating func setExclusions(_ exclusions: Set<IPAddress>) {
            self.exclusions = exclusions
            window = windowWithoutExclusions
            for excluded in options.exclude + exclusions.map({ $0...$0 }) {
                let (first, last) = (excluded.lowerBound.bits, excluded.upperBound.bits)
                window = window.flatMap { piece in
                    guard piece.overlaps(first...last) else { return [piece] }
                    var left: [ClosedRange<UInt128>] = []
                    if piece.lowerBound < first { left.append(piece.lowerBound...first - 1) }
                    if last < piece.upperBound { left.append(last + 1...piece.upperBound) }
                    return left
                }
            }
            window.sort { $0.lowerBound < $1.lowerBound }
        }
    }
}

// MARK: - Numbers

extension SlowModel.Pool {
    func address(_ bits: UInt128) -> IPAddress {
        guard let address = IPAddress(family: prefix.family, bits: bits) else {
            preconditionFailure("only bits of the pool are asked for")
        }
        return address
    }

    func contains(_ range: AddressRange) -> Bool {
        prefix.contains(range.lowerBound) && prefix.contains(range.upperBound)
    }

    func addresses(_ first: IPAddress, _ last: IPAddress) -> [IPAddress] {
        (0...last.bits - first.bits).map { address(first.bits + $0) }
    }

    /// What a link may have, as bits.
    var usable: ClosedRange<UInt128> {
        let (first, last) = (prefix.first.bits, prefix.last.bits)
        if last - first <= 1 { return first...last }
        return prefix.family == .v4 ? first + 1...last - 1 : first + 1...last
    }

    /// What would be chosen from if nothing were excluded.
    var windowWithoutExclusions: [ClosedRange<UInt128>] {
        let wanted =
            options.ranges.isEmpty ? [usable] : options.ranges.map { $0.lowerBound.bits...$0.upperBound.bits }
        let within = subPool.map { $0.first.bits...$0.last.bits } ?? usable
        return
            wanted
            .filter { $0.overlaps(within) }.map { $0.clamped(to: within) }
            .filter { $0.overlaps(usable) }.map { $0.clamped(to: usable) }
    }
}
